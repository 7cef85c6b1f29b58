"""Charts that stand by themselves, drawn by the same lines as those of the player."""

from dataclasses import asdict

import streamlit as st

from diffusion_edu.app.components import source
from diffusion_edu.app.components.player.widget import PARTS

SCRIPT = source("player/charts.js", "player/graphs.js")
GRAPHS = {"html": '<div class="player"><div class="charts"></div></div>', "css": PARTS["css"], "js": SCRIPT}


def plot(charts, key):
    """Show footage.Charts; where several stand in a row depends on the room there is."""
    graphs = st.components.v2.component("diffusion_edu_graphs", **GRAPHS)
    graphs(data={"charts": [asdict(chart) for chart in charts]}, key=key)
