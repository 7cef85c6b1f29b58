"""Start from a picture: change it, fill a hole in it, draw it first, make it larger."""

import streamlit as st

from diffusion_edu.app import changing, enlarging, filling, sketching
from diffusion_edu.app.layout import page

page(
    "Edit studio",
    "Start from a picture instead of noise: **how much of it stays, and who decides what becomes of the rest?**",
    icon="🖌️",
)
PARTS = {"Change a picture": changing.show, "Fill a hole": filling.show, "From a sketch": sketching.show, "Enlarge": enlarging.show}
for tab, show in zip(st.tabs(list(PARTS), key="tab", bind="query-params"), PARTS.values(), strict=True):
    if tab.open:
        with tab:
            show()
