"""Two walks away from the same degraded picture, beside the picture degraded by hand: screens and charts of a film."""

import math
from dataclasses import replace

import numpy as np

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.trajectories.animation import (
    COLOUR,
    DASHES,
    Axis,
    Chart,
    Film,
    Screen,
    Series,
    png_url,
    round_axis,
)
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid

T = 100
MOST = 50.0  # decibels: nearer than that, two pictures look the same
NAMES = ("algorithm 2", "algorithm 1")
TWO, ONE, NOTHING = DASHES[:3]


def side_by_side(id, kind, x0, hand, two, one):
    """Show the true picture x0 (1, 3, h, w) degraded by hand, one per level, and the States of both algorithms at these levels; opens at the end."""
    screens = [
        _screen("hand", "x", "by hand", "The picture degraded by hand", hand, [psnr(x, x0) for x in hand]),
        *_screens("2", two, x0),
        *_screens("1", one, x0),
    ]
    levels, (height, width) = [state.t for state in two], x0.shape[2:]
    says = [f"level {t} of {T}" for t in levels]
    charts = [_guesses(two, one, hand[0], x0), _strayed(two, one, hand)]
    return Film(
        id, width, height, [kind], levels, says, screens, len(levels) - 1, charts=charts, ends=("degraded", "picture")
    )


def _screens(number, states, x0):
    """Show one algorithm: the picture under way and its guess."""
    name = f"algorithm {number}"
    return [
        _screen(f"x{number}", "x", name, f"Picture under way by {name}", [state.x for state in states]),
        _screen(
            f"guess{number}",
            "x\u0302",
            "its guess",
            f"Guess of {name}",
            [state.x0_hat for state in states],
            _right(states, x0),
        ),
    ]


def _screen(name, letter, words, alt, images, decibels=()):
    index, kind = ("t", "x") if letter == "x" else ("0", "x0_hat")
    sprite = png_url(np.concatenate([grid(to_bytes(x)) for x in images]))
    return Screen(name, (letter, index), words, COLOUR[kind], alt, sprite, [f"PSNR {in_words(d)}" for d in decibels])


def _guesses(two, one, begun, x0):
    """Draw how near the guesses come to the true picture, beside the picture that was begun with."""
    series = [Series("nothing done", COLOUR["x"], [_capped(psnr(begun, x0))] * len(two), NOTHING)]
    for name, states, dash in ((NAMES[0], two, TWO), (NAMES[1], one, ONE)):
        series.append(Series(name, COLOUR["x0_hat"], [_capped(d) for d in _right(states, x0)], dash))
    return _chart("Guess beside true picture", "Nearness of both guesses to the true picture", two, series)


def _strayed(two, one, hand):
    """Draw how far both walks have left the way that the degraded pictures themselves would go."""
    series = []
    for name, states, dash in ((NAMES[0], two, TWO), (NAMES[1], one, ONE)):
        series.append(
            Series(name, COLOUR["x"], [_capped(psnr(state.x, x)) for state, x in zip(states, hand, strict=True)], dash)
        )
    return _chart(
        "Picture under way beside the one by hand",
        "Nearness of both walks to the picture degraded by hand",
        two,
        series,
    )


def _chart(title, alt, states, series):
    at = [state.t for state in states]
    level = Axis("level t", at[0], 0, {str(t): t for t in (at[0], at[0] // 2, 0)})
    decibels = round_axis("PSNR in dB", [d for curve in series for d in curve.y])
    if decibels.high > MOST:
        ticks = {words: value for words, value in decibels.ticks.items() if value < MOST}
        decibels = replace(decibels, ticks={**ticks, f"{MOST:.0f}+": MOST})
    return Chart(title, f"{alt}, from level {at[0]}, left, to level 0", level, decibels, at, series, cursor=True)


def _right(states, x0):
    return [psnr(state.x0_hat.clamp(-1, 1), x0) for state in states]


def _capped(decibels):
    return min(decibels.item(), MOST)


def in_words(decibels):
    """Write decibels as a person would, infinity included."""
    return "∞ dB" if math.isinf(decibels) else f"{decibels.item():.1f} dB"
