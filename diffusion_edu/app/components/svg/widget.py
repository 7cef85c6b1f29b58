"""SVG figures on a page, sharp at every size and in the text colour of the page; their parts can be clicked."""

import streamlit as st

from diffusion_edu.app.common.state import callback, own
from diffusion_edu.app.components import source

CSS, JS = source("svg/vectors.css"), source("svg/vectors.js")


def show(figures, key, look="figures", clicked=lambda part: None):
    """Show figures side by side, each a pair (title, svg); look is a class of vectors.css.

    clicked is called with the data-part that a person clicked in the first figure.
    """

    @callback
    def on_change():
        if part := st.session_state[own(key)].part:
            clicked(part)

    component = st.components.v2.component("diffusion_edu_vectors", html='<div class="vectors"></div>', css=CSS, js=JS)
    component(
        data={"look": look, "figures": [{"title": title, "svg": svg} for title, svg in figures]},
        key=own(key),
        on_part_change=on_change,
    )
