"""A chain whose every part can be exchanged: what an exhibit draws with and without its mistake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import torch

from diffusion_edu.checkpoints import PRETRAINED, Model
from diffusion_edu.core import State, walk
from diffusion_edu.data.images import load_images, to_bytes, to_signed
from diffusion_edu.denoisers import clipped, guided
from diffusion_edu.museum.moments import LINEAR
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced

STRIDE = 37  # between the kinds that neighbouring seeds draw


@cache
def flowers(seeds):
    """Take one real flower per seed, of the kind that the seed draws, float32 (b, 3, 64, 64) in [-1, 1]."""
    known = load_images(PRETRAINED / "flower_samples.parquet")
    rows = [(known.labels == class_name).nonzero()[0].item() for class_name in class_names(known, seeds)]
    return to_signed(known.images[rows])


def class_names(card, seeds):
    """Name another kind of flower for every seed, a list of labels, or None if a model knows no kinds."""
    return [STRIDE * seed % len(card.classes) for seed in seeds] if card.classes else None


@dataclass(frozen=True)
class Chain:
    """How images are sampled, part by part: an exhibit exchanges one part and leaves the others alone.

    Without any exchange it draws what `generate` draws on the linear schedule with guidance 1.
    """

    steps: int = 20
    schedule: Schedule = LINEAR
    timesteps: Callable = spaced  # (schedule, steps) -> timesteps
    step: Callable = ddim_step  # (denoise, schedule, x, t, s, randn) -> (x_s, x0_hat)
    walk: Callable = walk
    limit: Callable = clipped  # denoiser -> denoiser
    guidance: Callable = guided  # (conditional, unconditional, scale) -> denoiser
    guidance_scale: float = 1.0
    weights: Callable = lambda model: model
    begin: Callable = lambda schedule, eps, timesteps, seeds: (eps, timesteps)
    hold: Callable = lambda schedule, eps, seeds: lambda x, t: x  # what walk calls constrain
    develop: Callable = to_bytes  # images in [-1, 1] -> uint8

    def nfe(self, guiding=True):
        """Count how often the network is asked for one image."""
        return self.steps * (2 if guiding and self.guidance_scale not in (0, 1) else 1)

    def draw(self, model: Model, seeds: tuple[int, ...]) -> Iterator[State]:
        """Draw one image per seed and yield steps + 1 States."""
        model, noise, labels = self.weights(model), SeededNoise(seeds), class_names(model.card, seeds)
        denoise = model.denoiser(self.schedule)
        if labels is not None:
            denoise = self.guidance(
                denoise.given(torch.tensor(labels, device=model.compute.device)), denoise, self.guidance_scale
            )
        eps = model.compute.place(noise.sample((model.card.channels, model.card.size, model.card.size)))
        x, timesteps = self.begin(self.schedule, eps, self.timesteps(self.schedule, self.steps), seeds)
        step = partial(self.step, self.limit(denoise), self.schedule, randn=noise)
        return self.walk(step, x, timesteps, self.hold(self.schedule, eps, seeds))
