"""A chain whose every part can be exchanged: what an exhibit draws with and without its mistake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import torch

from diffusion_edu.checkpoints import PRETRAINED, Model
from diffusion_edu.core import State, walk
from diffusion_edu.data.images import load_pictures, to_bytes, to_signed
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
    known = load_pictures(PRETRAINED / "flower_samples.parquet")
    rows = [(known.labels == kind).nonzero()[0].item() for kind in kinds(known, seeds)]
    return to_signed(known.images[rows])


def kinds(card, seeds):
    """Name another kind of flower for every seed, a list of labels, or None if a model knows no kinds."""
    return [STRIDE * seed % len(card.classes) for seed in seeds] if card.classes else None


@dataclass(frozen=True)
class Chain:
    """How pictures are drawn, part by part: an exhibit exchanges one part and leaves the others alone.

    Without any exchange it draws what `generate` draws on the linear schedule with guidance 1.
    """

    moves: int = 20
    schedule: Schedule = LINEAR
    levels: Callable = spaced  # (schedule, moves) -> levels
    step: Callable = ddim_step  # (denoise, schedule, x, t, s, randn) -> (x_s, x0_hat)
    walk: Callable = walk
    limit: Callable = clipped  # denoiser -> denoiser
    guide: Callable = guided  # (conditional, unconditional, scale) -> denoiser
    scale: float = 1.0
    weights: Callable = lambda model: model
    begin: Callable = lambda schedule, eps, levels, seeds: (eps, levels)
    hold: Callable = lambda schedule, eps, seeds: lambda x, t: x  # what walk calls constrain
    develop: Callable = to_bytes  # images in [-1, 1] -> uint8

    def evaluations(self, guiding=True):
        """Count how often the network is asked for one picture."""
        return self.moves * (2 if guiding and self.scale not in (0, 1) else 1)

    def draw(self, model: Model, seeds: tuple[int, ...]) -> Iterator[State]:
        """Draw one picture per seed and yield moves + 1 States."""
        model, noise, labels = self.weights(model), SeededNoise(seeds), kinds(model.card, seeds)
        denoise = model.denoiser(self.schedule)
        if labels is not None:
            denoise = self.guide(denoise.given(torch.tensor(labels, device=model.compute.device)), denoise, self.scale)
        eps = model.compute.place(noise.draw((model.card.channels, model.card.size, model.card.size)))
        x, levels = self.begin(self.schedule, eps, self.levels(self.schedule, self.moves), seeds)
        step = partial(self.step, self.limit(denoise), self.schedule, randn=noise)
        return self.walk(step, x, levels, self.hold(self.schedule, eps, seeds))
