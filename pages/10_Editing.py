"""Start from an image: image-to-image, inpainting, sketch-to-image, super-resolution."""

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import page
from diffusion_edu.app.editing import image_to_image, inpainting, sketch, super_resolution

PARTS = {
    "Image-to-image": image_to_image.show,
    "Inpainting": inpainting.show,
    "Sketch-to-image": sketch.show,
    "Super-resolution": super_resolution.show,
}
with page(
    "editing",
    "Editing",
    "Start from an image instead of noise: **how much of it stays, and what decides about the rest?**",
    icon="🖌️",
):
    for tab, show in zip(control(st.tabs, list(PARTS), key="tab"), PARTS.values(), strict=True):
        if tab.open:
            with tab:
                show()
