"""The drawing canvas: a person paints pixels over an image, or a mask, with mouse, pen, finger or keyboard."""

import hashlib
from uuid import uuid4

import streamlit as st

from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.state import own
from diffusion_edu.app.components import source
from diffusion_edu.data.layers import from_url, layer_of, read_layer, to_png, to_url

COLOURS = (
    ("black", "#0d0d0d"), ("white", "#ffffff"), ("red", "#c81e28"), ("pink", "#f08cb4"),
    ("orange", "#f08c1e"), ("yellow", "#fad732"), ("light green", "#8cc850"), ("green", "#328232"),
    ("blue", "#3c5ac8"), ("purple", "#8c46aa"), ("brown", "#6e3c1e"), ("grey", "#969696"),
)  # fmt: skip
BRUSHES = (1, 2, 4, 8, 16)  # widths in pixels on an image of 64 x 64; twice as wide on one of twice the size
PARTS = {
    "html": source("canvas/canvas.html"),
    "css": source("player/player.css", "canvas/canvas.css"),
    "js": source("images.js", "canvas/brush.js", "canvas/canvas.js"),
}


def paint(key, image, initial=None, label="Canvas to paint on"):
    """Let a person paint over an image uint8 (3, size, size); returns the painted layer, uint8 (4, size, size).

    The canvas starts with the layer `initial`. A new initial layer or a new size replaces what was painted.
    """
    return _canvas(key, image, initial, brush=2, label=label, mask=False, file="painting.png")


def paint_mask(key, image, initial=None, label="Canvas to paint a mask on"):
    """Let a person paint a mask over an image uint8 (3, size, size); returns it, bool (size, size), True where it is
    painted.

    The canvas starts with the mask `initial`. The downloaded file is white where the mask is painted and black
    elsewhere.
    """
    initial = None if initial is None else layer_of(initial)
    return _canvas(key, image, initial, brush=8, label=label, mask=True, file="mask.png")[3] > 0


def _canvas(key, image, initial, brush, **options):
    size = image.shape[-1]
    initial = image.new_zeros(4, size, size) if initial is None else initial
    painted = _painted(key, size, to_url(to_png(initial)))
    scale = max(1, size // 64)
    data = {
        "size": size,
        "image": to_url(to_png(image)),
        "sheet": painted["sheet"],
        "layer": painted["layer"],
        "colours": COLOURS,
        "brush": scale * brush,
        "brushes": [scale * width for width in BRUSHES],
        **options,
    }
    component = st.components.v2.component("diffusion_edu_canvas", **PARTS)
    sent = component(data=data, key=own(key), on_painting_change=lambda: None).painting
    if sent and sent.get("sheet") == painted["sheet"]:
        painted = {**painted, "layer": sent.get("layer")}
    st.session_state[_key(key)] = painted  # Streamlit forgets the state of a component that is not on the page
    try:
        return read_layer(from_url(painted["layer"]), size)
    except ValueError as problem:
        st.session_state.pop(_key(key))
        st.error(plain(problem))
        return initial


def _painted(key, size, layer):
    """Return what was painted, or a new sheet if the canvas starts with another layer or size than before."""
    initial = hashlib.sha256(f"{size} {layer}".encode()).hexdigest()
    painted = st.session_state.get(_key(key))
    if painted is None or painted["initial"] != initial:  # strokes on an earlier sheet do not count on a new one
        return {"initial": initial, "sheet": uuid4().hex, "layer": layer}
    return painted


def _key(key):
    return own(f"canvas:{key}")
