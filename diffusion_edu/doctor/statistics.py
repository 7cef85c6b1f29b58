"""Statistics of images: what the doctor measures on data, noise and samples."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

EXTREME = 0.98  # values beyond it count as black or white
JUMP = 1.8  # neighbouring values that differ by more go nearly from black to white


@dataclass(frozen=True)
class Statistics:
    """Statistics of images (n, c, h, w), or of points (n, d); the last five exist for images only. None: unknown."""

    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    extreme: float | None = None  # fraction of values that are black or white
    nan: float | None = None  # fraction of values that are NaN or infinite
    distance: float | None = None  # mean root mean squared difference of two of them
    correlation: float | None = None  # of neighbouring values: 0 in noise, above 0.9 in photographs
    grain: float | None = None  # estimated standard deviation of the noise in the images
    jumps: float | None = None  # fraction of neighbours that differ by more than JUMP
    checkerboard: float | None = None  # amplitude of the patterns of period two
    colours: tuple[float, ...] | None = None  # mean of every channel


def measure(x):
    """Return the Statistics of images x (n, c, h, w) in [-1, 1], or of points x (n, d)."""
    x = x.detach().double().cpu()
    finite = x.isfinite()
    nan = 1 - finite.double().mean().item()
    x = x[finite.flatten(1).all(1)]
    if not len(x):
        return Statistics(nan=nan)
    distance = (torch.pdist(x.flatten(1)).mean() / x[0].numel() ** 0.5).item() if len(x) > 1 else None
    extreme = (x.abs() >= EXTREME).double().mean().item()
    found = Statistics(x.mean().item(), x.std().item(), x.min().item(), x.max().item(), extreme, nan, distance)
    return found if x.ndim < 4 else Statistics(**{**vars(found), **_local_statistics(x)})


def _local_statistics(x):
    centred = x - x.mean((2, 3), keepdim=True)
    pairs = [(centred[..., 1:], centred[..., :-1]), (centred[..., 1:, :], centred[..., :-1, :])]
    power = centred.square().mean().clamp(min=1e-12)
    return {
        "correlation": sum((a * b).mean() / 2 for a, b in pairs).div(power).item(),
        "grain": _grain(x),
        "jumps": sum(((a - b).abs() > JUMP).double().mean() / 2 for a, b in pairs).item(),
        "checkerboard": _checkerboard(x),
        "colours": tuple(x.mean((0, 2, 3)).tolist()),
    }


def _grain(x):
    """Estimate the noise in images by the median of a Laplacian filter, which edges hardly change (Immerkaer 1996)."""
    mask = torch.tensor([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=x.dtype).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x, mask, groups=x.shape[1]).abs().median() / (6 * 0.6745)).item()


def _checkerboard(x):
    """Measure the patterns of period two: the power above that of neighbouring frequencies, as an amplitude."""
    h, w = x.shape[-2] // 2, x.shape[-1] // 2
    power = torch.fft.fft2(x, norm="forward").abs().square().mean((0, 1))
    excess = [power[i, j] - (power[i - 1, j] + power[i, j - 1]) / 2 for i, j in ((h, w), (0, w), (h, 0))]
    return torch.stack(excess).clamp(min=0).sum().sqrt().item()
