"""Distances between two sets of images, given as features; torchmetrics does the arithmetic.

On features of our own classifiers they are called FD and KD: FID and KID are the same distances on the features of one
particular Inception network (Heusel et al. 2017; Binkowski et al. 2018).
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance


class PrecomputedFeatures(nn.Module):
    """The feature network that torchmetrics asks for, where the features are computed already."""

    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, features):
        return features


@dataclass(frozen=True)
class Statistics:
    """What the Fréchet distance needs of features (n, width): n, their sum (width,) and the sum of their outer
    products.

    The outer products are (width, width); all are float64 but n.
    """

    count: Tensor
    total: Tensor
    products: Tensor

    @classmethod
    def of(cls, features):
        """Compute the statistics of features (n, width)."""
        features = features.double()
        return cls(torch.tensor(len(features)), features.sum(0), features.T @ features)


def frechet(real, generated):
    """Measure the Fréchet distance of two sets of features (n, width), or of their Statistics.

    Heusel et al. 2017, eq. 6. Raises ValueError for a set of fewer than two images.
    """
    real, generated = (side if isinstance(side, Statistics) else Statistics.of(side) for side in (real, generated))
    if min(real.count, generated.count) < 2:
        raise ValueError("A Fréchet distance needs two sets of two or more images.")
    metric = FrechetInceptionDistance(PrecomputedFeatures(len(real.total)))
    metric.real_features_num_samples, metric.real_features_sum = real.count, real.total
    metric.real_features_cov_sum = real.products
    metric.fake_features_num_samples, metric.fake_features_sum = generated.count, generated.total
    metric.fake_features_cov_sum = generated.products
    metric.orig_dtype = torch.float64
    return max(0.0, quietly(metric.compute).item())  # rounding can make the distance of equal sets negative


def frechet_band(real, generated, repeats=10):
    """Measure the standard deviation of FD over resamplings of `generated` (n, width) with replacement."""
    real, generator = Statistics.of(real) if isinstance(real, Tensor) else real, torch.Generator().manual_seed(0)
    rows = (torch.randint(len(generated), (len(generated),), generator=generator) for _ in range(repeats))
    return float(np.std([frechet(real, generated[some]) for some in rows], ddof=1))


def kernel(real, generated, subsets=100, subset_size=1000):
    """Measure the kernel distance of two sets of features (n, width): its mean and standard deviation over subsets.

    Binkowski et al. 2018, sec. 4.
    """
    subset_size = min(subset_size, len(real), len(generated))
    with torch.random.fork_rng(devices=[]):  # torchmetrics chooses the subsets with the global seed
        torch.manual_seed(0)
        features = PrecomputedFeatures(real.shape[1])
        metric = quietly(KernelInceptionDistance, features, subsets=subsets, subset_size=subset_size)
        metric.update(real.double(), real=True)
        metric.update(generated.double(), real=False)
        mean, deviation = quietly(metric.compute)
    return mean.item(), deviation.item()


def quietly(function, *args, **options):
    """Call a function without the warnings about memory and about an update that we replaced on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*args, **options)
