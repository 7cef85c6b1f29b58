"""What can be measured on an image and on a schedule, in units that a person can compare."""

import torch


def snr_decibels(schedule):
    """Compare signal and noise power at every timestep, 20 log10(signal / noise) in dB, float64 (T + 1,): +inf at timestep 0, -inf at pure noise."""
    return 20 * (schedule.signal.log10() - schedule.noise.log10())


def psnr(x, x0):
    """Compare images x (b, ...) with the true ones, both in [-1, 1]: 20 log10(2 / root mean square error) in dB, float64 (b,), +inf if equal."""
    return 10 * torch.log10(4 / (x - x0).detach().cpu().double().square().flatten(1).mean(1))


def histogram(x, bins=60, low=-3.0, high=3.0):
    """Count how often each value occurs in x, as a density (it sums to 1 with the bin width); returns the bin centres and densities, float64 (bins,).

    Values outside low..high are counted in the outermost bins.
    """
    width = (high - low) / bins
    centres = low + width * (torch.arange(bins, dtype=torch.float64) + 0.5)
    counts = torch.histc(x.detach().double().cpu().clamp(low, high), bins, low, high)
    return centres, counts / (counts.sum() * width)


def spectrum(x):
    """Measure the mean power of images x (b, c, h, w) by spatial frequency; white noise of variance 1 has power 1 at every one of them.

    Returns the frequencies in cycles per image, 1 to half the shorter side, and the power at each, float64: an average over
    rings of the squared Fourier transform, the mean of the image left out (Field 1987, fig. 6).
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


def gradient_energy(x):
    """Measure how much neighbouring pixels of images x (b, c, h, w) differ: the mean squared difference to the right and below, float64 (b,)."""
    x = x.detach().cpu().double()
    return sum(x.diff(dim=direction).square().flatten(1).mean(1) for direction in (2, 3))


def seam(x, hole):
    """Measure how visible the rim of a hole, bool (h, w), is in images x (b, c, h, w): the mean difference of neighbours across it, (b,).

    Relative to that of neighbours of whom both are outside; a rim that follows a real outline may have more than 1. NaN without a rim.
    """
    steps = [(x.diff(dim=dim).abs().mean(1).flatten(1), *_pairs(hole, dim - 2)) for dim in (2, 3)]
    apart, one, other = (torch.cat(parts, dim=-1) for parts in zip(*steps, strict=True))
    return apart[:, one != other].mean(1) / apart[:, ~one & ~other].mean(1)


def _pairs(hole, dim):
    """Say of every pair of neighbours along a dimension which of them lie in the hole, two times bool (pairs,)."""
    n = hole.shape[dim] - 1
    return hole.narrow(dim, 1, n).flatten(), hole.narrow(dim, 0, n).flatten()


@torch.no_grad()
def error_by_timestep(denoise, schedule, x0, eps, timesteps):
    """Measure how far the prediction is from clean images x0 (b, ...) noised with eps: the mean squared error at each timestep, float64 (timesteps, b)."""
    errors = [(denoise(schedule.corrupt(x0, t, eps), t) - x0).double().square().flatten(1).mean(1) for t in timesteps]
    return torch.stack(errors)


def distance(a, b):
    """Measure how far two images or batches of them lie apart: the root of the mean squared difference of their values, a float."""
    return (a.double() - b.double()).square().mean().sqrt().item()


def mean_distance(samples):
    """Measure how unlike samples (n, ...) are, images or features: the distance between two of them, on average over all pairs, a float."""
    return (torch.pdist(samples.detach().cpu().double().flatten(1)).mean() / samples[0].numel() ** 0.5).item()


def angle(a, b):
    """Measure the angle between a and b, seen as one long vector each, in degrees, a float (exact for small angles too; Kahan 2006)."""
    a, b = (v.detach().cpu().double().flatten() for v in (a, b))
    a, b = a * b.norm(), b * a.norm()
    return torch.rad2deg(2 * torch.atan2((a - b).norm(), (a + b).norm())).item()


def plausible(hits, tries):
    """Bound the true share behind so many hits in so many tries: the 95 % interval (low, high) of Wilson 1927."""
    z, fraction = 1.96, hits / tries
    middle, reach = (
        fraction + z**2 / (2 * tries),
        z * (fraction * (1 - fraction) / tries + (z / (2 * tries)) ** 2) ** 0.5,
    )
    return tuple((middle + way * reach) / (1 + z**2 / tries) for way in (-1, 1))


def main_plane(points):
    """Lay points (n, d) into the plane through their mean in which they spread the most (Pearson 1901: principal components).

    Returns their places, float64 (n, 2), and the fractions of all variance along the two directions, largest first, (2,). Distances
    between places never exceed those between points. The last point lies to the right of the first and not below it, which fixes the signs.
    """
    centred = points.double() - points.double().mean(0)
    _, sizes, left = torch.linalg.svd(centred.T, full_matrices=False)  # a tall matrix is twice as fast as a wide one
    places = torch.nn.functional.pad(left.T * sizes, (0, 2))[:, :2]  # a single point spreads in no direction
    fractions = torch.nn.functional.pad(sizes.square(), (0, 2))[:2] / sizes.square().sum().clamp(min=1e-30)
    return places * torch.where(places[-1] < places[0], -1.0, 1.0), fractions
