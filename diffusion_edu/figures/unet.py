"""Figures of what a network is told: tables of numbers as images, and a map of kinds."""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from diffusion_edu.figures.still import GUIDANCE, INK, PIXELS_PER_INCH

SIGNED, PLAIN = (
    "PuOr",
    "cividis",
)  # both safe for colour-blind eyes, and neither one of the colours that mean something here


@dataclass(frozen=True)
class Axis:
    """What runs along one side of a table: its title, and {words: position} of the ticks, counted in rows or columns."""

    title: str
    ticks: dict[str, float]


def table(values, x, y, size=(262, 186), signed=True):
    """Show values (rows, columns) as an image with a bar of colours; signed ones are white where they are zero, and the largest fiftieth is cut."""
    figure, axes = _empty(size)
    most = max(float(np.quantile(np.abs(values), 0.98)), 1e-9)
    look = {"cmap": SIGNED, "norm": TwoSlopeNorm(0, -most, most)} if signed else {"cmap": PLAIN}
    drawn = axes.imshow(values, aspect="auto", interpolation="nearest", **look)
    axes.set_xticks(list(x.ticks.values()), list(x.ticks))
    axes.set_yticks(list(y.ticks.values()), list(y.ticks))
    axes.set_xlabel(x.title, color=INK, size=10)
    axes.set_ylabel(y.title, color=INK, size=10)
    bar = figure.colorbar(
        drawn,
        ax=axes,
        fraction=0.07,
        pad=0.03,
        extend="both" if signed and np.abs(values).max() > 1.001 * most else "neither",
    )
    bar.outline.set_visible(False)
    for part in (axes, bar.ax):
        part.tick_params(color=INK, labelcolor=INK, labelsize=9)
        part.spines[:].set_color(INK)
    return figure


def class_names_map(places, colours, chosen, name, near, size=(470, 372)):
    """Show kinds at places (n, 2) as dots of their colours (n): the chosen one with its name, those near it (indices) numbered from 1."""
    figure, axes = _empty(size)
    axes.scatter(places[:, 0], places[:, 1], c=colours, s=46, edgecolors=INK, linewidths=0.7)
    axes.scatter(*places[chosen], s=150, facecolors="none", edgecolors=GUIDANCE, linewidths=2.5)
    for k, words in ((chosen, name), *((k, str(n)) for n, k in enumerate(near, 1))):
        axes.plot(*zip(places[chosen], places[k], strict=True), color=INK, linewidth=0.9, linestyle=":")
        axes.annotate(
            words, places[k], xytext=(0, 7), textcoords="offset points", ha="center", color=INK, size=12, weight="bold"
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.12)
    axes.spines[:].set_color(INK)
    axes.spines[:].set_alpha(0.4)
    return figure


def _empty(size):
    figure = Figure(figsize=[pixels / PIXELS_PER_INCH for pixels in size], dpi=PIXELS_PER_INCH, layout="constrained")
    return figure, figure.add_subplot()
