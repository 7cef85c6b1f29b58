"""The part of the text-to-image page that shows latents: the way there and back, what each number does, and the latents of a drawing."""

from dataclasses import replace

import streamlit as st

from diffusion_edu.app import poking, prompted, studio, tasks
from diffusion_edu.app.layout import show_code
from diffusion_edu.app.maps import LEGEND
from diffusion_edu.app.player import play
from diffusion_edu.app.poking import Poking
from diffusion_edu.app.roundtrip import RoundTrip
from diffusion_edu.app.underway import Underway
from diffusion_edu.core import walk
from diffusion_edu.latent import Codec
from diffusion_edu.text_to_image import draw

BACK, WALK = "there and back", "on the way"
DRAWING = "the drawing"
DOES = "make exactly these pictures and numbers"
LOOK = "**The network never sees a picture: this is its whole world.** From which level on do the maps show what it will be?"
NOISE = "Noise of latents is no noise of pixels: decoded it is a mess of colours, for the decoder has only learned from latents of pictures."
OURS = "Our pictures are 64 × 64: enlarged, they have no fine detail that could be lost. A photograph of your own loses more."


def show(order):
    """Show this part of the page."""
    able, row = prompted.able(order), st.container(horizontal=True, vertical_alignment="center", gap="small")
    looks = [BACK, *poking.VALUES, WALK]
    about = {"wrap": True, "label_visibility": "collapsed", **prompted.BOUND}
    look = row.segmented_control("Latents", looks, default=BACK, required=True, key="latents", **about)
    if look == WALK:
        _on_the_way(order, able)
        return
    poke = None if look == BACK else poking.ask(look, row, able, order.seed)
    if subject := ask_subject(order, able, row.popover("Picture", icon=":material/image:")):
        coder = able.codec, order.card.autoencoder
        shown = Poking(subject, *coder, poke) if poke else RoundTrip(subject, *coder)
        shown.show(f"latents {look}")
        show_code(shown.code, *shown.functions, does=DOES)


def _on_the_way(order, able):
    if done := tasks.keep_up(Underway(order), prompted.get):
        shown, (_, film), words = done
        st.markdown(LOOK)
        play(film, key=shown.key)
        prompted.tell(order.ask(able))
        st.caption(f"{LEGEND} {NOISE} {words}")
        show_code(shown.code, draw, walk, Codec.decode, does=DOES)


def ask_subject(order, able, place):
    """Ask which picture: the Subject, or None while it is being drawn."""
    subject = studio.ask_subject(able.size, place, DRAWING)
    if subject == DRAWING:
        done = tasks.keep_up(Underway(order), prompted.get)
        return done and done[1][0]
    return subject if subject.row is None else replace(subject, notes=(OURS,))
