"""Figures of embeddings: tables of numbers as images, and a map of classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from diffusion_edu.figures.still import GUIDANCE, INK, PIXELS_PER_INCH

SIGNED, UNSIGNED = "PuOr", "cividis"  # safe for colour-blind readers, and unlike the colours that have a meaning here


@dataclass(frozen=True)
class Axis:
    """One axis of a table: its title, and {label: position} of the ticks, counted in rows or columns."""

    title: str
    ticks: dict[str, float]


def table(values: np.ndarray, x: Axis, y: Axis, size: tuple[int, int] = (262, 186), signed: bool = True) -> Figure:
    """Show values (rows, columns) as an image with a colour bar.

    Signed values are white at zero, and the largest 2 % are clipped.
    """
    figure, axes = _empty(size)
    most = max(float(np.quantile(np.abs(values), 0.98)), 1e-9)
    look = {"cmap": SIGNED, "norm": TwoSlopeNorm(0, -most, most)} if signed else {"cmap": UNSIGNED}
    image = axes.imshow(values, aspect="auto", interpolation="nearest", **look)
    axes.set_xticks(list(x.ticks.values()), list(x.ticks))
    axes.set_yticks(list(y.ticks.values()), list(y.ticks))
    axes.set_xlabel(x.title, color=INK, size=10)
    axes.set_ylabel(y.title, color=INK, size=10)
    bar = figure.colorbar(
        image,
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


def class_map(
    positions: np.ndarray, colours: Sequence, chosen: int, name: str, near: Sequence[int], size=(470, 372)
) -> Figure:
    """Show classes at positions (n, 2) as dots in their colours (n): the chosen one named, its nearest ones numbered
    from 1.
    """
    figure, axes = _empty(size)
    axes.scatter(positions[:, 0], positions[:, 1], c=colours, s=46, edgecolors=INK, linewidths=0.7)
    axes.scatter(*positions[chosen], s=150, facecolors="none", edgecolors=GUIDANCE, linewidths=2.5)
    for k, words in ((chosen, name), *((k, str(n)) for n, k in enumerate(near, 1))):
        axes.plot(*zip(positions[chosen], positions[k], strict=True), color=INK, linewidth=0.9, linestyle=":")
        axes.annotate(
            words,
            positions[k],
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=INK,
            size=12,
            weight="bold",
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.12)
    axes.spines[:].set_color(INK)
    axes.spines[:].set_alpha(0.4)
    return figure


def _empty(size):
    figure = Figure(
        figsize=(size[0] / PIXELS_PER_INCH, size[1] / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH, layout="constrained"
    )
    return figure, figure.add_subplot()
