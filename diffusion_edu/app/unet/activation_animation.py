"""Animations of channel maps and attention weights: the browser scrubs through all timesteps."""

import base64
import hashlib
from dataclasses import asdict

import numpy as np
import streamlit as st
import torch

from diffusion_edu.analysis.activations import channel_std, dead_fraction
from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.state import callback, own, set_controls
from diffusion_edu.app.components import source
from diffusion_edu.app.components.plotly_script import plotly_url
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, png_url
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.charts import Axis, Chart, Series, round_axis
from diffusion_edu.figures.grids import grid

MAX_CHANNELS = 27
TILE, THUMBNAIL = 64, 32  # pixels of a channel map on the screen: in the grid, and in the strip of all timesteps
CONTRAST = 3.0  # standard deviations of a channel between grey and white
START = 0.6  # fraction of the way from noise to image where an animation opens

CHANNEL_CAPTION = (
    f"Shown are the {MAX_CHANNELS} channels with the largest standard deviation over all timesteps, the largest first; "
    "click one to see it at all timesteps. Each map has its own contrast: grey is its mean, black and white are "
    f"{CONTRAST:g} standard deviations away, and the number is its standard deviation. A channel counts as dead if its "
    "standard deviation is below a hundredth of what is usual in its part."
)
ATTENTION_CAPTION = (
    "The framed position attends to the light ones. The numbers under the heads say over how many positions the "
    "attention is spread (perplexity: the exponential of the entropy). Attention off: the same weights and the same "
    "noise, but every attention layer returns its input."
)

HTML, CSS = source("attention/attention.html"), source("player/player.css", "attention/attention.css")
CHANNELS = {
    "html": HTML,
    "css": CSS,
    "js": source("images.js", "transport.js", "player/charts.js", "attention/timeline.js", "attention/channels.js"),
}
ATTENTION = {
    "html": HTML,
    "css": CSS,
    "js": source(
        "images.js",
        "transport.js",
        "player/charts.js",
        "attention/timeline.js",
        "attention/positions.js",
        "attention/self_attention.js",
    ),
}


def show_channels(animation, key):
    """Show an animation made by channel_animation."""
    st.components.v2.component("diffusion_edu_channels", **CHANNELS)(
        data={**animation, "plotly": plotly_url()}, key=own(key)
    )


def show_attention(animation, key, row, column):
    """Show an animation made by attention_animation for the position in the widgets `row` and `column`, counted from 1.

    A click on the image sets both widgets.
    """

    @callback
    def select():
        if position := st.session_state[own(key)].position:
            set_controls(**{row: position[0] + 1, column: position[1] + 1})

    position = [st.session_state[own(row)] - 1, st.session_state[own(column)] - 1]
    component = st.components.v2.component("diffusion_edu_self_attention", **ATTENTION)
    component(data={**animation, "position": position}, key=own(key), on_position_change=select)


def channel_animation(states, outputs, T):
    """Animate the outputs (1, c, h, w) of one part, one per State: noisy image, prediction, strongest channels."""
    h = torch.cat(outputs).float()  # (timesteps, c, h, w)
    strengths = channel_std(h)
    chosen = strengths.mean(dim=0).argsort(descending=True)[:MAX_CHANNELS]
    shown = h[:, chosen]
    scale = strengths[:, chosen, None, None].clamp(min=1e-12)
    maps = to_bytes((shown - shown.mean(dim=(2, 3), keepdim=True)) / (CONTRAST * scale))
    numbers = h.mean(dim=(1, 2, 3)).tolist(), h.std(dim=(1, 2, 3), correction=0).tolist(), dead_fraction(h).tolist()
    rows = [grid(each[:, None].expand(-1, 3, -1, -1), columns=len(chosen)) for each in maps]
    animation = {
        **_common(states, T),
        "captions": [
            f"timestep {s.t} of {T}: mean {m:.2f}, standard deviation {d:.2f}, dead {q:.0%}"
            for s, m, d, q in zip(states, *numbers, strict=True)
        ],
        "map_size": list(h.shape[2:]),
        "tile": TILE,
        "thumbnail": THUMBNAIL,
        "channels": chosen.tolist(),
        "strengths": [[f"{value:.2g}" for value in each] for each in strengths[:, chosen].tolist()],
        "maps": png_url(np.concatenate(rows)),
        "charts": _charts([state.t for state in states], *numbers),
    }
    return _with_id(animation)


def _charts(timesteps, mean, std, dead_fractions):
    """Chart the mean, the standard deviation and the fraction of dead channels over the timesteps."""
    ticks = {str(t): t for t in (timesteps[0], round(timesteps[0] / 2), 0)}
    axis = Axis("timestep t", timesteps[0], 0, ticks)
    value, fraction = round_axis("value", mean + std), Axis("fraction", 0, 1, {"0%": 0, "50%": 0.5, "100%": 1})
    grey = COLOUR["none"]
    curves = [Series("mean", grey, mean, DASHES[1]), Series("standard deviation", grey, std, DASHES[0])]
    dead_curve = [Series("dead channels", grey, dead_fractions)]
    over = "over the timesteps, from noise, left, to the image"
    alts = f"Mean and standard deviation of all activations {over}", f"Fraction of dead channels {over}"
    charts = [
        Chart("All channels together", alts[0], axis, value, timesteps, curves, cursor=True),
        Chart("Dead channels", alts[1], axis, fraction, timesteps, dead_curve, cursor=True),
    ]
    return [asdict(chart) for chart in charts]


def attention_animation(states, weights, off, shape, T):
    """Animate the attention weights (1, heads, positions, positions) of a layer, one per State.

    shape is (rows, columns) of its positions; off are the States of the same sampling with attention switched off.
    """
    weights = torch.cat(weights).double()  # (timesteps, heads, positions, positions)
    without = [state.x0_hat.clamp(-1, 1) for state in off]
    pairs = zip(states, without, strict=True)
    differences = [float(distance(to_bytes(a.x0_hat).float(), to_bytes(b).float())) for a, b in pairs]
    common = _common(states, T)
    tracks = [*common["tracks"][1:], _track("off", ("x\u0302", "0"), "attention off", "x0_hat", without)]
    animation = {
        **common,
        "tracks": [{**tracks[0], "words": "attention on"}, tracks[1]],
        "heads": weights.shape[1],
        "rows": shape[0],
        "columns": shape[1],
        "weights": base64.b64encode((weights * 65535).round().numpy().astype("<u2").tobytes()).decode(),
        "differences": [f"RMS difference: {value:.0f} of 255." for value in differences],
    }
    return _with_id(animation)


def _common(states, T):
    """What both animations have: timesteps, captions, and the noisy and predicted images."""
    timesteps = [state.t for state in states]
    noisy, predictions = [state.x for state in states], [state.x0_hat for state in states]
    return {
        "timesteps": timesteps,
        "captions": [f"timestep {t} of {T}" for t in timesteps],
        "start": round(START * (len(timesteps) - 1)),
        "size": list(states[0].x.shape[2:]),
        "tracks": [
            _track("x", ("x", "t"), "noisy image", "x", noisy),
            _track("x0_hat", ("x\u0302", "0"), "predicted clean image", "x0_hat", predictions),
        ],
    }


def _track(name, symbol, words, colour, images):
    sprite = png_url(np.concatenate([grid(to_bytes(x)) for x in images]))
    return {"name": name, "symbol": symbol, "words": words, "colour": COLOUR[colour], "sprite": sprite}


def _with_id(animation):
    """Add an id that is a hash of the contents."""
    return {"id": hashlib.sha256(repr(animation).encode()).hexdigest(), **animation}
