"""The part of the text-to-image page that shows latents: the way there and back, what each number does, and the latents of a drawing."""

from dataclasses import replace

import streamlit as st

from diffusion_edu.app import poking, prompted, studio, underway
from diffusion_edu.app.layout import show_code
from diffusion_edu.app.poking import Poking
from diffusion_edu.app.roundtrip import RoundTrip
from diffusion_edu.app.underway import Underway

BACK, WALK = "there and back", "on the way"
DRAWING = "the drawing"
OURS = "Our pictures are 64 × 64: enlarged, they have no fine detail that could be lost. A photograph of your own loses more."


def show(order):
    """Show this part of the page."""
    able, row = prompted.able(order), st.container(horizontal=True, vertical_alignment="center", gap="small")
    looks = [BACK, *poking.VALUES, WALK]
    about = {"wrap": True, "label_visibility": "collapsed", **prompted.BOUND}
    look = row.segmented_control("Latents", looks, default=BACK, required=True, key="latents", **about)
    if look == WALK:
        shown = underway.keep_up(Underway(order, able))
    else:
        poke = None if look == BACK else poking.ask(look, row, able, order.seed)
        subject = ask_subject(order, able, row.popover("Picture", icon=":material/image:"))
        coder = able.codec, order.card.autoencoder
        shown = subject and (Poking(subject, *coder, poke) if poke else RoundTrip(subject, *coder))
    if shown:
        shown.show(f"latents {look}")
        show_code(shown.code, *shown.functions, does="make exactly these pictures and numbers")


def ask_subject(order, able, place):
    """Ask which picture: the Subject, or None while it is being drawn."""
    subject = studio.ask_subject(able.size, place, DRAWING)
    if subject == DRAWING:
        gone = underway.keep_up(Underway(order, able))
        return gone and gone.subject
    return subject if subject.row is None else replace(subject, notes=(OURS,))
