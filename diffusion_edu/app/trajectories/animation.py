"""The parts of an animation, in the form that the player reads: tracks of images, charts, and captions."""

import base64
import io
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from diffusion_edu.figures.charts import Chart
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
X_T, X0_HAT = "the noisy image", "the predicted clean image"


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
