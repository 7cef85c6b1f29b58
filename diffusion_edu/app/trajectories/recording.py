"""A walk that is over, kept so that every number on screen is one that the chain used."""

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np

from diffusion_edu.app.common.request import Request
from diffusion_edu.app.trajectories.animation import COLOUR, Animation, Track, png_url
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.notes import noted
from diffusion_edu.figures.animation import gif, mp4
from diffusion_edu.figures.grids import grid

UNDER_WAY, PREDICTION = "the image under way", "what the network thinks it will be"
MOST = 41  # states that one recording keeps: at 9 images of 64x64 at most 54 MB of float32, 36 for a walk of 40 steps


def moments(walk):
    """Turn a walk into pairs: each State together with the one that follows it (the last one follows itself)."""
    last = None
    for state, after in pairwise(walk):
        yield state, after
        last = after
    yield last, last


def kept(steps, most=MOST):
    """Choose which of steps + 1 states a recording keeps: all, or so many of them spread evenly, both ends included."""
    if steps < most:
        return set(range(steps + 1))
    return {round(k * steps / (most - 1)) for k in range(most)}


def side_by_side(moments, zoom=2):
    """Draw one frame per moment, a pair of images uint8 (b, 3, h, w): those under way left and the predictions right, uint8 (height, width, 3)."""
    sampled = []
    for pair in moments:
        halves = [grid(images, zoom=zoom, gap=2) for images in pair]
        between = np.full((halves[0].shape[0], 6 * zoom, 3), 128, np.uint8)
        sampled.append(np.concatenate([halves[0], between, halves[1]], axis=1))
    return sampled


@dataclass(frozen=True)
class Recording:
    """What one walk did: the request it was asked for with, and (State, next State) pairs of float32 images (b, 3, h, w), noise first."""

    request: Request
    pairs: list[tuple[State, State]]
    seconds: float

    @cached_property
    def animation(self):
        """What the player shows, as a dict: the images under way beside the predictions, and the two rates of every state."""
        states, schedule = [state for state, _ in self.pairs], self.request.preset.noise_schedule()
        rates = [schedule.rates(state.t, state.x) for state in states]
        b, _, h, w = states[0].x.shape
        under_way, predictions = (
            png_url(np.concatenate([grid(to_bytes(i), columns=b) for i in images]))
            for images in zip(*((s.x, s.x0_hat) for s in states), strict=True)
        )
        tracks = [
            Track("x", ("x", "t"), UNDER_WAY, COLOUR["x"], "Images under way", under_way),
            Track(
                "x0_hat", ("x\u0302", "0"), PREDICTION, COLOUR["x0_hat"], "Predictions of the clean images", predictions
            ),
        ]
        timesteps = [state.t for state in states]
        says = [
            f"timestep {t} of {schedule.T} · signal {signal:.3f} · noise {noise:.3f}"
            for t, (signal, noise) in zip(timesteps, rates, strict=True)
        ]
        return asdict(
            Animation(uuid4().hex, w, h, self.request.class_names, timesteps, says, tracks, start=len(timesteps) - 1)
        )

    def frames(self, zoom=2):
        """Draw one frame per state, the images under way left and the predictions right, uint8 (height, width, 3)."""
        return side_by_side([(to_bytes(state.x), to_bytes(state.x0_hat)) for state, _ in self.pairs], zoom)

    def gif(self):
        """Encode the walk as an animated GIF."""
        return gif(self.frames())

    def mp4(self):
        """Encode the walk as an MP4 animation."""
        return mp4(self.frames())

    def png(self):
        """Encode the finished images as one PNG that carries the settings they were sampled with."""
        return noted(grid(to_bytes(self.pairs[-1][0].x)), self.request.settings)


def save_animation(recording, path):
    """Write what the player shows to a JSON file, so that a page can show it before anything is computed."""
    Path(path).write_text(json.dumps({**recording.animation, "id": Path(path).stem}), encoding="utf-8")


def load_animation(path):
    """Read an animation that save_animation wrote, or None if there is none that can be read."""
    try:
        animation = json.loads(Path(path).read_text(encoding="utf-8"))
        needed = {field.name for field in fields(Animation)} - {
            "ends"
        }  # which an animation from earlier days does not have
        return animation if animation.keys() >= needed else None
    except (OSError, ValueError, AttributeError):
        return None
