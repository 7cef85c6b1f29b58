"""Comparisons for README and cards, drawn with matplotlib."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

INK, GRID = "#333333", "#d9d9d9"
MARKS = [
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#009E73", "^", "-."),
    ("#CC79A7", "D", ":"),
    ("#E69F00", "v", (0, (5, 1))),
    (INK, "x", (0, (1, 1))),
]


def quality_per_second(rows: Sequence[dict[str, Any]], floor: float) -> Figure:
    """Draw FD over the seconds that sampling takes, one line per sampler, each point with its number of sampling steps.

    rows: dicts with sampler, steps, seconds (for 8 images), FD and FD_band; floor: the FD of two halves of the real
    images.
    """
    figure = Figure(figsize=(7.2, 4.4), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    for sampler, mark in zip(dict.fromkeys(row["sampler"] for row in rows), MARKS, strict=False):
        mine = sorted((row for row in rows if row["sampler"] == sampler), key=lambda row: row["steps"])
        _line(axes, sampler, mine, *mark)
    axes.axhline(floor, color="#7f7f7f", linewidth=1)
    words, at = "as near as real images are to each other", (0.99, floor)
    axes.annotate(words, at, (0, 3), ("axes fraction", "data"), "offset points", ha="right", fontsize=9)
    y = "FD, flower features (lower is nearer to real)"
    axes.set(xscale="log", ylim=(0, None), xlabel="seconds for 8 images, two cores", ylabel=y)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.grid(True, which="both", color=GRID, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, title="sampler (numbers: steps)", alignment="left")
    return figure


def _line(axes, sampler, rows, colour, mark, dash):
    """Draw the line of one sampler, with error bars and numbers of steps."""
    seconds, distance, band = ([row[key] for row in rows] for key in ("seconds", "FD", "FD_band"))
    style = {"color": colour, "marker": mark, "linestyle": dash, "capsize": 3}
    axes.errorbar(seconds, distance, band, label=sampler, **style)
    away = (0, 9) if colour == MARKS[0][0] else (0, -17)  # so that the numbers of two lines that touch do not overlap
    for row in rows:
        at = (row["seconds"], row["FD"])
        axes.annotate(row["steps"], at, away, textcoords="offset points", ha="center", color=colour, fontsize=9)


def image_rows(rows: Sequence[dict[str, Any]]) -> Figure:
    """Draw one strip of images uint8 (h, w, 3) per row, with its name and numbers at the left.

    Rows: dicts with name, words, page.
    """
    height, width = rows[0]["page"].shape[:2]
    figure = Figure(figsize=(10, len(rows) * (7.2 * height / width + 0.15)), layout="constrained", dpi=128)
    panels = figure.subplots(len(rows), 2, width_ratios=[2.8, 7.2], squeeze=False)
    for (left, right), row in zip(panels, rows, strict=True):
        left.text(0, 0.62, row["name"], fontsize=11, weight="bold", color=INK, va="bottom", transform=left.transAxes)
        left.text(0, 0.55, row["words"], fontsize=9.5, color=INK, va="top", linespacing=1.5, transform=left.transAxes)
        right.imshow(row["page"], interpolation="nearest")
        for axes in (left, right):
            axes.set_axis_off()
    return figure
