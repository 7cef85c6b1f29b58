"""The recording of a finished walk: every number on screen is one that the sampling chain used."""

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np

from diffusion_edu.app.common.request import Request
from diffusion_edu.app.trajectories.animation import (
    COLOUR,
    SYMBOL,
    X0_HAT,
    X_T,
    Animation,
    Track,
    rates_captions,
    sprite,
)
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.notes import noted
from diffusion_edu.figures.animation import gif, mp4
from diffusion_edu.figures.grids import grid
from diffusion_edu.files import to_json

MAX_STATES = 41  # of a recording: 9 images of 64x64 are at most 54 MB of float32, 36 MB for a walk of 40 steps


def state_pairs(walk):
    """Yield the pairs (State, next State) of a walk; the last State is followed by itself."""
    last = None
    for state, after in pairwise(walk):
        yield state, after
        last = after
    yield last, last


def kept(steps, most=MAX_STATES):
    """Return the indices of the steps + 1 states that a recording keeps: all, or `most` evenly spaced ones with both
    ends.
    """
    if steps < most:
        return set(range(steps + 1))
    return {round(k * steps / (most - 1)) for k in range(most)}


def frames_side_by_side(pairs, zoom=2):
    """Make one frame uint8 (height, width, 3) per pair of images uint8 (b, 3, h, w): noisy images left, predictions
    right.
    """
    frames = []
    for pair in pairs:
        halves = [grid(images, zoom=zoom, gap=2) for images in pair]
        gap = np.full((halves[0].shape[0], 6 * zoom, 3), 128, np.uint8)
        frames.append(np.concatenate([halves[0], gap, halves[1]], axis=1))
    return frames


@dataclass(frozen=True)
class Recording:
    """A finished walk: its Request, the (State, next State) pairs of float32 images (b, 3, h, w), noise first, and its
    seconds.
    """

    request: Request
    pairs: list[tuple[State, State]]
    seconds: float

    @property
    def states(self):
        """The recorded States, noise first."""
        return [state for state, _ in self.pairs]

    @cached_property
    def animation(self):
        """The data of the player, as a dict: noisy images beside predictions, and both rates of every state."""
        states, schedule = self.states, self.request.preset.noise_schedule()
        height, width = states[0].x.shape[2:]
        tracks = [
            Track("x", SYMBOL["x"], X_T, COLOUR["x"], "Noisy images", sprite(to_bytes(s.x) for s in states)),
            Track(
                "x0_hat",
                SYMBOL["x0_hat"],
                X0_HAT,
                COLOUR["x0_hat"],
                "Predictions of the clean images",
                sprite(to_bytes(s.x0_hat) for s in states),
            ),
        ]
        return asdict(
            Animation(
                uuid4().hex,
                width,
                height,
                self.request.class_names,
                [state.t for state in states],
                rates_captions(schedule, states),
                tracks,
                start=len(states) - 1,
            )
        )

    def frames(self, zoom=2):
        """Make one frame uint8 (height, width, 3) per state, noisy images left and predictions right."""
        return frames_side_by_side([(to_bytes(state.x), to_bytes(state.x0_hat)) for state in self.states], zoom)

    def gif(self):
        """Encode the walk as an animated GIF."""
        return gif(self.frames())

    def mp4(self):
        """Encode the walk as an MP4 video."""
        return mp4(self.frames())

    def png(self):
        """Encode the finished images as one PNG with the settings in its metadata."""
        return noted(grid(to_bytes(self.states[-1].x)), self.request.settings)


def save_animation(recording, path):
    """Write the data of the player to a JSON file, so that a page can show it before anything runs."""
    Path(path).write_text(to_json({**recording.animation, "id": Path(path).stem}), encoding="utf-8")


def load_animation(path):
    """Read the data of the player that save_animation wrote, or None if there is no such file or it cannot be read."""
    try:
        animation = json.loads(Path(path).read_text(encoding="utf-8"))
        needed = {field.name for field in fields(Animation)} - {"ends"}  # older files do not have it
        return animation if animation.keys() >= needed else None
    except (OSError, ValueError, AttributeError):
        return None
