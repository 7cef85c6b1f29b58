"""A walk that is over, kept so that every number on screen is one that the chain used."""

import base64
import io
import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from diffusion_edu.app.wish import Wish
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.animation import gif, mp4
from diffusion_edu.figures.grids import grid

FILM = {"id", "height", "width", "pictures", "T", "kinds", "levels", "signal", "noise", "x", "x0_hat"}  # what a film holds
MOST = 41  # states that one recording keeps: at 9 pictures of 64x64 at most 54 MB of float32, 36 for a walk of 40 moves


def moments(walk):
    """Turn a walk into pairs: each State together with the one that follows it (the last one follows itself)."""
    last = None
    for state, after in pairwise(walk):
        yield state, after
        last = after
    yield last, last


def kept(moves):
    """Choose which of moves + 1 states a recording keeps: all, or MOST of them spread evenly, both ends included."""
    if moves < MOST:
        return set(range(moves + 1))
    return {round(k * moves / (MOST - 1)) for k in range(MOST)}


@dataclass(frozen=True)
class Recording:
    """What one walk did: the wish it was asked for with, and (State, next State) pairs of float32 images (b, 3, h, w), noise first."""

    wish: Wish
    pairs: list[tuple[State, State]]
    seconds: float

    @cached_property
    def film(self):
        """What the player shows: two PNG sprites (a row per state, a column per picture) and the numbers of every state."""
        states, schedule = [state for state, _ in self.pairs], self.wish.preset.noising()
        rates = [[float(rate) for rate in schedule.rates(state.t, state.x)] for state in states]
        b, _, h, w = states[0].x.shape
        return {
            "id": uuid4().hex,
            "height": h,
            "width": w,
            "pictures": b,
            "T": schedule.T,
            "kinds": self.wish.kinds,
            "levels": [state.t for state in states],
            "signal": [signal for signal, _ in rates],
            "noise": [noise for _, noise in rates],
            "x": png_url(np.concatenate([grid(to_bytes(s.x), columns=b) for s in states])),
            "x0_hat": png_url(np.concatenate([grid(to_bytes(s.x0_hat), columns=b) for s in states])),
        }

    def frames(self, zoom=2):
        """Draw one frame per state, the pictures under way left and the guesses right, uint8 (height, width, 3)."""
        drawn = []
        for state, _ in self.pairs:
            halves = [grid(to_bytes(images), zoom=zoom, gap=2) for images in (state.x, state.x0_hat)]
            between = np.full((halves[0].shape[0], 6 * zoom, 3), 128, np.uint8)
            drawn.append(np.concatenate([halves[0], between, halves[1]], axis=1))
        return drawn

    def gif(self):
        """Encode the walk as an animated GIF."""
        return gif(self.frames())

    def mp4(self):
        """Encode the walk as an MP4 film."""
        return mp4(self.frames())

    def png(self):
        """Encode the finished pictures as one PNG that carries the settings they were drawn with."""
        file, about = io.BytesIO(), PngInfo()
        about.add_text("diffusion_edu", json.dumps(self.wish.settings))
        Image.fromarray(grid(to_bytes(self.pairs[-1][0].x))).save(file, "PNG", pnginfo=about)
        return file.getvalue()


def png_url(pixels):
    """Encode uint8 (h, w, 3) as a PNG inside a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def save_film(recording, path):
    """Write what the player shows to a JSON file, so that a page can show it before anything is computed."""
    Path(path).write_text(json.dumps({**recording.film, "id": Path(path).stem}), encoding="utf-8")


def load_film(path):
    """Read a film that save_film wrote, or None if there is none that can be read."""
    try:
        film = json.loads(Path(path).read_text(encoding="utf-8"))
        return film if film.keys() >= FILM else None
    except (OSError, ValueError, AttributeError):
        return None
