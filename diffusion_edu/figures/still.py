"""Still figures, drawn with matplotlib, and how a notebook shows them in its light or dark theme."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from torch import Tensor

from diffusion_edu.figures.grids import grid

# One colour per quantity, on all pages and in all lessons (Okabe & Ito 2008); NOISY is x_t, the noisy image.
SIGNAL, NOISE, PREDICTION, NOISY, GUIDANCE, REAL = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#7f7f7f"
GRID = "#d9d9d9"
INK = "#757575"  # text and axes: readable on white and on black; an SVG uses the text colour of its page instead
PIXELS_PER_INCH = 72  # of matplotlib's SVG: one of its units is shown as one pixel


@dataclass(frozen=True)
class Curve:
    """One line of a chart: points x and y (n,), name, colour, and dashes, which distinguish it without colour."""

    x: Sequence
    y: Sequence
    label: str
    color: str = INK
    dashes: str = "-"


@dataclass(frozen=True)
class Captioned:
    """A figure, a caption that says what to see in it, and an alt text for those who cannot see it."""

    figure: Figure
    caption: str
    alt: str

    def _repr_html_(self) -> str:
        style = "max-width: 75ch; margin-top: 0.4em; line-height: 1.5"
        caption = f'<figcaption style="{style}">{escape(self.caption)}</figcaption>'
        return f'<figure style="margin: 0.5em 0; overflow-x: auto">{svg(self.figure, self.alt)}{caption}</figure>'

    def __repr__(self) -> str:
        return f"[Figure: {self.alt}] {self.caption}"


def svg(figure: Figure, alt: str) -> str:
    """Draw a figure as an SVG element in the text colour of its page, one unit per pixel.

    Alt is read by screen readers.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # text stays text, in the font of the page
        figure.savefig(file, format="svg", transparent=True)
    markup = file.getvalue()[file.getvalue().index("<svg") :]
    # a style element would change the whole page
    markup = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", markup, flags=re.DOTALL)
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', markup)[0]
    head = (
        '<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{escape(alt)}" '
        'style="max-width: none; stroke-linejoin: round">'
    )
    return head + re.sub(r"^<svg[^>]*>", "", markup).replace(INK, "currentColor")


def images(images: Tensor, columns: Sequence[str], rows: Sequence[str] = ("",), zoom: int = 2, gap: int = 4) -> Figure:
    """Show images uint8 (rows * columns, 3, h, w) row by row, every pixel zoom x zoom and sharp, with column and row
    names.
    """
    page = grid(images, len(columns), zoom, gap)
    height, width = page.shape[:2]
    left, top = 8 * max(map(len, rows)) + 8 * any(rows), 22 * any(columns)  # 8 pixels hold a letter, 22 a line
    size = (left + width, top + height)
    figure = Figure(figsize=(size[0] / PIXELS_PER_INCH, size[1] / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH)
    axes = figure.add_axes((left / size[0], 0, width / size[0], height / size[1]))
    axes.imshow(page, interpolation="none", aspect="auto", extent=(0, width, height, 0))
    h, w = (side * zoom for side in images.shape[2:])
    axes.set_xticks([k * (w + gap) + w / 2 for k in range(len(columns))], columns)
    axes.set_yticks([k * (h + gap) + h / 2 for k in range(len(rows))], rows)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=12, labelcolor=INK)
    axes.spines[:].set_visible(False)
    return figure


def chart(curves: Sequence[Curve], x: str, y: str, **axes_settings: Any) -> Figure:
    """Draw curves on axes labelled x and y, units included; axes_settings are matplotlib's, for example xlim=(T, 0)."""
    figure = Figure(figsize=(680 / PIXELS_PER_INCH, 360 / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        axes.plot(curve.x, curve.y, color=curve.color, linestyle=curve.dashes, linewidth=2, label=curve.label)
    axes.set(xlabel=x, ylabel=y, **axes_settings)
    axes.grid(True, color=INK, alpha=0.25, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_color(INK)
    axes.tick_params(which="both", color=INK, labelcolor=INK, labelsize=12)
    axes.xaxis.label.set(color=INK, size=13)
    axes.yaxis.label.set(color=INK, size=13)
    # outside the axes, never over a curve
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=12, labelcolor=INK, handlelength=3)
    return figure


def training_curve(images: Sequence, loss: Sequence, validation: Sequence) -> Figure:
    """Draw the loss on training and on held-out images over the number of images seen."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.plot(images, loss, color=REAL, linewidth=1, linestyle="--", label="training images")
    axes.plot(images, validation, color=PREDICTION, linewidth=2, label="held-out images (EMA weights)")
    axes.set(xscale="log", yscale="log", xlabel="images seen", ylabel="loss (mean squared error)")
    axes.grid(True, which="both", color=GRID, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure
