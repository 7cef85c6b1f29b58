"""The zoom view: several versions of one image side by side, and the same detail of each at a larger zoom."""

from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.state import own
from diffusion_edu.app.components import source
from diffusion_edu.app.trajectories.animation import png_url
from diffusion_edu.figures.grids import grid

HINT = "Point at an image to see its details, or use the arrow keys."
PARTS = {
    "html": source("zoom/zoom.html"),
    "css": source("player/player.css", "zoom/zoom.css"),
    "js": source("images.js", "zoom/zoom.js"),
}


@dataclass(frozen=True, eq=False)
class Pane:
    """One version of the image: its name, the image uint8 (3, h, w), its colour, its caption, and lines of numbers."""

    name: str
    image: Tensor
    colour: str
    words: str
    says: str


def show_zoom(panes, subject, key, centre=(0.7, 0.35)):
    """Show panes of equal size, of an image of this subject; centre is that of the detail, as fractions of width and
    height.
    """
    height, width = panes[0].image.shape[1:]
    data = {
        "panes": [{**_about(pane), "alt": f"{subject}, {pane.words}"} for pane in panes],
        "width": width,
        "height": height,
        "centre": centre,
        "hint": HINT,
        "label": f"{subject}, {len(panes)} versions",
    }
    component = st.components.v2.component("diffusion_edu_zoom", **PARTS)
    component(data={"id": settings_id(data), **data}, key=own(key))


def _about(pane):
    return {**vars(pane), "image": png_url(grid(pane.image[None]))}
