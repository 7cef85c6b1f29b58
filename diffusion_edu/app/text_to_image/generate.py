"""The first part of the text-to-image page: images of a prompt, from noise, from an image or into a hole in one, and larger."""

from functools import partial

import streamlit as st

from diffusion_edu.app.common.layout import show_code, show_images
from diffusion_edu.app.common.request import counted
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.app.editing.image_to_image import ask_noise, ask_strength
from diffusion_edu.app.editing.inpainting import ask_hole
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.text_to_image import request, result, upscale
from diffusion_edu.app.text_to_image.job import Draft
from diffusion_edu.app.text_to_image.request import BOUND
from diffusion_edu.app.text_to_image.result import IMAGE, TAKEN, Album
from diffusion_edu.app.text_to_image.start import Changed, Filled, Noise
from diffusion_edu.core import walk
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import TextToImage

KEY = "typed"
NOISE, HOLE = "from noise", "into a hole"
LABELLED = {"label_visibility": "collapsed", **BOUND}  # what they are is said by what they offer
MOST = 8


def show(order):
    """Show this part of the page."""
    able = request.able(order)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    begin = row.segmented_control(
        "Begin with", [NOISE, IMAGE, HOLE], default=NOISE, required=True, key="begin", **LABELLED
    )
    count = row.selectbox(
        "Images",
        range(1, MOST + 1),
        key="images",
        format_func=partial(counted, thing="image"),
        width=130,
        **LABELLED,
    )
    if begin == NOISE:
        (stage, side), start, beside = st.columns([67, 33], gap="small"), Noise(), 2
    else:
        (desk, stage), beside = st.columns(**edit_job.COLUMNS), 4
        stage, side = stage.container(), stage.container()
        with desk:
            start = _ask_begin(begin, able.size)
    draft = Draft(order, count, start) if start else None
    with stage:
        asked = row.button("Draw", type="primary", icon=":material/draw:", disabled=not draft)
        if draft and (asked or f"begun:{KEY}" not in st.session_state):  # the first time it draws without a click
            _begin(draft, able)
        number = _stage(draft, able, row, partial(result.show, side=side, columns=beside))
    if number is not None:
        done = st.session_state[f"done:{KEY}"]
        show_code(done.draft.code + upscale.show(done, number), done.draft.begin.function, TextToImage.ask, walk)


def _stage(draft, able, row, show):
    """Show what is under way, or what has been sampled last and all that can be done with it; returns the number of the one looked at."""
    session.problem(KEY)
    done = st.session_state.get(f"done:{KEY}")
    if session.running(KEY):
        _watch()
    elif draft:
        row.caption(_costs(draft, able, done), width=220)
    if not done or session.running(KEY):
        return None
    return show(done, st.container())


def _ask_begin(begin, size):
    """Ask for the image to begin with, and what becomes of it; returns Changed or Filled, or None if there is no hole yet."""
    place = st.popover(
        "Which image" if begin == IMAGE else "Which image, which hole", icon=":material/image:", width="stretch"
    )
    subject = edit_job.ask_subject(size, place, st.session_state.get(TAKEN))
    if begin == IMAGE:
        strength = ask_strength()
        layer = widget.paint("typed canvas", subject.image, label="The image to begin with; paint over it")
        st.caption(" ".join(["Paint over it if you like.", *subject.notes]))
        return Changed(edit_job.painted_over(subject, layer), strength, ask_noise())
    with place:
        hole = ask_hole(size)
    hole = widget.hole("typed hole", subject.image, hole, label="The image with its hole; paint the hole")
    with st.expander("RePaint: make steps again"):
        words = "The same steps are made so many times, so that hole and surroundings come to agree. 1: the plain way."
        repeats = st.slider("Times that steps are made", 1, 10, 1, key="again", help=words, **BOUND)
        jump = st.slider("Steps that are made again", 1, 20, 3, key="jump", help="So many steps at a time.", **BOUND)
    if hole.any():
        st.caption(
            " ".join([f"{hole.float().mean():.0%} is sampled anew, the rest stays bit for bit.", *subject.notes])
        )
        return Filled(subject, hole, repeats, jump)
    st.info("There is no hole: paint over what is to be sampled anew.", icon=":material/info:")
    return None


def _begin(draft, able):
    """Start to draw in the background. Shows one sentence if the choices do not go together."""
    try:
        moments, notes = draft.moments(able)
    except ValueError as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, moments, len(draft.timesteps), draft.chosen.__contains__, wanted=draft.id)
    st.session_state[f"asked:{KEY}"] = draft, notes


def _watch():
    """Show the images as they form; when it is over, keep them and show the page anew."""
    draft, notes = st.session_state[f"asked:{KEY}"]
    steps, zoom = len(draft.timesteps) - 1, 2 if draft.count < 3 else 1

    def says(job):
        where = f"timestep {job.latest.t} of {draft.order.preset.T}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, steps)} of {steps}: {where}"

    def look(moment):
        show_images(
            (
                grid(images, columns=min(4, draft.count), zoom=zoom),
                f"Timestep {moment.t}: {words}",
                f"{alt} at timestep {moment.t}",
            )
            for (name, _, words, alt), images in zip(result.TRACKS, moment.pair, strict=True)
            if name == "x0_hat" or draft.count == 1
        )

    def over(job):
        walked, decoded = job.latest.seconds
        timing.learn(draft.order.card.name, draft.order.preset, draft.count * _fraction(draft), True, walked)
        timing.PACE[_decoding(draft)] = decoded / draft.count / len(draft.chosen)
        st.session_state[f"done:{KEY}"] = Album(draft, job.kept, notes)

    session.watch(KEY, says, look, over)


def _fraction(draft):
    """How many times as many steps it makes as its preset."""
    return max(1, len(draft.timesteps) - 1) / draft.order.preset.steps


def _decoding(draft):
    return f"{draft.order.card.name}, decoding"


def _costs(draft, able, done):
    """Say how long drawing takes, and that what is shown was asked for before."""
    seconds = timing.expected(able.model, draft.order.preset, draft.count * _fraction(draft), True)
    seconds += timing.PACE.get(_decoding(draft), 0) * draft.count * len(draft.chosen)
    words = f"{counted(len(draft.timesteps) - 1, 'move')}: about {max(seconds, 0.1):.1f} s."
    return words if not done or done.draft.id == draft.id else f"{words} **Below: sampled before, with other choices.**"
