"""Helpers for tests of sampling walks: noise, a denoiser, comparison to nine digits."""

import torch

CALM = ["DDIM", "Heun", "DPM-Solver++"]  # those that draw nothing at random
named = {"ids": lambda schedule: schedule.name}


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def wavy(x, t):
    """A denoiser of no data set: what a step does with its prediction must not depend on the prediction being good."""
    return 1.5 * torch.sin(3 * x + t)


def close(a, b, atol=1e-9):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


def noise_like(generator, x):
    return torch.randn(x.shape, generator=generator, dtype=x.dtype)
