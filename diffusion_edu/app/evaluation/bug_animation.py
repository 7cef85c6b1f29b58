"""The animation of one exhibit: the samples with its mistake, without it, and their difference."""

from dataclasses import asdict
from uuid import uuid4

import torch

from diffusion_edu.app.trajectories.animation import COLOUR, SYMBOL, Animation, Track, sprite
from diffusion_edu.core import State
from diffusion_edu.museum.exhibit import Exhibit

GAINS = (50, 20, 10, 5, 2, 1)  # factors by which a difference may be amplified
NAMES = "without the mistake", "with the mistake"


def sample_both(exhibit, model, seeds):
    """Sample without the mistake and with it, in turns.

    Yields pairs of States; the second is None while it is being sampled.
    """
    right, wrong = (exhibit.build(mistaken).sample(model, seeds) for mistaken in (False, True))
    for state in right:
        yield state, None
        yield state, next(wrong)


def decoded_images(exhibit, pairs):
    """Turn pairs of States into images uint8 (states, b, 3, h, w), without and with the mistake; NaN is black."""
    chains = exhibit.build(False), exhibit.build(True)
    sides = zip(*pairs, strict=True)
    return [
        torch.stack([chain.to_bytes(state.x.nan_to_num(nan=-1.0)) for state in states])
        for chain, states in zip(chains, sides, strict=True)
    ]


def amplified_difference(right, wrong):
    """Return the difference of images uint8 (states, ...), as images, and the factor by which it is amplified."""
    difference = (right.int() - wrong.int()).abs()
    largest = difference[-1].float().flatten().sort().values[int(0.99 * difference[-1].numel())].item()
    gain = next(gain for gain in GAINS if gain == 1 or gain * largest <= 255)
    return (gain * difference).clamp(max=255).to(torch.uint8), gain


def animation(exhibit: Exhibit, pairs: list[tuple[State, State]], class_names: list[str]):
    """Make the animation for the player, as a dict: both sets of samples and their difference at every timestep."""
    right, wrong = decoded_images(exhibit, pairs)
    difference, gain = amplified_difference(right, wrong)
    timesteps, others = ([state.t for state in side] for side in zip(*pairs, strict=True))
    T = exhibit.build(False).schedule.T
    lines = [[f"timestep {t}" for t in side] if timesteps != others else [] for side in (timesteps, others)]
    tracks = [
        Track(name, SYMBOL["x"], words, COLOUR["x"], f"Images {words}", sprite(images), side)
        for name, words, images, side in zip(("right", "wrong"), NAMES, (right, wrong), lines, strict=True)
    ]
    words = f"difference × {gain}" if gain > 1 else "difference"
    alt = "Difference of both, black where there is none"
    tracks.append(Track("difference", ("Δ", ""), words, COLOUR["none"], alt, sprite(difference)))
    height, width = right.shape[-2:]
    says = [f"timestep {t} of {T}" for t in timesteps]
    start = len(timesteps) - 1
    return asdict(Animation(uuid4().hex, width, height, class_names, timesteps, says, tracks, start=start))
