"""What a part says at every level of a walk, as a reel: images, channel maps and looks that are scrubbed inside the browser."""

import base64
import hashlib
from dataclasses import asdict

import numpy as np
import streamlit as st
import torch

from diffusion_edu.analysis.activations import dead, strength
from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.components import source
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Axis, Chart, Series, png_url, round_axis
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid

MOST, TILE, FRAME = (
    27,
    64,
    32,
)  # channels shown at once, and pixels of one of them on the screen, and in the strip of all levels
REACH = 3.0  # standard deviations of a channel that lie between grey and white
TELLING = 0.6  # of the way from noise to image, where a reel opens

CHANNEL_WORDS = (
    f"Shown are the {MOST} channels that vary most over the whole walk, the strongest first; click on one to see it at all levels. Each map has its "
    f"own contrast: grey is its mean, black and white lie {REACH:g} standard deviations away, and the number says how large one of them is: its "
    "strength. A channel is dead if it varies less than a hundredth of what is usual in its part."
)
LOOK_WORDS = (
    "Light is where the framed place looks. The numbers under the heads say over how many places a look spreads (the exponential of its entropy). "
    "Off: the same weights from the same noise, and every attention layer lets its input through."
)


HTML, CSS = source("attention/reel.html"), source("player/player.css", "attention/reel.css")
CHANNELS = {"html": HTML, "css": CSS, "js": source("player/charts.js", "attention/reel.js", "attention/channels.js")}
LOOKS = {
    "html": HTML,
    "css": CSS,
    "js": source("player/charts.js", "attention/reel.js", "attention/places.js", "attention/looks.js"),
}


def show_channels(animation, key):
    """Show an animation of channels_animation."""
    st.components.v2.component("diffusion_edu_channels", **CHANNELS)(data=animation, key=key)


def show_looks(animation, key, row, column):
    """Show an animation of looks_animation from the place that the widgets `row` and `column` name, counted from 1; a click sets them."""

    def choose():
        if place := st.session_state[key].place:
            st.session_state[row], st.session_state[column] = place[0] + 1, place[1] + 1

    place = [st.session_state[row] - 1, st.session_state[column] - 1]
    looks = st.components.v2.component("diffusion_edu_looks", **LOOKS)
    looks(data={**animation, "place": place}, key=key, on_place_change=choose)


def channels_animation(states, said, T):
    """Show what one part said, h (1, c, h, w) per State: the given image, the prediction, and its MOST strongest channels over the whole walk."""
    h = torch.cat(said).float()  # (levels, c, h, w)
    strengths = strength(h)
    chosen = strengths.mean(dim=0).argsort(descending=True)[:MOST]
    shown = h[:, chosen]
    scale = strengths[:, chosen, None, None].clamp(min=1e-12)
    maps = to_bytes((shown - shown.mean(dim=(2, 3), keepdim=True)) / (REACH * scale))
    numbers = h.mean(dim=(1, 2, 3)).tolist(), h.std(dim=(1, 2, 3), correction=0).tolist(), dead(h).tolist()
    rows = [grid(level[:, None].expand(-1, 3, -1, -1), columns=len(chosen)) for level in maps]
    animation = {
        **_common(states, T),
        "says": [
            f"level {s.t} of {T}: mean {m:.2f}, standard deviation {d:.2f}, dead {q:.0%}"
            for s, m, d, q in zip(states, *numbers, strict=True)
        ],
        "map": list(h.shape[2:]),
        "tile": TILE,
        "frame": FRAME,
        "channels": chosen.tolist(),
        "strengths": [[f"{value:.2g}" for value in level] for level in strengths[:, chosen].tolist()],
        "maps": png_url(np.concatenate(rows)),
        "charts": _charts([state.t for state in states], *numbers),
    }
    return _named(animation)


def _charts(levels, mean, std, silent):
    """Draw mean, standard deviation and the fraction of dead channels over the levels."""
    level = Axis("level t", levels[0], 0, {str(t): t for t in (levels[0], round(levels[0] / 2), 0)})
    fraction = Axis("fraction", 0, 1, {"0%": 0, "50%": 0.5, "100%": 1})
    curves = [
        Series("mean", COLOUR["none"], mean, DASHES[1]),
        Series("standard deviation", COLOUR["none"], std, DASHES[0]),
    ]
    alt = "of all that the part says over the levels, from noise, left, to the image"
    return [
        asdict(
            Chart(
                "All channels together",
                f"Mean and standard deviation {alt}",
                level,
                round_axis("value", mean + std),
                levels,
                curves,
                True,
            )
        ),
        asdict(
            Chart(
                "Dead channels",
                f"Share of dead channels {alt}",
                level,
                fraction,
                levels,
                [Series("say nothing", COLOUR["none"], silent)],
                True,
            )
        ),
    ]


def looks_animation(states, looks, off, shape, T):
    """Show where a layer on maps of shape (rows, columns) looked, (1, heads, places, places) per State, beside the States with attention off."""
    weights = torch.cat(looks).double()  # (levels, heads, places, places)
    without = [state.x0_hat.clamp(-1, 1) for state in off]
    apart = [
        float(distance(to_bytes(a.x0_hat).float(), to_bytes(b).float())) for a, b in zip(states, without, strict=True)
    ]
    common = _common(states, T)
    tracks = [*common["tracks"][1:], _screen("off", ("x\u0302", "0"), "attention off", "x0_hat", without)]
    animation = {
        **common,
        "tracks": [{**tracks[0], "words": "attention on"}, tracks[1]],
        "heads": weights.shape[1],
        "rows": shape[0],
        "columns": shape[1],
        "looks": base64.b64encode((weights * 65535).round().numpy().astype("<u2").tobytes()).decode(),
        "apart": [f"Off by {value:.0f} of 255." for value in apart],
    }
    return _named(animation)


def _common(states, T):
    """What every reel has: the levels in numbers and words, and the images that were given and guessed."""
    levels = [state.t for state in states]
    return {
        "levels": levels,
        "says": [f"level {t} of {T}" for t in levels],
        "start": round(TELLING * (len(levels) - 1)),
        "size": list(states[0].x.shape[2:]),
        "tracks": [
            _screen("x", ("x", "t"), "given", "x", [state.x for state in states]),
            _screen("x0_hat", ("x\u0302", "0"), "its prediction", "x0_hat", [state.x0_hat for state in states]),
        ],
    }


def _screen(name, symbol, words, class_name, images):
    sprite = png_url(np.concatenate([grid(to_bytes(x)) for x in images]))
    return {"name": name, "symbol": symbol, "words": words, "colour": COLOUR[class_name], "sprite": sprite}


def _named(animation):
    """Name an animation after its contents."""
    return {"id": hashlib.sha256(repr(animation).encode()).hexdigest(), **animation}
