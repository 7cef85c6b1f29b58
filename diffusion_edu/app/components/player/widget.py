"""The player: plays, pauses, steps and scrubs an animation in the browser, without the server."""

import streamlit as st

from diffusion_edu.app.common.state import own
from diffusion_edu.app.components import source
from diffusion_edu.app.components.plotly_script import plotly_url
from diffusion_edu.files import finite

PARTS = {
    "html": source("player/player.html"),
    "css": source("player/player.css"),
    "js": source("images.js", "transport.js", "player/charts.js", "player/player.js"),
}


def play(animation, key, autoplay=False):
    """Show an animation: a trajectories.animation.Animation as a dict, for example of a Recording or from
    load_animation.
    """
    player = st.components.v2.component("diffusion_edu_player", **PARTS)
    data = {**animation, "autoplay": autoplay, "plotly": plotly_url()}
    player(data=finite(data), key=own(key))  # a browser reads no NaN
