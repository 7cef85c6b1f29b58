"""The player: plays, pauses, steps and scrubs a recorded walk inside the browser, without asking Python for anything."""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
PARTS = {part: (HERE / f"player.{part}").read_text(encoding="utf-8") for part in ("html", "css", "js")}


def play(film, key, autoplay=False):
    """Show a film (see Recording.film): on the left the picture under way, on the right the guess it was moved by."""
    player = st.components.v2.component("diffusion_edu_player", **PARTS)
    player(data={**film, "autoplay": autoplay}, key=key)
