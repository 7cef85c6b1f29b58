"""Point clouds in the browser: one component plays the trajectories of many points, the other lets a person draw
points.
"""

import streamlit as st

from diffusion_edu.app.common.state import own
from diffusion_edu.app.components import source
from diffusion_edu.app.components.plotly_script import plotly_url
from diffusion_edu.app.trajectories.animation import COLOUR

CLASS_COLOURS = (
    COLOUR["x"],
    "#56B4E9",
    "#E69F00",
    "#0072B2",
    "#D55E00",
    "#8C8C00",
    "#8A5FBF",
    "#00A5A5",
)  # as many as SHAPES in marks.js
CSS = source("player/player.css", "point_cloud/point_cloud.css")
POINT_CLOUD_PARTS = {
    "html": source("point_cloud/point_cloud.html"),
    "css": CSS,
    "js": source(
        "transport.js",
        "player/charts.js",
        "point_cloud/marks.js",
        "point_cloud/paint.js",
        "point_cloud/point_cloud.js",
    ),
}
PAD_PARTS = {
    "html": source("point_cloud/drawing_pad.html"),
    "css": CSS,
    "js": source("point_cloud/marks.js", "point_cloud/drawing_pad.js"),
}


def show(animation, key, autoplay=False):
    """Show the trajectories of many points, an animation of playground.trajectories.animation_of."""
    component = st.components.v2.component("diffusion_edu_point_cloud", **POINT_CLOUD_PARTS)
    component(data={**animation, "autoplay": autoplay, "plotly": plotly_url()}, key=own(key))


def drawing_pad(key, points=(), classes=4):
    """Let a person draw points; returns [x, y, class] per point, coordinates in -1..1, when they are done, else None.

    The pad starts with the given points.
    """
    component = st.components.v2.component("diffusion_edu_drawing_pad", **PAD_PARTS)
    data = {"points": list(points), "colours": CLASS_COLOURS[:classes]}
    return component(data=data, key=own(key), on_points_change=lambda: None).points
