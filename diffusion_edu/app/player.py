"""The player: plays, pauses, steps and scrubs a film inside the browser, without asking Python for anything."""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent


def _source(*names):
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


PARTS = {"html": _source("player.html"), "css": _source("player.css"), "js": _source("charts.js", "player.js")}


def play(film, key, autoplay=False):
    """Show a film: a footage.Film as a dict, from Recording.film, load_film or Noising.film."""
    player = st.components.v2.component("diffusion_edu_player", **PARTS)
    player(data={**film, "autoplay": autoplay}, key=key)
