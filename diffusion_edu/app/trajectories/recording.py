"""A walk that is over, kept so that every number on screen is one that the chain used."""

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np

from diffusion_edu.app.common.request import Wish
from diffusion_edu.app.trajectories.animation import COLOUR, Film, Screen, png_url
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.notes import noted
from diffusion_edu.figures.animation import gif, mp4
from diffusion_edu.figures.grids import grid

UNDER_WAY, GUESS = "the picture under way", "what the network thinks it will be"
MOST = 41  # states that one recording keeps: at 9 pictures of 64x64 at most 54 MB of float32, 36 for a walk of 40 moves


def moments(walk):
    """Turn a walk into pairs: each State together with the one that follows it (the last one follows itself)."""
    last = None
    for state, after in pairwise(walk):
        yield state, after
        last = after
    yield last, last


def kept(moves, most=MOST):
    """Choose which of moves + 1 states a recording keeps: all, or so many of them spread evenly, both ends included."""
    if moves < most:
        return set(range(moves + 1))
    return {round(k * moves / (most - 1)) for k in range(most)}


def side_by_side(moments, zoom=2):
    """Draw one frame per moment, a pair of pictures uint8 (b, 3, h, w): those under way left and the guesses right, uint8 (height, width, 3)."""
    drawn = []
    for pair in moments:
        halves = [grid(images, zoom=zoom, gap=2) for images in pair]
        between = np.full((halves[0].shape[0], 6 * zoom, 3), 128, np.uint8)
        drawn.append(np.concatenate([halves[0], between, halves[1]], axis=1))
    return drawn


@dataclass(frozen=True)
class Recording:
    """What one walk did: the wish it was asked for with, and (State, next State) pairs of float32 images (b, 3, h, w), noise first."""

    wish: Wish
    pairs: list[tuple[State, State]]
    seconds: float

    @cached_property
    def film(self):
        """What the player shows, as a dict: the pictures under way beside the guesses, and the two rates of every state."""
        states, schedule = [state for state, _ in self.pairs], self.wish.preset.noising()
        rates = [schedule.rates(state.t, state.x) for state in states]
        b, _, h, w = states[0].x.shape
        under_way, guesses = (
            png_url(np.concatenate([grid(to_bytes(i), columns=b) for i in images]))
            for images in zip(*((s.x, s.x0_hat) for s in states), strict=True)
        )
        screens = [
            Screen("x", ("x", "t"), UNDER_WAY, COLOUR["x"], "Pictures under way", under_way),
            Screen("x0_hat", ("x\u0302", "0"), GUESS, COLOUR["x0_hat"], "Guesses of the clean pictures", guesses),
        ]
        levels = [state.t for state in states]
        says = [
            f"level {t} of {schedule.T} · signal {signal:.3f} · noise {noise:.3f}"
            for t, (signal, noise) in zip(levels, rates, strict=True)
        ]
        return asdict(Film(uuid4().hex, w, h, self.wish.kinds, levels, says, screens, start=len(levels) - 1))

    def frames(self, zoom=2):
        """Draw one frame per state, the pictures under way left and the guesses right, uint8 (height, width, 3)."""
        return side_by_side([(to_bytes(state.x), to_bytes(state.x0_hat)) for state, _ in self.pairs], zoom)

    def gif(self):
        """Encode the walk as an animated GIF."""
        return gif(self.frames())

    def mp4(self):
        """Encode the walk as an MP4 film."""
        return mp4(self.frames())

    def png(self):
        """Encode the finished pictures as one PNG that carries the settings they were drawn with."""
        return noted(grid(to_bytes(self.pairs[-1][0].x)), self.wish.settings)


def save_film(recording, path):
    """Write what the player shows to a JSON file, so that a page can show it before anything is computed."""
    Path(path).write_text(json.dumps({**recording.film, "id": Path(path).stem}), encoding="utf-8")


def load_film(path):
    """Read a film that save_film wrote, or None if there is none that can be read."""
    try:
        film = json.loads(Path(path).read_text(encoding="utf-8"))
        needed = {field.name for field in fields(Film)} - {"ends"}  # which a film from earlier days does not have
        return film if film.keys() >= needed else None
    except (OSError, ValueError, AttributeError):
        return None
