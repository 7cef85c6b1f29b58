"""How much a Frechet distance depends on the number of samples: few of them look far away, whatever they are (Chong & Forsyth 2020)."""

import numpy as np
import torch

from diffusion_edu.evaluation.distances import Statistics, frechet, frechet_band

REPEATS = 6


def doubled_counts(low, high):
    """Count up to high in doublings, from low or the first one above it."""
    counts = [high]
    while counts[0] // 2 >= low:
        counts.insert(0, counts[0] // 2)
    return counts


def fd_of_subsets(real, sampled, count, repeats=REPEATS):
    """Measure the distance of `count` of the features sampled (n, width) to Statistics of real ones: mean and standard deviation over choices.

    For all n of them it is their distance, and the deviation over draws with replacement.
    """
    if count == len(sampled):
        return frechet(real, sampled), frechet_band(real, sampled, repeats)
    generator = torch.Generator().manual_seed(0)
    choices = (torch.randperm(len(sampled), generator=generator)[:count] for _ in range(repeats))
    return _summed_up([frechet(real, sampled[rows]) for rows in choices])


def perfect_model_fd(real, count, repeats=REPEATS):
    """Measure what a perfect model would score with `count` samples: features sampled from the normal distribution that FD takes real ones for."""
    mean, root = _mean_and_root(real)
    generator = torch.Generator().manual_seed(0)
    draws = (
        mean + torch.randn(count, len(mean), generator=generator, dtype=torch.float64) @ root for _ in range(repeats)
    )
    return _summed_up([frechet(real, draw) for draw in draws])


def _mean_and_root(real: Statistics):
    mean = real.total / real.count
    covariance = (real.products - real.count * mean[:, None] * mean) / (real.count - 1)
    sizes, directions = torch.linalg.eigh(covariance)
    return mean, (directions * sizes.clamp(min=0).sqrt()).T


def _summed_up(distances):
    return float(np.mean(distances)), float(np.std(distances, ddof=1))
