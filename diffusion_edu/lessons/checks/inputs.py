"""Random inputs for the trials of an exercise; every function takes the trial's torch.Generator first."""

import warnings

import torch
from torch import Generator, Tensor

from diffusion_edu.schedules import Schedule


def number(random: Generator, low: float, high: float) -> float:
    """Choose a number between low and high."""
    return low + (high - low) * torch.rand(1, generator=random).item()


def whole(random: Generator, low: int, high: int) -> int:
    """Choose a whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (1,), generator=random))


def images(random: Generator, *shape: int) -> Tensor:
    """Make images in [-1, 1], float64, of this shape."""
    return 2 * torch.rand(shape, generator=random, dtype=torch.float64) - 1


def noise(random: Generator, *shape: int) -> Tensor:
    """Make standard Gaussian noise, float64, of this shape."""
    return torch.randn(shape, generator=random, dtype=torch.float64)


def betas(random: Generator, T: int) -> Tensor:
    """Make T betas between 0.02 and 0.32, float64."""
    return 0.02 + 0.3 * torch.rand(T, generator=random, dtype=torch.float64)


def alpha_bar(random: Generator, T: int) -> Tensor:
    """Make a table of the signal's power (T + 1,), from 1 at timestep 0."""
    return torch.cat([torch.ones(1, dtype=torch.float64), (1 - betas(random, T)).cumprod(0)])


def schedule(random: Generator, T: int = 10, preserving: bool = False) -> Schedule:
    """Make a schedule with T timesteps; unless `preserving`, its squares do not add to one."""
    power = alpha_bar(random, T)
    height = 1.0 if preserving else number(random, 0.7, 1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ten timesteps leave some signal at the end, and here it does no harm
        return Schedule("random", power.sqrt(), height * (1 - power).sqrt())


def two_timesteps(random: Generator, T: int, lowest: int = 0) -> tuple[int, int]:
    """Choose (t, s) with lowest <= s < t <= T; in a quarter of the cases s is the lowest."""
    s = lowest if number(random, 0, 1) < 0.25 else whole(random, lowest, T - 1)
    return whole(random, s + 1, T), s


def bent_schedule(random: Generator, T: int = 10) -> Schedule:
    """Make a schedule whose noise rates cannot be computed from its signal rates."""
    power = alpha_bar(random, T)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `schedule`
        return Schedule("random", power.sqrt(), number(random, 0.7, 1.5) * (1 - power) ** number(random, 0.35, 0.8))
