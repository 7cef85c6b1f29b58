"""SVG drawings on a page, sharp at every size and in the page's own ink; parts of them may be clicked."""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
CSS, JS = ((HERE / f"vectors.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))


def show(drawings, key, look="figures", clicked=lambda part: None):
    """Show drawings side by side, each (title, svg); look is a class of vectors.css, clicked hears the data-part that was clicked in the first."""

    def tell():
        if part := st.session_state[key].part:
            clicked(part)

    frame = st.components.v2.component("diffusion_edu_vectors", html='<div class="vectors"></div>', css=CSS, js=JS)
    frame(data={"look": look, "drawings": [{"title": title, "svg": svg} for title, svg in drawings]}, key=key, on_part_change=tell)
