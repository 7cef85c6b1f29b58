"""The stage of the sampling theatre: what it asks, what it runs, what it keeps."""

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import show_images
from diffusion_edu.app.common.request import ANY, MIXED, Request
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.trajectories.recording import PREDICTION, UNDER_WAY, Recording, kept, moments
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate

KEY = "theatre"


def ask():
    """Show the controls in the sidebar and return the Request."""
    with st.sidebar:
        card = models.pick()
        class_name = MIXED
        if card.condition_names:
            class_name = st.selectbox(
                "What to draw", [MIXED, ANY, *card.condition_names], key="class_name", bind="query-params"
            )
        main, more = st.container(), st.expander("More choices")
    preset = ask_preset(
        Preset(**card.sampling), (main, main, more), guiding=bool(card.condition_names) and class_name != ANY
    )
    seed = ask_seed(main)
    images = more.slider("Images", 1, 9, 4, key="images", bind="query-params")
    return Request(card, preset, class_name, seed, images)


def begin(request):
    """Start to draw in the background; a walk still under way is cancelled. Shows one sentence if the choices do not go together."""
    try:
        walk = generate(models.get(request.card.name), request.preset, request.seeds, request.labels)
    except (Unusable, ValueError) as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, moments(walk), request.preset.steps + 1, kept(request.preset.steps).__contains__)
    st.session_state.job_request = request


def watch():
    """Show the walk while it is under way; when it is over, keep it and show the page anew."""
    request = st.session_state.job_request

    def says(job):
        where = f"timestep {job.latest[0].t} of {request.preset.T}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, request.preset.steps)} of {request.preset.steps}: {where}"

    def show(moment):
        state, zoom = moment[0], 3 if request.images <= 4 else 2
        show_images(
            (grid(to_bytes(images), zoom=zoom), f"Timestep {state.t}: {name}", f"{name} at timestep {state.t}")
            for images, name in ((state.x, UNDER_WAY), (state.x0_hat, PREDICTION))
        )

    def over(job):
        timing.learn(request.card.name, request.preset, request.images, request.labels is not None, job.seconds)
        st.session_state.recording = Recording(request, job.kept, job.seconds)

    session.watch(KEY, says, show, over)
