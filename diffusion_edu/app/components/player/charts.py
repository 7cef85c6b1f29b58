"""Charts without a player, drawn by the same script as the charts of the player."""

from dataclasses import asdict

import streamlit as st

from diffusion_edu.app.components import source
from diffusion_edu.app.components.player.widget import PARTS

SCRIPT = source("player/charts.js", "player/graphs.js")
GRAPHS = {"html": '<div class="player"><div class="charts"></div></div>', "css": PARTS["css"], "js": SCRIPT}


def plot(charts, key):
    """Show a list of animation.Chart, side by side where there is room."""
    graphs = st.components.v2.component("diffusion_edu_graphs", **GRAPHS)
    graphs(data={"charts": [asdict(chart) for chart in charts]}, key=key)
