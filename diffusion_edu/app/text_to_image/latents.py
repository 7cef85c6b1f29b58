"""The tab "Latents": reconstruction from latents, edits of latents, and the latents during sampling."""

from dataclasses import replace

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.edit_controls import ask_image_or_stop
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.task import animation_task, keep_done
from diffusion_edu.app.text_to_image import latent_edits, request
from diffusion_edu.app.text_to_image.latent_editing import EditedLatents
from diffusion_edu.app.text_to_image.latent_images import LEGEND
from diffusion_edu.app.text_to_image.latent_recording import LatentRecording
from diffusion_edu.app.text_to_image.reconstruction import Reconstruction
from diffusion_edu.core import walk
from diffusion_edu.latent.codec import Codec
from diffusion_edu.latent.text_to_image import sample

RECONSTRUCTION, SAMPLING = "reconstruction", "sampling"
SAMPLED_IMAGE = "the sample"
DOES = "make exactly these images and numbers"
QUESTION = (
    "**The network never receives an image, only these latents.** From which timestep on do the maps show the final "
    "image?"
)
NOISE = (
    "Noisy latents do not decode to a noisy image but to patches of colour, because the decoder was trained on "
    "latents of images only."
)
OUR_IMAGES = "Our images are 64 × 64: upsampled, they have no fine detail to lose. A photo of your own loses more."


def show(text_request):
    """Show the tab."""
    text_to_image = request.load_or_stop(text_request)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    views = [RECONSTRUCTION, *latent_edits.VALUES, SAMPLING]
    about = {"wrap": True, "label_visibility": "collapsed"}
    view = control(
        row.segmented_control, "View", views, default=RECONSTRUCTION, required=True, key="latents_view", **about
    )
    if view == SAMPLING:
        _show_sampling(text_request, text_to_image)
        return
    edit = None if view == RECONSTRUCTION else latent_edits.ask(view, row, text_to_image, text_request.seed)
    if subject := ask_subject(text_request, text_to_image, row.popover("Image", icon=":material/image:")):
        codec = text_to_image.codec, text_request.card.autoencoder
        shown = EditedLatents(subject, *codec, edit) if edit else Reconstruction(subject, *codec)
        shown.show(f"latents {view}")
        show_code(shown.code, *shown.functions, does=DOES)


def _show_sampling(text_request, text_to_image):
    if finished := keep_done(animation_task(LatentRecording(text_request), request.load)):
        (_, animation), caption = finished.result
        st.markdown(QUESTION)
        play(animation, key=finished.request.key)
        request.show_notes(text_request.prompt_request(text_to_image))
        st.caption(f"{LEGEND} {NOISE} {caption}")
        show_code(finished.request.code, sample, walk, Codec.decode, does=DOES)


def ask_subject(text_request, text_to_image, place):
    """Ask for the image: a Subject, or None while it is being sampled."""
    subject = ask_image_or_stop(text_to_image.size, place, SAMPLED_IMAGE)
    if subject == SAMPLED_IMAGE:
        finished = keep_done(animation_task(LatentRecording(text_request), request.load))
        return finished and finished.result[0][0]
    return subject if subject.row is None else replace(subject, notes=(OUR_IMAGES,))
