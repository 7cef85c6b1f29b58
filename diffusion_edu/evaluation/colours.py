"""Which colours occur how often in a set of images, and how far two sets lie apart in that."""

import torch

VALUES = 256


def channel_histograms(images):
    """Count how often each value occurs in uint8 images (n, 3, h, w), channel by channel: shares, float64 (3, 256), each channel's sum is 1."""
    counts = torch.stack([channel.flatten().bincount(minlength=VALUES) for channel in images.cpu().unbind(1)]).double()
    return counts / counts.sum(1, keepdim=True)


def smooth_histograms(fractions, width=4.0):
    """Smooth shares (..., 256) by a normal curve of standard deviation `width` values; what would leave at an end is reflected, so sums stay 1."""
    at = torch.arange(VALUES, dtype=torch.float64)
    places = torch.cat([at, -1 - at, 2 * VALUES - 1 - at])  # every value, and its mirror images beyond both ends
    weights = torch.exp(-((at[:, None] - places) ** 2) / (2 * width**2)).view(VALUES, 3, VALUES).sum(1)
    return fractions @ (weights / weights.sum(0)).T


def wasserstein(first, second):
    """Measure how far values must be moved on average to turn one set of shares (..., 256) into the other: Wasserstein-1, in units of 255."""
    return (first - second).cumsum(-1).abs().sum(-1)  # in one dimension: the area between both distribution functions
