"""Interpolation between two prompt requests: between their conditions and between their noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from diffusion_edu.checks import checked
from diffusion_edu.editing.interpolation import slerp
from diffusion_edu.generation import Interpolated
from diffusion_edu.latent.inputs import repeat_for


@dataclass(frozen=True)
class InterpolatedNoise:
    """Noise between two noises by spherical interpolation, a fraction (n,) of the way per image; each has one seed or
    n.
    """

    first: Callable
    second: Callable
    fraction: Tensor

    def sample(self, shape):
        """Sample the next noise of every image, float32 (n, *shape)."""
        ends = (noise.sample(shape).expand(len(self.fraction), *shape) for noise in (self.first, self.second))
        return slerp(*ends, self.fraction.double().view(-1, 1))

    def __call__(self, x):
        return self.sample(x.shape[1:]).to(x)


@checked
def interpolate(first, second, fractions: Sequence[float]):
    """Request an image at each fraction 0..1 of the way between two requests: between their prompts and their noise.

    Each request is for one image or for as many as there are fractions, with the same model and preset.
    """
    fractions = torch.as_tensor(list(fractions), dtype=torch.float64)
    inside = len(fractions) and ((fractions >= 0) & (fractions <= 1)).all()
    if not inside or not {first.count, second.count} <= {1, len(fractions)}:
        raise ValueError(
            f"Give fractions of 0 to 1, and request one image at both ends, or one per fraction, {len(fractions)}."
        )
    if first.text_to_image is not second.text_to_image or first.preset != second.preset:
        raise ValueError("Two requests can be interpolated only with the same model and the same preset.")
    condition, negative = (
        interpolate_conditions(*ends, fractions)
        for ends in ((first.condition, second.condition), (first.negative, second.negative))
    )
    notes = tuple(dict.fromkeys(first.notes + second.notes))

    def noise():
        return InterpolatedNoise(first.noise(), second.noise(), fractions)

    return replace(first, noise=noise, count=len(fractions), condition=condition, negative=negative, notes=notes)


def interpolate_conditions(first, second, fractions):
    """Condition every image on both conditions, or on one if they are equal."""
    first, second = (repeat_for(each, len(fractions)) for each in (first, second))
    same = first is second if first is None or second is None else torch.equal(first, second)
    return first if same else Interpolated(first, second, fractions)
