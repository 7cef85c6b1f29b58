"""The exact mean and standard deviation at the end of a sampling chain, without randomness.

For data N(mean, std^2) the optimal denoiser is linear. So every step is affine, `x_s = a x + b + g z`, and the moments
of the chain follow: `mean_s = a mean_t + b`, `var_s = a^2 var_t + g^2`. The coefficients are read off the real step
functions.
"""

from functools import partial
from itertools import pairwise

import torch

from diffusion_edu.schedules import linear
from diffusion_edu.spacings import spaced

LINEAR = linear(1000)
STD = 0.02  # of the data
FINAL_STD = "final standard deviation (data: 0.02)"
AS_RIGHT = "as without"


def optimal_denoiser(std=STD, schedule=LINEAR):
    """Return the posterior mean for data N(0, std^2)."""

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        return signal * std**2 / (signal**2 * std**2 + noise**2) * x

    return denoise


def final_moments(step, timesteps, std=1.0):
    """Return mean and standard deviation at the end of a chain that starts from N(0, std^2); step also takes randn."""
    probe = torch.tensor([[[1.0], [0.0], [0.0]], [[0.0], [0.0], [1.0]]], dtype=torch.float64)  # x = 1, x = 0, z = 1
    x, z = probe
    mean, variance = 0.0, std**2
    for t, s in pairwise(timesteps):
        one, zero, noisy = step(x, t, s, randn=lambda x: z)[0].flatten().tolist()
        mean, variance = (one - zero) * mean + zero, (one - zero) ** 2 * variance + (noisy - zero) ** 2
    return mean, variance**0.5


def final_std(step, timesteps, std=1.0):
    """Return the standard deviation at the end of a chain that starts from N(0, std^2); step also takes randn."""
    return final_moments(step, timesteps, std)[1]


def std_of_walk(step, steps=50, **options):
    """Return the final standard deviation for data N(0, STD^2) on the linear schedule, T = 1000."""
    return final_std(partial(step, optimal_denoiser(), LINEAR, **options), spaced(LINEAR, steps))
