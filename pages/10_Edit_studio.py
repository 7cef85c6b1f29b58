"""Start from an image: change it, fill a hole in it, draw it first, make it larger."""

import streamlit as st

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.editing import image_to_image, inpainting, sketch, super_resolution

page(
    "Edit studio",
    "Start from an image instead of noise: **how much of it stays, and who decides what becomes of the rest?**",
    icon="🖌️",
)
PARTS = {
    "Change an image": image_to_image.show,
    "Fill a hole": inpainting.show,
    "From a sketch": sketch.show,
    "Enlarge": super_resolution.show,
}
for tab, show in zip(st.tabs(list(PARTS), key="tab", bind="query-params"), PARTS.values(), strict=True):
    if tab.open:
        with tab:
            show()
