"""Axes and curves for measurements: logarithmic axes, points with their bands, and lines to compare with."""

import math

from diffusion_edu.app.common.numbers import format_number
from diffusion_edu.figures.charts import Axis, Series

STYLES = (
    ("#0072B2", ""),
    ("#D55E00", "7 4"),
    ("#009E73", "2 3"),
    ("#CC79A7", "9 3 2 3"),
    ("#E69F00", "14 4"),
    ("currentColor", "1 5"),
)  # colour and dashes of the curves of a chart


def log_axis(title, values):
    """Make an axis of common logarithms that contains all values, with ticks at powers of ten and, where these are few,
    between.
    """
    low, high = math.log10(min(values)), math.log10(max(values))
    room = 0.06 * (high - low) or 0.3
    low, high = low - room, high + room
    steps = (1,) if high - low > 2.2 else (1, 3) if high - low > 1.2 else (1, 2, 5)
    ticks = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for step in steps]
    shown = {format_number(tick): math.log10(tick) for tick in ticks if low <= math.log10(tick) <= high}
    return Axis(title, low, high, shown, base=10)


def doubling_axis(title, values):
    """Make an axis of binary logarithms, with ticks at those of the values that do not stand too close."""
    low, high = math.log2(min(values)), math.log2(max(values))
    room, ticks, last = 0.06 * (high - low) or 0.5, {}, -math.inf
    for value in sorted(set(values)):
        if math.log2(value) - last >= (high - low) / 8:
            last = ticks[f"{value:,}"] = math.log2(value)
    return Axis(title, low - room, high + room, ticks, base=2)


def measured(label, style, x, y, bands):
    """Make a curve through points with an error bar from low to high at each: bands are (low, high)."""
    colour, dash = style
    return Series(label, colour, list(y), dash, x=list(x), bands=list(bands))


def across(label, height, axis, colour="currentColor", dash="1 4"):
    """Make a horizontal line over the whole chart, to compare the curves with."""
    return Series(label, colour, [height, height], dash, x=[axis.low, axis.high])
