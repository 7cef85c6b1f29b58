"""Sets of points in the plane, with classes, to learn from in seconds: chosen, sampled, or read from a file.

All are scaled alike: mean 0 and, over both coordinates together, standard deviation 1 before `SPREAD`, so that they
fill [-1, 1] about as images do.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

SPREAD = 0.5  # the standard deviation of every set, about that of photographs in [-1, 1]
UNKNOWN = "\ue000"  # a letter that no font has: it shows the box that stands for those
FEWEST, MOST = 3, 100_000
MOST_CLASSES = 50
HUGE = 1e30  # coordinates beyond are a mistake, and their squares might overflow


@dataclass(frozen=True)
class Points:
    """Points x (n, 2), float32, labels int64 (n,) or None, and what they mean."""

    x: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()

    def __len__(self):
        return len(self.x)


def _scaled(x):
    x = x.double() - x.double().mean(0)
    return (SPREAD * x / x.square().mean().sqrt().clamp(min=1e-100)).float()


def _made(x, labels, classes):
    return Points(_scaled(x), labels, tuple(classes))


def two_moons(n, generator):
    """Two half circles that reach into each other."""
    turn, upper = math.pi * torch.rand(n, generator=generator), torch.arange(n) % 2 == 0
    x = torch.where(upper, turn.cos(), 1 - turn.cos())
    y = torch.where(upper, turn.sin(), 0.5 - turn.sin())
    return _made(
        torch.stack([x, y], 1) + 0.06 * torch.randn(n, 2, generator=generator), (~upper).long(), ("upper", "lower")
    )


def spirals(n, generator):
    """Two arms that wind around each other."""
    arm, far = torch.arange(n) % 2, torch.rand(n, generator=generator).sqrt()
    turn = 3 * math.pi * far + math.pi * arm
    x = far[:, None] * torch.stack([turn.cos(), turn.sin()], 1)
    return _made(x + 0.02 * torch.randn(n, 2, generator=generator), arm, ("one arm", "other arm"))


def checkerboard(n, generator):
    """The dark squares of a board of four by four."""
    row = torch.randint(4, (n,), generator=generator)
    column = 2 * torch.randint(2, (n,), generator=generator) + row % 2
    x = torch.stack([column, row], 1) + torch.rand(n, 2, generator=generator)
    return _made(x, (row >= 2).long(), ("lower half", "upper half"))


def rings(n, generator):
    """Three circles, one inside the other, each as densely set as the others."""
    ring = torch.multinomial(torch.tensor([1.0, 2.0, 3.0]), n, replacement=True, generator=generator)
    turn = 2 * math.pi * torch.rand(n, generator=generator)
    x = (ring + 1)[:, None] * torch.stack([turn.cos(), turn.sin()], 1)
    return _made(x + 0.05 * torch.randn(n, 2, generator=generator), ring, ("inner", "middle", "outer"))


def mixture(n, generator):
    """Eight round clouds on a circle."""
    cloud = torch.arange(n) % 8
    turn = 2 * math.pi * cloud / 8
    x = torch.stack([turn.cos(), turn.sin()], 1) + 0.08 * torch.randn(n, 2, generator=generator)
    return _made(x, cloud, [f"cloud {k + 1}" for k in range(8)])


def letters(n, generator, text="HI"):
    """The shapes of a few letters, one class per letter; raises ValueError for those that Pillow's own font lacks."""
    text = "".join(text.split())[:8]
    if not text:
        raise ValueError("Write at least one letter.")
    xs, labels, left = [], [], 0
    for label, letter in enumerate(text):
        page = _sampled(letter)
        ink = torch.from_numpy(np.asarray(page) > 127).nonzero()
        if len(ink) == 0 or page == _sampled(UNKNOWN):
            raise ValueError(f"The letter {letter!r} cannot be drawn: write plain letters (A to Z), digits or signs.")
        count = n // len(text) + (label < n % len(text))
        chosen = ink[torch.randint(len(ink), (count,), generator=generator)].flip(1) * torch.tensor([1, -1])
        xs.append(chosen + torch.rand(count, 2, generator=generator) + torch.tensor([left, 0]))
        labels.append(torch.full((count,), label))
        left += int(ink[:, 1].max()) + 8
    names = [
        letter if text.count(letter) == 1 else f"{letter} ({text[: k + 1].count(letter)})"
        for k, letter in enumerate(text)
    ]
    return _made(torch.cat(xs), torch.cat(labels), names)


def _sampled(letter):
    page = Image.new("L", (80, 80))
    ImageDraw.Draw(page).text((8, 8), letter, fill=255, font=ImageFont.load_default(56))
    return page


POINT_SETS = {
    "two moons": two_moons,
    "spirals": spirals,
    "checkerboard": checkerboard,
    "rings": rings,
    "eight clouds": mixture,
    "letters": letters,
}


def from_coordinates(x, labels=None, n=None, generator=None, jitter=0.0):
    """Make a set of given points (m, 2), for example from a mouse; with n, sample n of them and add a little jitter.

    Raises ValueError in words for too few points, too many classes, and coordinates that are not finite.
    """
    x = torch.as_tensor(x, dtype=torch.float64).reshape(-1, 2)
    if not FEWEST <= len(x) <= MOST:
        raise ValueError(f"A set has {FEWEST} to {MOST:,} points, not {len(x):,}.")
    if not (x.abs() < HUGE).all():
        raise ValueError(f"Every coordinate must be a finite number, smaller than {HUGE:g}.")
    if (x == x[0]).all():
        raise ValueError("All points lie on top of each other: give at least two different ones.")
    names = {name: number for number, name in enumerate(sorted(set(labels or ())))}
    if len(names) > MOST_CLASSES:
        raise ValueError(
            f"There are {len(names):,} different classes, and at most {MOST_CLASSES} are allowed: "
            "leave the column out if it is something else."
        )
    known = torch.tensor([names[label] for label in labels]) if labels else None
    x = _scaled(x)
    if n:
        chosen = torch.randint(len(x), (n,), generator=generator)
        x = x[chosen] + jitter * torch.randn(n, 2, generator=generator)
        known = None if known is None else known[chosen]
    return Points(x, known, tuple(names))
