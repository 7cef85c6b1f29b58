"""Colour histograms of a set of images, and how far the histograms of two sets lie apart."""

import torch

VALUES = 256


def channel_histograms(images):
    """Compute the histograms of the channels of uint8 images (n, 3, h, w): fractions, float64 (3, 256)."""
    counts = torch.stack([channel.flatten().bincount(minlength=VALUES) for channel in images.cpu().unbind(1)]).double()
    return counts / counts.sum(1, keepdim=True)


def smooth_histograms(fractions, width=4.0):
    """Smooth histograms (..., 256) with a normal curve of standard deviation `width`; sums stay 1."""
    at = torch.arange(VALUES, dtype=torch.float64)
    positions = torch.cat([at, -1 - at, 2 * VALUES - 1 - at])  # every value, and its mirror images beyond both ends
    weights = torch.exp(-((at[:, None] - positions) ** 2) / (2 * width**2)).view(VALUES, 3, VALUES).sum(1)
    return fractions @ (weights / weights.sum(0)).T


def wasserstein(first, second):
    """Measure the Wasserstein-1 distance of histograms (..., 256): the mean change of values, in units of 255."""
    return (first - second).cumsum(-1).abs().sum(-1)  # in one dimension: the area between both distribution functions
