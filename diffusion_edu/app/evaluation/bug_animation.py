"""The flowers of one exhibit, with its mistake and without it, as an animation."""

from dataclasses import asdict
from uuid import uuid4

import numpy as np
import torch

from diffusion_edu.app.trajectories.animation import COLOUR, Animation, Track, png_url
from diffusion_edu.core import State
from diffusion_edu.figures.grids import grid
from diffusion_edu.museum.exhibit import Exhibit

LOUDER = (50, 20, 10, 5, 2, 1)  # times that a difference may be made stronger, so that it can be seen
NAMES = "without the mistake", "with the mistake"


def both(exhibit, model, seeds):
    """Draw without the mistake and with it, turn by turn; yields pairs of States, the second None while it is still being sampled."""
    right, wrong = (exhibit.hang(mistaken).draw(model, seeds) for mistaken in (False, True))
    for state in right:
        yield state, None
        yield state, next(wrong)


def developed(exhibit, pairs):
    """Turn pairs of States into images uint8, without the mistake and with it, each (states, b, 3, h, w); what is no number is black."""
    chains = exhibit.hang(False), exhibit.hang(True)
    sides = zip(*pairs, strict=True)
    return [
        torch.stack([chain.develop(s.x.nan_to_num(nan=-1.0)) for s in states])
        for chain, states in zip(chains, sides, strict=True)
    ]


def apart(right, wrong):
    """Measure how far two sets of images uint8 (states, ...) are apart, as images, and how many times stronger than it is that is shown."""
    difference = (right.int() - wrong.int()).abs()
    most = difference[-1].float().flatten().sort().values[int(0.99 * difference[-1].numel())].item()
    times = next(times for times in LOUDER if times == 1 or times * most <= 255)
    return (times * difference).clamp(max=255).to(torch.uint8), times


def animation(exhibit: Exhibit, pairs: list[tuple[State, State]], class_names: list[str]):
    """Make what the player shows, as a dict: both sets of images and their difference at every timestep."""
    right, wrong = developed(exhibit, pairs)
    difference, times = apart(right, wrong)
    timesteps, others = ([state.t for state in side] for side in zip(*pairs, strict=True))
    T = exhibit.hang(False).schedule.T
    numbers = [[f"timestep {t}" for t in side] if timesteps != others else [] for side in (timesteps, others)]
    louder = f"difference, {times} times as strong" if times > 1 else "difference"
    tracks = [
        Track(side, ("x", "t"), words, COLOUR["x"], f"Images {words}", _sprite(images), says)
        for side, words, images, says in zip(("right", "wrong"), NAMES, (right, wrong), numbers, strict=True)
    ]
    tracks.append(
        Track(
            "difference",
            ("Δ", ""),
            louder,
            COLOUR["none"],
            "Difference of both, black where there is none",
            _sprite(difference),
        )
    )
    height, width = right.shape[-2:]
    return asdict(
        Animation(
            uuid4().hex,
            width,
            height,
            class_names,
            timesteps,
            [f"timestep {t} of {T}" for t in timesteps],
            tracks,
            start=len(timesteps) - 1,
        )
    )


def _sprite(dataset):
    return png_url(np.concatenate([grid(images, columns=len(images)) for images in dataset]))
