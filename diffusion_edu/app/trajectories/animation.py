"""The parts of an animation, in the form that the player reads: tracks of images, charts, and captions."""

import base64
import io
import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from diffusion_edu.figures.grids import grid

COLOUR = {
    "x0": "#0072B2",
    "signal": "#0072B2",
    "eps": "#D55E00",
    "x0_hat": "#009E73",
    "x": "#CC79A7",
    "none": "currentColor",
}
DASHES = ("", "7 4", "2 3", "9 3 2 3")  # tell curves apart that have the same colour
SYMBOL = {
    "x": ("x", "t"),
    "x0": ("x", "0"),
    "x0_hat": ("x\u0302", "0"),
    "eps_hat": ("ε\u0302", ""),
}  # letter and index
X_T, X0_HAT = "the noisy image x_t", "the predicted clean image"


@dataclass(frozen=True)
class Track:
    """One image that changes with the state: a PNG sprite with one row per state and one column per image.

    symbol is a letter and its index; words name the track, alt describes its images; says holds a line of numbers per
    state, or nothing. Where several states show the same images, rows gives the row of the sprite for every state.
    """

    name: str
    symbol: tuple[str, str]
    words: str
    colour: str
    alt: str
    sprite: str
    says: list[str] = field(default_factory=list)
    dash: str | None = None  # of the curves in the charts that belong to this track
    rows: list[int] | None = None


@dataclass(frozen=True)
class Axis:
    """A linear axis from low, at the left or bottom, to high: its title with the unit, and {text: position} of its
    ticks.
    """

    title: str
    low: float
    high: float
    ticks: dict[str, float]


def timestep_axis(T):
    """Make the axis of timesteps: from T, pure noise, at the left to 0, the clean image, at the right."""
    return Axis("timestep t", T, 0, {str(t): t for t in (T, T // 2, 0)})


def round_axis(title, values, low=None):
    """Make an axis that contains all values, from `low` if it is given, with ticks at round numbers."""
    low, high = min(values) if low is None else low, max(values)
    room = 0.06 * (high - low) or 0.5
    step = next(
        step for step in (m * 10.0**e for e in range(-6, 7) for m in (1, 2, 5)) if (high - low + 2 * room) / step <= 4
    )
    low, high = low - room * (low != 0), high + room
    ticks = [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return Axis(title, low, high, {f"{tick:.10g}".replace("-", "\u2212"): tick for tick in ticks})


@dataclass(frozen=True)
class Series:
    """One curve: a height for every position on the x axis (None leaves a gap), or one such list per state.

    With positions x of its own it is a path: a ring marks its start, a square its end, and a dot with its label the
    point that `now` gives for every state.
    """

    label: str
    colour: str
    y: list
    dash: str = ""
    x: list[float] | None = None
    now: list[int] | None = None


@dataclass(frozen=True)
class Chart:
    """Curves over the positions `at` of the x axis.

    With a cursor, that axis is the timestep and a line marks the current one. With `equal`, both axes have the same
    unit, and every series with a label is a vector that changes with the state: its x and y hold one list per state.
    """

    title: str
    alt: str
    x: Axis
    y: Axis
    at: list[float]
    series: list[Series]
    cursor: bool = False
    equal: bool = False


@dataclass(frozen=True)
class Animation:
    """Everything the player needs: images of width x height and the class name of each, one timestep and one caption
    per state.

    State 0 stands at the left end of the bar, usually noise. The animation opens at state `start` and plays towards the
    image (way 1) or towards noise (way -1); `ends` names both ends of the bar.
    """

    id: str
    width: int
    height: int
    class_names: list[str]
    timesteps: list[int]
    says: list[str]
    tracks: list[Track]
    start: int
    way: int = 1
    charts: list[Chart] = field(default_factory=list)
    ends: tuple[str, str] = ("noise", "image")


def rates_captions(schedule, states):
    """Write the caption of every State: its timestep and its signal and noise rates."""
    rates = [(state.t, *map(float, schedule.rates(state.t, state.x))) for state in states]
    return [f"timestep {t} of {schedule.T} · signal {signal:.3f} · noise {noise:.3f}" for t, signal, noise in rates]


def png_url(pixels):
    """Encode uint8 (h, w, 3) as a PNG inside a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def sprite(batches):
    """Encode batches of images uint8 (b, 3, h, w) as one PNG data URL: one row per batch, one column per image."""
    return png_url(np.concatenate([grid(images, columns=len(images)) for images in batches]))
