"""Distances between two sets of images, given as features; torchmetrics does the arithmetic.

On features of our own classifiers they are called FD and KD: they are not FID and KID, which mean the features of one
certain Inception network (Heusel et al. 2017; Binkowski et al. 2018).
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance


class Given(nn.Module):
    """A feature network for those who have the features already."""

    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, features):
        return features


@dataclass(frozen=True)
class Statistics:
    """What the Frechet distance needs of features (n, width): n, their sum (width,) and the sum of their products (width, width), float64."""

    count: Tensor
    total: Tensor
    products: Tensor

    @classmethod
    def of(cls, features):
        """Add up features (n, width)."""
        features = features.double()
        return cls(torch.tensor(len(features)), features.sum(0), features.T @ features)


def frechet(real, sampled):
    """Measure the Frechet distance between two sets of features (n, width), or their Statistics (Heusel et al. 2017, eq. 6)."""
    real, sampled = (side if isinstance(side, Statistics) else Statistics.of(side) for side in (real, sampled))
    metric = FrechetInceptionDistance(Given(len(real.total)))
    metric.real_features_num_samples, metric.real_features_sum, metric.real_features_cov_sum = (
        real.count,
        real.total,
        real.products,
    )
    metric.fake_features_num_samples, metric.fake_features_sum, metric.fake_features_cov_sum = (
        sampled.count,
        sampled.total,
        sampled.products,
    )
    metric.orig_dtype = torch.float64
    return quietly(metric.compute).item()


def frechet_band(real, sampled, repeats=10):
    """Measure how much the Frechet distance depends on chance: its standard deviation over draws of `sampled` (n, width) with replacement."""
    real, generator = Statistics.of(real) if isinstance(real, Tensor) else real, torch.Generator().manual_seed(0)
    rows = (torch.randint(len(sampled), (len(sampled),), generator=generator) for _ in range(repeats))
    return float(np.std([frechet(real, sampled[some]) for some in rows], ddof=1))


def kernel(real, sampled, subsets=100, subset_size=1000):
    """Measure the kernel distance of two sets of features (n, width): mean and standard deviation over subsets (Binkowski et al. 2018, sec. 4)."""
    subset_size = min(subset_size, len(real), len(sampled))
    with torch.random.fork_rng(devices=[]):  # the subsets are sampled from the global seed
        torch.manual_seed(0)
        metric = quietly(KernelInceptionDistance, Given(real.shape[1]), subsets=subsets, subset_size=subset_size)
        metric.update(real.double(), real=True)
        metric.update(sampled.double(), real=False)
        mean, deviation = quietly(metric.compute)
    return mean.item(), deviation.item()


def quietly(work, *args, **options):
    """Do without the warnings about memory and about an update that we replaced on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return work(*args, **options)
