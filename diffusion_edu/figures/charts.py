"""A chart as plain data: axes, curves and labels. `interactive` and the player in the browser draw it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """An axis from low, at the left or bottom, to high: its title with the unit, and {text: position} of its ticks.

    With a base, it is logarithmic: all positions, those of the curves too, are logarithms to this base.
    """

    title: str
    low: float
    high: float
    ticks: dict[str, float]
    base: float | None = None


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
    point that `now` gives for every state. bands holds (low, high) for every point, drawn as error bars.
    """

    label: str
    colour: str
    y: list
    dash: str = ""
    x: list[float] | None = None
    now: list[int] | None = None
    bands: list[tuple[float, float]] | None = None


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
