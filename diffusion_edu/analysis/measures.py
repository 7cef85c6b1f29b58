"""Measures of images, noise schedules and vectors, in units that a person can compare."""

from typing import Annotated

import torch
from torch import Tensor

from diffusion_edu.checks import Count, Index, Maps, Numbers, Rule, Timesteps, checked
from diffusion_edu.core import Denoiser
from diffusion_edu.schedules import Schedule

Points = Annotated[Tensor, Rule("a tensor (n, d) that is not empty", lambda points: points.ndim == 2)]


@checked
def snr_decibels(schedule: Schedule) -> Tensor:
    """Return the signal-to-noise ratio at every timestep, 20 log10(signal / noise) in dB, float64 (T + 1,).

    It is +inf at timestep 0 and -inf at pure noise.
    """
    return 20 * (schedule.signal.log10() - schedule.noise.log10())


@checked
def psnr(x: Tensor, x0: Tensor) -> Tensor:
    """Return the PSNR of images x (b, ...) against the true ones x0, both in [-1, 1], in dB, float64 (b,); +inf if
    equal.

    PSNR is 20 log10(2 / root mean squared error).
    """
    _same_shape(x, x0)
    return 10 * torch.log10(4 / (x - x0).detach().cpu().double().square().flatten(1).mean(1))


@checked
def histogram(x: Numbers, bins: Count = 60, low: float = -3.0, high: float = 3.0) -> tuple[Tensor, Tensor]:
    """Return the bin centres and the density of the values in x, float64 (bins,); the density sums to 1 / bin width.

    Values outside low..high are counted in the outermost bins.
    """
    if low >= high:
        raise ValueError(f"A histogram goes from low to high, not from {low} to {high}.")
    width = (high - low) / bins
    centres = low + width * (torch.arange(bins, dtype=torch.float64) + 0.5)
    counts = torch.histc(x.detach().double().cpu().clamp(low, high), bins, low, high)
    return centres, counts / (counts.sum() * width)


@checked
def spectrum(x: Maps) -> tuple[Tensor, Tensor]:
    """Return the mean power of images x (b, c, h, w) at each spatial frequency; white noise of variance 1 has power 1
    at all.

    Returns the frequencies in cycles per image, 1 to half the shorter side, and the power at each, float64: the squared
    Fourier transform averaged over rings, without the mean of the image (Field 1987, fig. 6).
    """
    h, w = x.shape[-2:]
    power = torch.fft.fft2(x.detach().double().cpu(), norm="ortho").abs().square().mean(dim=(0, 1))
    cycles = [torch.fft.fftfreq(n, 1 / min(h, w), dtype=torch.float64) for n in (h, w)]
    ring = torch.hypot(cycles[0][:, None], cycles[1][None, :]).round().long()
    highest = min(h, w) // 2
    total, count = (torch.zeros(highest + 1, dtype=torch.float64) for _ in range(2))
    inside = (ring >= 1) & (ring <= highest)
    total.index_add_(0, ring[inside], power[inside])
    count.index_add_(0, ring[inside], torch.ones_like(power[inside]))
    return torch.arange(1, highest + 1, dtype=torch.float64), total[1:] / count[1:]


@checked
def gradient_energy(x: Maps) -> Tensor:
    """Return the mean squared difference of neighbouring pixels (right and below) in images x (b, c, h, w), float64
    (b,).
    """
    x = x.detach().cpu().double()
    return sum(x.diff(dim=direction).square().flatten(1).mean(1) for direction in (2, 3))


@checked
def seam(x: Maps, hole: Tensor) -> Tensor:
    """Return how visible the border of a hole, bool (h, w), is in images x (b, c, h, w), float (b,).

    It is the mean difference of neighbouring pixels across the border, relative to that of neighbours outside the hole.
    A border along a real outline may have more than 1. NaN without a border.
    """
    if hole.shape != x.shape[2:]:
        raise ValueError(f"The hole has the shape {tuple(hole.shape)}, and the images {tuple(x.shape[2:])}.")
    pairs = [(x.diff(dim=dim).abs().mean(1).flatten(1), *_pairs(hole, dim - 2)) for dim in (2, 3)]
    difference, one, other = (torch.cat(parts, dim=-1) for parts in zip(*pairs, strict=True))
    return difference[:, one != other].mean(1) / difference[:, ~one & ~other].mean(1)


def _same_shape(a, b):
    if a.shape != b.shape:
        raise ValueError(f"Only tensors of one shape can be compared, not {tuple(a.shape)} and {tuple(b.shape)}.")


def _pairs(hole, dim):
    """For all pairs of neighbours along a dimension, whether each lies in the hole: two tensors bool (pairs,)."""
    n = hole.shape[dim] - 1
    return hole.narrow(dim, 1, n).flatten(), hole.narrow(dim, 0, n).flatten()


@checked
@torch.no_grad()
def error_by_timestep(denoise: Denoiser, schedule: Schedule, x0: Tensor, eps: Tensor, timesteps: Timesteps) -> Tensor:
    """Return the mean squared error of the predicted clean images at each timestep, float64 (timesteps, b).

    x0 (b, ...) are the clean images and eps the noise that is added to them.
    """
    errors = [(denoise(schedule.corrupt(x0, t, eps), t) - x0).double().square().flatten(1).mean(1) for t in timesteps]
    return torch.stack(errors)


@checked
def distance(a: Tensor, b: Tensor) -> float:
    """Return the root mean squared difference of two images or batches, a float."""
    _same_shape(a, b)
    return (a.double() - b.double()).square().mean().sqrt().item()


@checked
def mean_distance(samples: Tensor) -> float:
    """Return the root mean squared difference of two samples (n, ...), averaged over all pairs, a float: their
    diversity. NaN for a single sample.
    """
    return (torch.pdist(samples.detach().cpu().double().flatten(1)).mean() / samples[0].numel() ** 0.5).item()


@checked
def angle(a: Tensor, b: Tensor) -> float:
    """Return the angle between a and b, each as one long vector, in degrees, a float; exact for small angles (Kahan
    2006).
    """
    _same_shape(a, b)
    a, b = (v.detach().cpu().double().flatten() for v in (a, b))
    a, b = a * b.norm(), b * a.norm()
    return torch.rad2deg(2 * torch.atan2((a - b).norm(), (a + b).norm())).item()


@checked
def wilson_interval(hits: Index, tries: Count) -> tuple[float, float]:
    """Return the 95 % confidence interval (low, high) of a fraction, from hits in a number of tries (Wilson 1927)."""
    if hits > tries:
        raise ValueError(f"There are no {hits} hits in {tries} tries.")
    z, fraction = 1.96, hits / tries
    centre = fraction + z**2 / (2 * tries)
    half_width = z * (fraction * (1 - fraction) / tries + (z / (2 * tries)) ** 2) ** 0.5
    return tuple((centre + sign * half_width) / (1 + z**2 / tries) for sign in (-1, 1))


@checked
def principal_plane(points: Points) -> tuple[Tensor, Tensor]:
    """Project points (n, d) on the plane of their first two principal components (Pearson 1901), through their mean.

    Returns positions, float64 (n, 2), and the fractions of the variance along the two axes, largest first, (2,).
    Distances between positions never exceed those between points. The last point lies to the right of the first and not
    below it, which fixes the signs.
    """
    centred = points.double() - points.double().mean(0)
    _, scales, left = torch.linalg.svd(centred.T, full_matrices=False)  # a tall matrix is twice as fast as a wide one
    positions = torch.nn.functional.pad(left.T * scales, (0, 2))[:, :2]  # a single point varies in no direction
    fractions = torch.nn.functional.pad(scales.square(), (0, 2))[:2] / scales.square().sum().clamp(min=1e-30)
    return positions * torch.where(positions[-1] < positions[0], -1.0, 1.0), fractions
