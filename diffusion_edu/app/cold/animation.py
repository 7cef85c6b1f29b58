"""The animation of a restoration: the degraded image, both algorithms of cold diffusion and their predictions, with
charts.
"""

import math
from dataclasses import replace

import numpy as np

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Animation, Track, png_url
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.charts import Axis, Chart, Series, round_axis
from diffusion_edu.figures.grids import grid

T = 100
MAX_PSNR = 50.0  # decibels: above this, two images look the same
NAMES = ("Algorithm 2", "Algorithm 1 (naive)")
DASH_2, DASH_1, DASH_INPUT = DASHES[:3]


def restoration_animation(id, class_name, x0, degraded, states_2, states_1):
    """Build the animation of both algorithms; it opens at timestep 0.

    x0 is the true image (1, 3, h, w), degraded holds x0 degraded to each timestep, states_2 and states_1 are the
    States of Algorithm 2 and Algorithm 1 at these timesteps.
    """
    said = [psnr_text(psnr(x, x0)) for x in degraded]
    tracks = [
        _track("degraded", "x", "degraded", "The true image, degraded", degraded, said),
        *_algorithm_tracks("2", NAMES[0], states_2, x0),
        *_algorithm_tracks("1", NAMES[1], states_1, x0),
    ]
    timesteps, (height, width) = [state.t for state in states_2], x0.shape[2:]
    return Animation(
        id,
        width,
        height,
        [class_name],
        timesteps,
        [f"timestep {t} of {T}" for t in timesteps],
        tracks,
        len(timesteps) - 1,
        charts=[_prediction_chart(states_2, states_1, degraded[0], x0), _x_chart(states_2, states_1, degraded)],
        ends=("degraded", "image"),
    )


def _algorithm_tracks(number, name, states, x0):
    """Return the tracks of one algorithm: x_t and its prediction."""
    said = [psnr_text(decibels) for decibels in _prediction_psnr(states, x0)]
    x, x0_hat = [state.x for state in states], [state.x0_hat for state in states]
    return [
        _track(f"x{number}", "x", name, f"Image x_t of {name}", x),
        _track(f"prediction{number}", "x\u0302", "its prediction", f"Prediction of {name}", x0_hat, said),
    ]


def _track(name, letter, words, alt, images, said=()):
    index, colour = ("t", "x") if letter == "x" else ("0", "x0_hat")
    sprite = png_url(np.concatenate([grid(to_bytes(x)) for x in images]))
    return Track(name, (letter, index), words, COLOUR[colour], alt, sprite, [f"PSNR {text}" for text in said])


def _prediction_chart(states_2, states_1, first, x0):
    """Chart the PSNR of both algorithms' predictions to the true image, and that of the input."""
    series = [Series("input", COLOUR["x"], [_limited(psnr(first, x0))] * len(states_2), DASH_INPUT)]
    for name, states, dash in ((NAMES[0], states_2, DASH_2), (NAMES[1], states_1, DASH_1)):
        series.append(Series(name, COLOUR["x0_hat"], [_limited(d) for d in _prediction_psnr(states, x0)], dash))
    return _chart("Prediction and true image", "PSNR of both predictions to the true image", states_2, series)


def _x_chart(states_2, states_1, degraded):
    """Chart the PSNR of both algorithms' x_t to the true image degraded to timestep t."""
    series = []
    for name, states, dash in ((NAMES[0], states_2, DASH_2), (NAMES[1], states_1, DASH_1)):
        decibels = [_limited(psnr(state.x, x)) for state, x in zip(states, degraded, strict=True)]
        series.append(Series(name, COLOUR["x"], decibels, dash))
    alt = "PSNR of both algorithms' images x_t to the true image degraded to timestep t"
    return _chart("x_t and the degraded true image", alt, states_2, series)


def _chart(title, alt, states, series):
    at = [state.t for state in states]
    timestep = Axis("timestep t", at[0], 0, {str(t): t for t in (at[0], at[0] // 2, 0)})
    decibels = round_axis("PSNR in dB", [d for curve in series for d in curve.y])
    if decibels.high > MAX_PSNR:
        ticks = {words: value for words, value in decibels.ticks.items() if value < MAX_PSNR}
        decibels = replace(decibels, ticks={**ticks, f"{MAX_PSNR:.0f}+": MAX_PSNR})
    alt = f"{alt}, from timestep {at[0]}, left, to timestep 0"
    return Chart(title, alt, timestep, decibels, at, series, cursor=True)


def _prediction_psnr(states, x0):
    return [psnr(state.x0_hat.clamp(-1, 1), x0) for state in states]


def _limited(decibels):
    return min(decibels.item(), MAX_PSNR)


def psnr_text(decibels):
    """Write a PSNR (a tensor of one value) with its unit; infinity is "∞ dB"."""
    return "∞ dB" if math.isinf(decibels) else f"{decibels.item():.1f} dB"
