"""How a finished generation is shown: player, batch, settings and downloads."""

from functools import partial

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.image_picker import SAMPLED
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.state import callback, own, set_controls
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.text_to_image.request import shortened
from diffusion_edu.figures.grids import grid

IMAGE_TO_IMAGE = "image-to-image"
START_IMAGE = "start_image"  # in the session: the Subject that a person took from the results
GAP = 4  # pixels between the images of a batch
FRAME_RATES = [2, 4, 8, 12, 24]  # per second


def show(result, stage, side, columns):
    """Show the animation of one image on the stage, and the batch, settings and downloads at the side.

    Returns the number of the image that is shown.
    """
    number = 0
    with side:
        if result.job.count > 1:
            number = _choose(result, columns)
        st.caption(result.words)
        for note in result.notes:
            st.caption(f":material/info: {plain(note)}")
        with st.container(horizontal=True, gap="small"):
            _downloads(result, number)
            words = "Change this image with another prompt, or paint a mask and fill it."
            args = (result.subject(number),)
            st.button("Start from it", icon=":material/brush:", on_click=_start_from, args=args, help=words)
    with stage:
        play(result.animation(number), key="generation animation")
    return number


def _choose(result, columns):
    """Show all images of the batch and ask which one is shown; returns its number, from 0."""
    count = result.job.count
    page = grid(result.images, columns=min(columns, count), gap=GAP)
    alt = f"{count} images of the prompt: {shortened(result.job.request.prompt)}"
    st.image(page, caption=f"All {count}, in the order of their seeds", alt=alt)
    key = f"shown of {count}"
    return (
        control(
            st.segmented_control, "Show image", range(1, count + 1), default=1, required=True, key=key, linked=False
        )
        - 1
    )


@callback
def _start_from(subject):
    set_controls(source=SAMPLED, start=IMAGE_TO_IMAGE, **{START_IMAGE: subject})


def _downloads(result, number):
    """Offer the image with its settings inside, the whole batch, and videos; each file is made on the click."""
    name = f"seed_{result.job.seeds[number]}"
    with st.popover("Download", icon=":material/download:"):
        st.markdown("PNGs carry prompt and settings: this page reads them back, under *More choices*.")
        with st.container(horizontal=True, gap="small"):
            _download("PNG", partial(result.png, number), f"{name}.png", "image/png")
            if result.job.count > 1:
                _download("ZIP of all", result.zip, "images.zip", "application/zip")
        rate = control(st.select_slider, "Frames per second", FRAME_RATES, 8, key="frame_rate")
        with st.container(horizontal=True, gap="small"):
            _download("GIF", partial(result.gif, rate), f"{name}.gif", "image/gif")
            _download("MP4", partial(result.mp4, rate), f"{name}.mp4", "video/mp4")


def _download(label, make, file, mime):
    st.download_button(label, make, file, mime, on_click="ignore", key=own(f"save:generation:{label}"))
