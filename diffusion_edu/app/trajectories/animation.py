"""What an animation is made of: tracks, charts, and the words beside them, in the form that the player reads."""

import base64
import io
import math
from dataclasses import dataclass, field

from PIL import Image

COLOUR = {
    "x0": "#0072B2",
    "signal": "#0072B2",
    "eps": "#D55E00",
    "x0_hat": "#009E73",
    "x": "#CC79A7",
    "none": "currentColor",
}
DASHES = ("", "7 4", "2 3", "9 3 2 3")  # of curves that colour alone must not tell apart


@dataclass(frozen=True)
class Track:
    """One image that changes with the state: a PNG sprite with one row per state and one column per image, and what it is.

    symbol is a letter and its index; alt says in words what is seen; says holds a line of numbers per state, or nothing. Where
    several states show the same images, rows names the row of the sprite for every state.
    """

    name: str
    symbol: tuple[str, str]
    words: str
    colour: str
    alt: str
    sprite: str
    says: list[str] = field(default_factory=list)
    dash: str | None = None  # how the curves of this screen are sampled in the charts, if any are
    rows: list[int] | None = None


@dataclass(frozen=True)
class Axis:
    """A straight axis from low, at the left or bottom, to high: its title with the unit, and where which tick is written."""

    title: str
    low: float
    high: float
    ticks: dict[str, float]


def round_axis(title, values, low=None):
    """Make an axis that holds all values, from low if that is given, with ticks at round numbers."""
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
    """One curve: a height for every place on the x axis (None where there is none), or one such list per state.

    With places x of its own it is a path: a ring marks its start, a square its end, and a dot with its label the point that `now`
    names for every state.
    """

    label: str
    colour: str
    y: list
    dash: str = ""
    x: list[float] | None = None
    now: list[int] | None = None


@dataclass(frozen=True)
class Chart:
    """Curves over the places `at` of the x axis; with a cursor, that axis is the timestep and a line marks where the player is.

    With `equal`, a unit is as long on both axes, and every series that has a label is a vector that changes with the state: x and y
    hold one list per state.
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
    """Everything that the player needs: images of width x height, what each is (kinds), and a timestep and a line of words (says) per state.

    Noise, or whatever else stands at the left end of the bar, is state 0; the animation opens at state `start`, and plays towards the
    image (way 1) or away from it (way -1).
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


def png_url(pixels):
    """Encode uint8 (h, w, 3) as a PNG inside a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
