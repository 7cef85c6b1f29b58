"""The part of the text-to-image page that shows latents: the way there and back, what each number does, and the latents of a drawing."""

from dataclasses import replace

import streamlit as st

from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.editing import edit_job
from diffusion_edu.app.jobs import task
from diffusion_edu.app.text_to_image import latent_editing, request
from diffusion_edu.app.text_to_image.latent_animation import Underway
from diffusion_edu.app.text_to_image.latent_editing import Poking
from diffusion_edu.app.text_to_image.latent_images import LEGEND
from diffusion_edu.app.text_to_image.reconstruction import RoundTrip
from diffusion_edu.core import walk
from diffusion_edu.latent.codec import Codec
from diffusion_edu.latent.text_to_image import draw

BACK, WALK = "there and back", "on the way"
DRAWING = "the drawing"
DOES = "make exactly these images and numbers"
LOOK = "**The network never sees an image: this is its whole world.** From which timestep on do the maps show what it will be?"
NOISE = "Noise of latents is no noise of pixels: decoded it is a mess of colours, for the decoder has only learned from latents of images."
OURS = "Our images are 64 × 64: enlarged, they have no fine detail that could be lost. A photograph of your own loses more."


def show(order):
    """Show this part of the page."""
    able, row = request.able(order), st.container(horizontal=True, vertical_alignment="center", gap="small")
    looks = [BACK, *latent_editing.VALUES, WALK]
    about = {"wrap": True, "label_visibility": "collapsed", **request.BOUND}
    look = row.segmented_control("Latents", looks, default=BACK, required=True, key="latents", **about)
    if look == WALK:
        _on_the_way(order, able)
        return
    poke = None if look == BACK else latent_editing.ask(look, row, able, order.seed)
    if subject := ask_subject(order, able, row.popover("Image", icon=":material/image:")):
        coder = able.codec, order.card.autoencoder
        shown = Poking(subject, *coder, poke) if poke else RoundTrip(subject, *coder)
        shown.show(f"latents {look}")
        show_code(shown.code, *shown.functions, does=DOES)


def _on_the_way(order, able):
    if done := task.keep_up(Underway(order), request.get):
        shown, (_, animation), words = done
        st.markdown(LOOK)
        play(animation, key=shown.key)
        request.tell(order.ask(able))
        st.caption(f"{LEGEND} {NOISE} {words}")
        show_code(shown.code, draw, walk, Codec.decode, does=DOES)


def ask_subject(order, able, place):
    """Ask which image: the Subject, or None while it is being sampled."""
    subject = edit_job.ask_subject(able.size, place, DRAWING)
    if subject == DRAWING:
        done = task.keep_up(Underway(order), request.get)
        return done and done[1][0]
    return subject if subject.row is None else replace(subject, notes=(OURS,))
