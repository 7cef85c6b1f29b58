"""The canvas: a person paints on an image or on paper, with mouse, pen, finger or keyboard, pixel by pixel; also holes, as masks."""

import hashlib
from uuid import uuid4

import streamlit as st

from diffusion_edu.app.components import source
from diffusion_edu.data.layers import from_url, layer_of, read_layer, to_png, to_url

COLOURS = (
    ("black", "#0d0d0d"), ("white", "#ffffff"), ("red", "#c81e28"), ("pink", "#f08cb4"), ("orange", "#f08c1e"), ("yellow", "#fad732"),
    ("light green", "#8cc850"), ("green", "#328232"), ("blue", "#3c5ac8"), ("purple", "#8c46aa"), ("brown", "#6e3c1e"), ("grey", "#969696"),
)  # fmt: skip
BRUSHES = (1, 2, 4, 8, 16)  # pixels of an image of 64 x 64; twice as wide on one of twice the size


PARTS = {
    "html": source("canvas/canvas.html"),
    "css": source("player/player.css", "canvas/canvas.css"),
    "js": source("canvas/brush.js", "canvas/canvas.js"),
}


def paint(key, image, given=None, label="Canvas to paint on"):
    """Let a person paint over an image uint8 (3, size, size), beginning with a layer; returns the layer now, uint8 (4, size, size).

    Another layer to begin with, or another size, takes the place of what was painted.
    """
    return _easel(key, image, given, brush=2, label=label, mask=False, file="drawing.png")


def hole(key, image, given=None, label="Canvas to paint a hole on"):
    """Let a person paint a hole into an image uint8 (3, size, size), beginning with one; returns where it is, bool (size, size).

    The file that can be downloaded is a mask: white in the hole, black around it.
    """
    given = None if given is None else layer_of(given)
    return _easel(key, image, given, brush=8, label=label, mask=True, file="mask.png")[3] > 0


def _easel(key, image, given, brush, **about):
    size = image.shape[-1]
    given = image.new_zeros(4, size, size) if given is None else given
    first, store = to_url(to_png(given)), f"painted:{key}"
    begun = hashlib.sha256(f"{size} {first}".encode()).hexdigest()
    sheet = st.session_state.get(store)
    if sheet is None or sheet["begun"] != begun:
        sheet = {
            "begun": begun,
            "turn": uuid4().hex,
            "layer": first,
        }  # a turn of its own: what was painted on an earlier sheet is not on this one
    wide = max(1, size // 64)
    data = {
        "size": size,
        "image": to_url(to_png(image)),
        "given": sheet["turn"],
        "layer": sheet["layer"],
        "colours": COLOURS,
        **about,
    }
    data |= {"brush": wide * brush, "brushes": [wide * each for each in BRUSHES]}
    easel = st.components.v2.component("diffusion_edu_canvas", **PARTS)
    said = easel(data=data, key=key, on_drawing_change=lambda: None).drawing
    if said and said.get("given") == sheet["turn"]:
        sheet = {**sheet, "layer": said.get("layer")}
    st.session_state[store] = sheet  # what a component says is forgotten when it is not on the page
    try:
        return read_layer(from_url(sheet["layer"]), size)
    except ValueError as problem:
        st.session_state.pop(store)
        st.error(str(problem))
        return given
