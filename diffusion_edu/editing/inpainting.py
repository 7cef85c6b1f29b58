"""Inpainting: fill a hole in an image while the known pixels stay, with and without resampling (RePaint, Lugmayr et al.
2022).
"""

import torch
from torch import Tensor

from diffusion_edu.checks import Count, Numbers, Timesteps, checked
from diffusion_edu.core import Constraint, Denoiser, Step
from diffusion_edu.samplers import Noise, Stepped
from diffusion_edu.schedules import Schedule


@checked
def keep_known(known: Numbers, mask: Tensor, schedule: Schedule, eps: Tensor) -> Constraint:
    """Return a `constrain` for walk: where mask is 1, x is the known image at x's timestep, always with the same noise
    eps.
    """
    _check_mask(mask, known)
    return lambda x, t: torch.where(mask.bool(), schedule.corrupt(known, t, eps), x)


@checked
def keep_known_with_new_noise(known: Numbers, mask: Tensor, schedule: Schedule, randn: Noise) -> Constraint:
    """Return a `constrain` like that of keep_known, with new noise at every timestep (RePaint, eq. 8a)."""
    _check_mask(mask, known)
    return lambda x, t: torch.where(mask.bool(), schedule.corrupt(known, t, randn(x)), x)


def _check_mask(mask, known):
    """Raise ValueError unless the mask covers the known image, or is one mask for all images and channels."""
    sides = zip(reversed(mask.shape), reversed(known.shape), strict=False)
    if mask.ndim > known.ndim or any(side not in (1, whole) for side, whole in sides):
        raise ValueError(f"A mask {tuple(mask.shape)} does not fit an image {tuple(known.shape)}: scale the mask.")


@checked
def resampling_timesteps(timesteps: Timesteps, jump: Count, repeats: Count) -> list[int]:
    """Insert jumps back into timesteps: every `jump` sampling steps are done `repeats` times in all (RePaint, fig. 3).

    The first and the last timestep stay. Raises ValueError unless jump and repeats are whole numbers, 1 or more.
    """
    path = list(timesteps[:1])
    for at in range(0, len(timesteps) - 1, jump):
        section = list(timesteps[at : at + jump + 1])
        path += (section[1:] + section[:1]) * (repeats - 1) + section[1:]
    return path


@checked
def resampling_step(
    step: Step, denoise: Denoiser, schedule: Schedule, x: Tensor, t: int, s: int, randn: Noise = torch.randn_like
) -> Stepped:
    """Do `step` if s < t; if s > t, add the noise between t and s (RePaint, alg. 1, line 11).

    At timestep 0 the image is its own prediction.
    """
    if s < t:
        return step(x, t, s)
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    kept = signal_s / signal_t
    added = (noise_s**2 - (kept * noise_t) ** 2).sqrt()
    return kept * x + added * randn(x), denoise(x, t) if t else x
