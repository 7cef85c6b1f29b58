"""Words to pictures: draw what a text says, and see what the words do inside."""

import streamlit as st

from diffusion_edu.app import drawn, latents, nearby, prompted, pull, twoprompts, words
from diffusion_edu.app.layout import page

page(
    "Text to image",
    "Words to pictures: **which of your words can be seen in the picture, and which were never heard?**",
    icon="💬",
)
order = prompted.ask()
PARTS = {  # every part is a function of the Order
    "Draw": drawn.show,
    "Words": words.show,
    "Two prompts": twoprompts.show,
    "Guidance": pull.show,
    "Latents": latents.show,
    "Nearest pictures": nearby.show,
}
for tab, show in zip(st.tabs(list(PARTS), key="tab", bind="query-params"), PARTS.values(), strict=True):
    if tab.open:
        with tab:
            show(order)
