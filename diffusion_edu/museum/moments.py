"""The exact moments of whole chains: numbers that no sample can blur.

For data N(mean, std^2) the best denoiser is linear, so every step is affine, `x_s = a x + b + g z`, and the moments of the chain
follow without randomness: `mean_s = a mean_t + b`, `var_s = a^2 var_t + g^2`. The coefficients are read off the real step functions.
"""

from functools import partial
from itertools import pairwise

import torch

from diffusion_edu.schedules import linear
from diffusion_edu.spacings import spaced

LINEAR = linear(1000)
STD = 0.02  # of the data


def best(std=STD, schedule=LINEAR):
    """The posterior mean for data N(0, std^2)."""

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        return signal * std**2 / (signal**2 * std**2 + noise**2) * x

    return denoise


def final_moments(step, timesteps, std=1.0):
    """Mean and standard deviation at the end of a chain that starts from N(0, std^2); step takes randn too."""
    probe, only_noise = torch.tensor(
        [[[1.0], [0.0], [0.0]], [[0.0], [0.0], [1.0]]], dtype=torch.float64
    )  # x = 1, x = 0, z = 1
    mean, variance = 0.0, std**2
    for t, s in pairwise(timesteps):
        one, zero, fresh = step(probe, t, s, randn=lambda x: only_noise)[0].flatten().tolist()
        mean, variance = (one - zero) * mean + zero, (one - zero) ** 2 * variance + (fresh - zero) ** 2
    return mean, variance**0.5


def final_std(step, timesteps, std=1.0):
    """The standard deviation at the end of a chain that starts from N(0, std^2); step takes randn too."""
    return final_moments(step, timesteps, std)[1]


def std_of_walk(step, steps=50, **options):
    """The final standard deviation for data N(0, STD^2) on the linear schedule, T = 1000."""
    return final_std(partial(step, best(), LINEAR, **options), spaced(LINEAR, steps))


SPREAD = "final standard deviation (data: 0.02)"
FEW = "as without"
