"""SVG drawings on a page, sharp at every size and in the page's own ink; parts of them may be clicked."""

import streamlit as st

from diffusion_edu.app.components import source

CSS, JS = source("svg/vectors.css"), source("svg/vectors.js")


def show(drawings, key, look="figures", clicked=lambda part: None):
    """Show drawings side by side, each (title, svg); look is a class of vectors.css, clicked hears the data-part that was clicked in the first."""

    def tell():
        if part := st.session_state[key].part:
            clicked(part)

    frame = st.components.v2.component("diffusion_edu_vectors", html='<div class="vectors"></div>', css=CSS, js=JS)
    frame(
        data={"look": look, "drawings": [{"title": title, "svg": svg} for title, svg in drawings]},
        key=key,
        on_part_change=tell,
    )
