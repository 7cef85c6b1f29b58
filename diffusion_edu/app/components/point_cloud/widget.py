"""The plane: plays, scrubs and steps through walks of many points inside the browser; and the pad, on which a person draws points."""

import streamlit as st

from diffusion_edu.app.components import source
from diffusion_edu.app.playground.trajectories import CLASS_COLOURS

CSS = source("player/player.css", "point_cloud/plane.css")
PLANE = {
    "html": source("point_cloud/plane.html"),
    "css": CSS,
    "js": source("player/charts.js", "point_cloud/marks.js", "point_cloud/planepaint.js", "point_cloud/plane.js"),
}
PAD = {"html": source("point_cloud/pad.html"), "css": CSS, "js": source("point_cloud/marks.js", "point_cloud/pad.js")}


def show(animation, key, autoplay=False):
    """Show an animation of swarm.animation_of."""
    plane = st.components.v2.component("diffusion_edu_plane", **PLANE)
    plane(data={**animation, "autoplay": autoplay}, key=key)


def pad(key, drawn=(), classes=4):
    """Let a person draw, beginning with what was drawn before; returns [x, y, class] per point, -1..1, when they are done, else None."""
    canvas = st.components.v2.component("diffusion_edu_pad", **PAD)
    data = {"drawn": list(drawn), "colours": CLASS_COLOURS[:classes]}
    return canvas(data=data, key=key, on_points_change=lambda: None).points
