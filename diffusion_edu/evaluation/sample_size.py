"""How the Fréchet distance depends on the number of samples: with few samples it is large for any model.

Chong & Forsyth 2020, Effectively unbiased FID.
"""

import numpy as np
import torch

from diffusion_edu.evaluation.distances import Statistics, frechet, frechet_band

REPEATS = 6


def doubled_counts(low, high):
    """List numbers of samples that double each time, from low (or the first one above it) to high."""
    counts = [high]
    while counts[0] // 2 >= low:
        counts.insert(0, counts[0] // 2)
    return counts


def fd_of_subsets(real, generated, count, repeats=REPEATS):
    """Measure FD to Statistics of real features for subsets of `count` of the features generated (n, width).

    Returns mean and standard deviation over random subsets; for all n, their FD and the standard deviation over
    resamplings with replacement.
    """
    if count == len(generated):
        return frechet(real, generated), frechet_band(real, generated, repeats)
    generator = torch.Generator().manual_seed(0)
    subsets = (torch.randperm(len(generated), generator=generator)[:count] for _ in range(repeats))
    return _mean_and_std([frechet(real, generated[rows]) for rows in subsets])


def perfect_model_fd(real, count, repeats=REPEATS):
    """Measure the FD of a perfect model: `count` features sampled from the normal distribution of real ones."""
    mean, root = _mean_and_root(real)
    generator = torch.Generator().manual_seed(0)
    samples = (
        mean + torch.randn(count, len(mean), generator=generator, dtype=torch.float64) @ root for _ in range(repeats)
    )
    return _mean_and_std([frechet(real, features) for features in samples])


def _mean_and_root(real: Statistics):
    mean = real.total / real.count
    covariance = (real.products - real.count * mean[:, None] * mean) / (real.count - 1)
    eigenvalues, directions = torch.linalg.eigh(covariance)
    return mean, (directions * eigenvalues.clamp(min=0).sqrt()).T


def _mean_and_std(distances):
    return float(np.mean(distances)), float(np.std(distances, ddof=1))
