"""Two walks away from the same degraded image, beside the image degraded by hand: tracks and charts of an animation."""

import math
from dataclasses import replace

import numpy as np

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.trajectories.animation import (
    COLOUR,
    DASHES,
    Animation,
    Axis,
    Chart,
    Series,
    Track,
    png_url,
    round_axis,
)
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid

T = 100
MOST = 50.0  # decibels: nearer than that, two images look the same
NAMES = ("algorithm 2", "algorithm 1")
TWO, ONE, NOTHING = DASHES[:3]


def side_by_side(id, class_name, x0, hand, two, one):
    """Show the true image x0 (1, 3, h, w) degraded by hand, one per timestep, and the States of both algorithms at these timesteps; opens at the end."""
    tracks = [
        _screen("hand", "x", "by hand", "The image degraded by hand", hand, [psnr(x, x0) for x in hand]),
        *_tracks("2", two, x0),
        *_tracks("1", one, x0),
    ]
    timesteps, (height, width) = [state.t for state in two], x0.shape[2:]
    says = [f"timestep {t} of {T}" for t in timesteps]
    charts = [_predictions(two, one, hand[0], x0), _strayed(two, one, hand)]
    return Animation(
        id,
        width,
        height,
        [class_name],
        timesteps,
        says,
        tracks,
        len(timesteps) - 1,
        charts=charts,
        ends=("degraded", "image"),
    )


def _tracks(number, states, x0):
    """Show one algorithm: the image under way and its prediction."""
    name = f"algorithm {number}"
    return [
        _screen(f"x{number}", "x", name, f"Image under way by {name}", [state.x for state in states]),
        _screen(
            f"prediction{number}",
            "x\u0302",
            "its prediction",
            f"Prediction of {name}",
            [state.x0_hat for state in states],
            _right(states, x0),
        ),
    ]


def _screen(name, letter, words, alt, images, decibels=()):
    index, class_name = ("t", "x") if letter == "x" else ("0", "x0_hat")
    sprite = png_url(np.concatenate([grid(to_bytes(x)) for x in images]))
    return Track(
        name, (letter, index), words, COLOUR[class_name], alt, sprite, [f"PSNR {in_words(d)}" for d in decibels]
    )


def _predictions(two, one, begun, x0):
    """Draw how near the predictions come to the true image, beside the image that was begun with."""
    series = [Series("nothing done", COLOUR["x"], [_capped(psnr(begun, x0))] * len(two), NOTHING)]
    for name, states, dash in ((NAMES[0], two, TWO), (NAMES[1], one, ONE)):
        series.append(Series(name, COLOUR["x0_hat"], [_capped(d) for d in _right(states, x0)], dash))
    return _chart("Prediction beside true image", "Nearness of both predictions to the true image", two, series)


def _strayed(two, one, hand):
    """Draw how far both walks have left the way that the degraded images themselves would go."""
    series = []
    for name, states, dash in ((NAMES[0], two, TWO), (NAMES[1], one, ONE)):
        series.append(
            Series(name, COLOUR["x"], [_capped(psnr(state.x, x)) for state, x in zip(states, hand, strict=True)], dash)
        )
    return _chart(
        "Image under way beside the one by hand",
        "Nearness of both walks to the image degraded by hand",
        two,
        series,
    )


def _chart(title, alt, states, series):
    at = [state.t for state in states]
    timestep = Axis("timestep t", at[0], 0, {str(t): t for t in (at[0], at[0] // 2, 0)})
    decibels = round_axis("PSNR in dB", [d for curve in series for d in curve.y])
    if decibels.high > MOST:
        ticks = {words: value for words, value in decibels.ticks.items() if value < MOST}
        decibels = replace(decibels, ticks={**ticks, f"{MOST:.0f}+": MOST})
    return Chart(
        title, f"{alt}, from timestep {at[0]}, left, to timestep 0", timestep, decibels, at, series, cursor=True
    )


def _right(states, x0):
    return [psnr(state.x0_hat.clamp(-1, 1), x0) for state in states]


def _capped(decibels):
    return min(decibels.item(), MOST)


def in_words(decibels):
    """Write decibels as a person would, infinity included."""
    return "∞ dB" if math.isinf(decibels) else f"{decibels.item():.1f} dB"
