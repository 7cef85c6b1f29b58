"""The figures of lesson 09: flowers of several classes and guidance scales, and densities in a world of numbers."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle

import torch
from torch import Tensor

from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.still import GUIDANCE, NOISE, PREDICTION, REAL, SIGNAL, Captioned, Curve, chart, images
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced


def sample_numbers(denoise: Callable, schedule: Schedule, count: int = 10_000, steps: int = 50) -> Tensor:
    """Sample numbers (count, 1) from seed 0 with DDIM, and the denoiser of a world of numbers."""
    x = torch.randn(count, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    *_, last = walk(partial(ddim_step, denoise, schedule), x, spaced(schedule, steps))
    return last.x


def apart(x: Tensor) -> float:
    """Return the root mean squared difference of the images x (b, c, h, w) of a set: 0 if all are equal."""
    return (2 * x.double().var(dim=0).mean()).sqrt().item()


def flowers(samples: dict[str, Tensor], seeds: Sequence[int], caption: str) -> Captioned:
    """Show images in [-1, 1], one row for each name of samples, one column for each seed."""
    found = "; ".join(f"{name}: {apart(x):.2f}" for name, x in samples.items())
    return Captioned(
        images(to_bytes(torch.cat(list(samples.values()))), [f"seed {seed}" for seed in seeds], list(samples), zoom=1),
        caption=caption,
        alt=f"{len(samples)} rows of {len(seeds)} flowers; each column starts from the same noise. Root mean squared "
        f"difference of the images of a row: {found}.",
    )


def densities(samples: dict[str, Tensor], low: float = -3.0, high: float = 3.5) -> Captioned:
    """Draw the densities of sets of numbers (n, 1); the first one is drawn dashed, as the real class."""
    bins = torch.linspace(low, high, 53)
    middle = ((bins[1:] + bins[:-1]) / 2).tolist()
    looks = zip(cycle([REAL, SIGNAL, PREDICTION, GUIDANCE, NOISE]), cycle(["--", "-", "-.", ":", "-"]), strict=False)
    curves, found = [], []
    for (name, x), (color, dashes) in zip(samples.items(), looks, strict=False):
        counts = torch.histogram(x.flatten().float(), bins).hist
        curves.append(Curve(middle, (counts / len(x) / (bins[1] - bins[0])).tolist(), name, color, dashes))
        found.append(f"{name}: mean {x.mean():.2f}, standard deviation {x.std():.2f}")
    return Captioned(
        chart(curves, "number x", "density"),
        caption="A larger scale moves the samples away from the other class, beyond their own class, and closer "
        "together.",
        alt=f"Densities of {len(samples)} sets of numbers. {'; '.join(found)}.",
    )
