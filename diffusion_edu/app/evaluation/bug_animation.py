"""The flowers of one exhibit, with its mistake and without it, as a film."""

from dataclasses import asdict
from uuid import uuid4

import numpy as np
import torch

from diffusion_edu.app.trajectories.animation import COLOUR, Film, Screen, png_url
from diffusion_edu.core import State
from diffusion_edu.figures.grids import grid
from diffusion_edu.museum.exhibit import Exhibit

LOUDER = (50, 20, 10, 5, 2, 1)  # times that a difference may be made stronger, so that it can be seen
NAMES = "without the mistake", "with the mistake"


def both(exhibit, model, seeds):
    """Draw without the mistake and with it, turn by turn; yields pairs of States, the second None while it is still being drawn."""
    right, wrong = (exhibit.hang(mistaken).draw(model, seeds) for mistaken in (False, True))
    for state in right:
        yield state, None
        yield state, next(wrong)


def developed(exhibit, pairs):
    """Turn pairs of States into pictures uint8, without the mistake and with it, each (states, b, 3, h, w); what is no number is black."""
    chains = exhibit.hang(False), exhibit.hang(True)
    sides = zip(*pairs, strict=True)
    return [
        torch.stack([chain.develop(s.x.nan_to_num(nan=-1.0)) for s in states])
        for chain, states in zip(chains, sides, strict=True)
    ]


def apart(right, wrong):
    """Measure how far two sets of pictures uint8 (states, ...) are apart, as pictures, and how many times stronger than it is that is shown."""
    difference = (right.int() - wrong.int()).abs()
    most = difference[-1].float().flatten().sort().values[int(0.99 * difference[-1].numel())].item()
    times = next(times for times in LOUDER if times == 1 or times * most <= 255)
    return (times * difference).clamp(max=255).to(torch.uint8), times


def film(exhibit: Exhibit, pairs: list[tuple[State, State]], kinds: list[str]):
    """Make what the player shows, as a dict: both sets of pictures and their difference at every level."""
    right, wrong = developed(exhibit, pairs)
    difference, times = apart(right, wrong)
    levels, others = ([state.t for state in side] for side in zip(*pairs, strict=True))
    T = exhibit.hang(False).schedule.T
    numbers = [[f"level {t}" for t in side] if levels != others else [] for side in (levels, others)]
    louder = f"difference, {times} times as strong" if times > 1 else "difference"
    screens = [
        Screen(side, ("x", "t"), words, COLOUR["x"], f"Pictures {words}", _sprite(pictures), says)
        for side, words, pictures, says in zip(("right", "wrong"), NAMES, (right, wrong), numbers, strict=True)
    ]
    screens.append(
        Screen(
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
        Film(
            uuid4().hex,
            width,
            height,
            kinds,
            levels,
            [f"level {t} of {T}" for t in levels],
            screens,
            start=len(levels) - 1,
        )
    )


def _sprite(pictures):
    return png_url(np.concatenate([grid(images, columns=len(images)) for images in pictures]))
