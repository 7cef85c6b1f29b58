"""The player: plays, pauses, steps and scrubs an animation inside the browser, without asking Python for anything."""

import streamlit as st

from diffusion_edu.app.components import source

PARTS = {
    "html": source("player/player.html"),
    "css": source("player/player.css"),
    "js": source("player/charts.js", "player/player.js"),
}


def play(animation, key, autoplay=False):
    """Show an animation: a footage.Animation as a dict, from Recording.animation, load_animation or Noising.animation."""
    player = st.components.v2.component("diffusion_edu_player", **PARTS)
    player(data={**animation, "autoplay": autoplay}, key=key)
