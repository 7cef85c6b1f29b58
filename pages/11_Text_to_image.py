"""Words to images: draw what a text says, and see what the words do inside."""

import streamlit as st

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.text_to_image import (
    generate,
    guidance,
    latents,
    memorisation,
    prompt_interpolation,
    request,
    words,
)

page(
    "Text to image",
    "Words to images: **which of your words can be seen in the image, and which were never heard?**",
    icon="💬",
)
order = request.ask()
PARTS = {  # every part is a function of the Order
    "Draw": generate.show,
    "Words": words.show,
    "Two prompts": prompt_interpolation.show,
    "Guidance": guidance.show,
    "Latents": latents.show,
    "Nearest images": memorisation.show,
}
for tab, show in zip(st.tabs(list(PARTS), key="tab", bind="query-params"), PARTS.values(), strict=True):
    if tab.open:
        with tab:
            show(order)
