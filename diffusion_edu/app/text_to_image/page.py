"""The page "Text to image": the controls of all tabs, and the tabs."""

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.text_to_image import (
    generate,
    guidance,
    latents,
    memorisation,
    prompt_interpolation,
    request,
    words,
)

TABS = {  # every tab is a function of the TextRequest
    "Generate": generate.show,
    "Words": words.show,
    "Prompt interpolation": prompt_interpolation.show,
    "Guidance": guidance.show,
    "Latents": latents.show,
    "Nearest training images": memorisation.show,
}


def show():
    """Show the page."""
    text_request = request.ask()
    tabs = control(st.tabs, list(TABS), key="tab")
    for tab, show_tab in zip(tabs, TABS.values(), strict=True):
        if tab.open:
            with tab:
                show_tab(text_request)
