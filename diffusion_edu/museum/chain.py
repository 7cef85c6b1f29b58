"""A sampling chain whose parts can be exchanged: what an exhibit samples with its mistake and without it."""

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

STRIDE = 37  # between the labels of neighbouring seeds


@cache
def flowers(seeds):
    """Return one real flower per seed, of the class of that seed, float32 (b, 3, 64, 64) in [-1, 1]."""
    known = load_images(PRETRAINED / "flower_samples.parquet")
    rows = [(known.labels == label).nonzero()[0].item() for label in labels_for(known, seeds)]
    return to_signed(known.images[rows])


def labels_for(known, seeds):
    """Return one label per seed, as a list, for a card or a set of images; None if it has no classes."""
    return [STRIDE * seed % len(known.classes) for seed in seeds] if known.classes else None


@dataclass(frozen=True)
class Chain:
    """The parts of a sampling chain; an exhibit exchanges one of them.

    Without an exchange it samples what `generate` samples on the linear schedule with guidance scale 1.
    """

    steps: int = 20
    schedule: Schedule = LINEAR
    timesteps: Callable = spaced  # (schedule, steps) -> timesteps
    step: Callable = ddim_step  # (denoise, schedule, x, t, s, randn) -> (x_s, x0_hat)
    walk: Callable = walk
    clip: Callable = clipped  # denoiser -> denoiser
    guidance: Callable = guided  # (conditional, unconditional, scale) -> denoiser
    guidance_scale: float = 1.0
    weights: Callable = lambda model: model
    start: Callable = lambda schedule, eps, timesteps, seeds: (eps, timesteps)
    constrain: Callable = lambda schedule, eps, seeds: lambda x, t: x  # returns the `constrain` of walk
    to_bytes: Callable = to_bytes  # images in [-1, 1] -> uint8

    def nfe(self, guiding=True):
        """Return the number of function evaluations (NFE) of the network for one image."""
        return self.steps * (2 if guiding and self.guidance_scale not in (0, 1) else 1)

    def sample(self, model: Model, seeds: tuple[int, ...]) -> Iterator[State]:
        """Generate one image per seed; yields steps + 1 States."""
        model, noise, labels = self.weights(model), SeededNoise(seeds), labels_for(model.card, seeds)
        denoise = model.denoiser(self.schedule)
        if labels is not None:
            conditional = denoise.given(torch.tensor(labels, device=model.compute.device))
            denoise = self.guidance(conditional, denoise, self.guidance_scale)
        eps = model.compute.place(noise.sample((model.card.channels, model.card.size, model.card.size)))
        x, timesteps = self.start(self.schedule, eps, self.timesteps(self.schedule, self.steps), seeds)
        step = partial(self.step, self.clip(denoise), self.schedule, randn=noise)
        return self.walk(step, x, timesteps, self.constrain(self.schedule, eps, seeds))
