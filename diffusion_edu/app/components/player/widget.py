"""The player: plays, pauses, steps and scrubs a film inside the browser, without asking Python for anything."""

import streamlit as st

from diffusion_edu.app.components import source

PARTS = {
    "html": source("player/player.html"),
    "css": source("player/player.css"),
    "js": source("player/charts.js", "player/player.js"),
}


def play(film, key, autoplay=False):
    """Show a film: a footage.Film as a dict, from Recording.film, load_film or Noising.film."""
    player = st.components.v2.component("diffusion_edu_player", **PARTS)
    player(data={**film, "autoplay": autoplay}, key=key)
