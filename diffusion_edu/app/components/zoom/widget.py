"""The magnifier: the same image, made larger in several ways, side by side, with the same detail of each at a larger zoom."""

import hashlib
from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from diffusion_edu.app.components import source
from diffusion_edu.app.trajectories.animation import png_url
from diffusion_edu.figures.grids import grid

HINT = "Move over an image to look more closely, or use the arrow keys."


@dataclass(frozen=True, eq=False)
class Pane:
    """One way to make the image larger: its name, the image uint8 (3, h, w), its colour, what it is in words, and lines of numbers."""

    name: str
    image: Tensor
    colour: str
    words: str
    says: str


PARTS = {
    "html": source("zoom/magnifier.html"),
    "css": source("player/player.css", "zoom/magnifier.css"),
    "js": source("zoom/magnifier.js"),
}


def magnify(panes, subject, key, at=(0.7, 0.35)):
    """Show panes of equal size, of an image of this subject, with the glass over a place, each coordinate a fraction of 0..1."""
    height, width = panes[0].image.shape[1:]
    shown = [
        {**_said(pane), "alt": f"{subject}, {pane.words}", "image": png_url(grid(pane.image[None]))} for pane in panes
    ]
    data = {
        "panes": shown,
        "width": width,
        "height": height,
        "at": at,
        "hint": HINT,
        "label": f"{subject}, made larger in {len(panes)} ways",
    }
    name = hashlib.sha256(repr(data).encode()).hexdigest()
    st.components.v2.component("diffusion_edu_magnifier", **PARTS)(data={"id": name, **data}, key=key)


def _said(pane):
    return {name: value for name, value in vars(pane).items() if name != "image"}
