"""Start from an image: image-to-image, inpainting, sketch-to-image, super-resolution."""

import streamlit as st

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.editing import image_to_image, inpainting, sketch, super_resolution

page(
    "Editing",
    "Start from an image instead of noise: **how much of it stays, and what decides about the rest?**",
    icon="🖌️",
)
PARTS = {
    "Image-to-image": image_to_image.show,
    "Inpainting": inpainting.show,
    "Sketch-to-image": sketch.show,
    "Super-resolution": super_resolution.show,
}
for tab, show in zip(st.tabs(list(PARTS), key="tab", bind="query-params"), PARTS.values(), strict=True):
    if tab.open:
        with tab:
            show()
