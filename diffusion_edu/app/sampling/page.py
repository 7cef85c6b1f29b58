"""The stage of the sampling theatre: what it asks, what it runs, what it keeps."""

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import show_pictures
from diffusion_edu.app.common.request import ANY, MIXED, Wish
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.trajectories.recording import GUESS, UNDER_WAY, Recording, kept, moments
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate

KEY = "theatre"


def ask():
    """Show the controls in the sidebar and return the Wish."""
    with st.sidebar:
        card = models.pick()
        kind = MIXED
        if card.kinds:
            kind = st.selectbox("What to draw", [MIXED, ANY, *card.kinds], key="kind", bind="query-params")
        main, more = st.container(), st.expander("More choices")
    preset = ask_preset(Preset(**card.sampling), (main, main, more), guiding=bool(card.kinds) and kind != ANY)
    seed = ask_seed(main)
    pictures = more.slider("Pictures", 1, 9, 4, key="pictures", bind="query-params")
    return Wish(card, preset, kind, seed, pictures)


def begin(wish):
    """Start to draw in the background; a walk still under way is cancelled. Shows one sentence if the choices do not go together."""
    try:
        walk = generate(models.get(wish.card.name), wish.preset, wish.seeds, wish.labels)
    except (Unusable, ValueError) as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, moments(walk), wish.preset.moves + 1, kept(wish.preset.moves).__contains__)
    st.session_state.job_wish = wish


def watch():
    """Show the walk while it is under way; when it is over, keep it and show the page anew."""
    wish = st.session_state.job_wish

    def says(job):
        where = f"level {job.latest[0].t} of {wish.preset.T}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, wish.preset.moves)} of {wish.preset.moves}: {where}"

    def show(moment):
        state, zoom = moment[0], 3 if wish.pictures <= 4 else 2
        show_pictures(
            (grid(to_bytes(images), zoom=zoom), f"Level {state.t}: {name}", f"{name} at level {state.t}")
            for images, name in ((state.x, UNDER_WAY), (state.x0_hat, GUESS))
        )

    def over(job):
        timing.learn(wish.card.name, wish.preset, wish.pictures, wish.labels is not None, job.seconds)
        st.session_state.recording = Recording(wish, job.kept, job.seconds)

    session.watch(KEY, says, show, over)
