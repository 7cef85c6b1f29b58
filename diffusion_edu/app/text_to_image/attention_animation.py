"""The animation of cross-attention: the weights of one layer and head for all words, at every timestep."""

import base64
from dataclasses import asdict

import streamlit as st
import torch

from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.state import callback, own
from diffusion_edu.app.components import source
from diffusion_edu.app.components.plotly_script import plotly_url
from diffusion_edu.app.text_to_image.attention_recording import ALL_HEADS
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, sprite
from diffusion_edu.figures.charts import round_axis, timestep_axis

WORD = "word"  # URL parameter
START = 0.6  # fraction of the way from noise to image where the animation opens

PARTS = {
    "html": source("attention/attention.html"),
    "css": source("player/player.css", "attention/attention.css", "attention/cross_attention.css"),
    "js": source(
        "images.js",
        "transport.js",
        "player/charts.js",
        "attention/timeline.js",
        "attention/positions.js",
        "attention/cross_attention.js",
    ),
}


def attention_animation(recording, frames, layer, head):
    """Animate the weights of one layer, of one head or their mean, for all words, at every timestep; returns a dict."""
    weights = [_of_head(recording.fractions(frame.weights[layer]), head) for frame in frames]
    weights = torch.stack(weights)  # (timesteps, positions, words)
    timesteps, fractions, T = [frame.t for frame in frames], weights.mean(dim=1), recording.request.preset.T
    side = rows(frames[0].weights[layer])
    return {
        "id": settings_id(recording.id, layer, head),
        "timesteps": timesteps,
        "captions": [f"timestep {t} of {T}" for t in timesteps],
        "start": round(START * (len(timesteps) - 1)),
        "size": list(frames[0].image.shape[2:]),
        "sprite": sprite([frame.image for frame in frames]),
        "colour": COLOUR["x0_hat"],
        "words": recording.words,
        "rows": side,
        "columns": side,
        "weights": base64.b64encode((weights.mT * 65535).round().numpy().astype("<u2").tobytes()).decode(),
        "fractions": fractions.tolist(),
        "x_axis": asdict(timestep_axis(timesteps[0])),
        "y_axis": asdict(round_axis("attention (%)", [100 * fractions.max().item()], low=0)),
        "dash": DASHES[1],
    }


def _of_head(fractions, head):
    return fractions.mean(dim=0) if head == ALL_HEADS else fractions[int(head.split()[-1]) - 1]


def show(animation, key, default):
    """Show an attention animation with the word of the link selected, or else the default; a click changes the link."""

    @callback
    def select():
        if word := st.session_state[own(key)].word:
            st.query_params[own(WORD)] = word

    word = st.query_params.get(own(WORD))
    component = st.components.v2.component("diffusion_edu_cross_attention", **PARTS)
    selected = animation["words"].index(word if word in animation["words"] else default)
    component(data={**animation, "word": selected, "plotly": plotly_url()}, key=own(key), on_word_change=select)


def layer_titles(weights):
    """Name the cross-attention layers in the order in which they run, {title: name}."""
    order = sorted(weights, key=lambda name: (("down", "middle", "up").index(_path(name)[0]), _position(name)))
    titles = [f"{_path(name)[0]} · {rows(weights[name])} × {rows(weights[name])}" for name in order]
    return {
        title if titles.count(title) == 1 else f"{title} ({name})": name
        for title, name in zip(titles, order, strict=True)
    }


def _path(name):
    return [part for part in name.split(".") if part in ("down", "middle", "up") or part.isdigit()]


def _position(name):
    part, *numbers = _path(name)
    return [-int(number) if part == "up" and index == 0 else int(number) for index, number in enumerate(numbers)]


def rows(weights):
    """The number of rows of positions of a layer with weights (b, heads, positions, tokens)."""
    return round(weights.shape[2] ** 0.5)
