"""What the page of steps and seeds asks, and how its two tables are sampled: beside the page, cell by cell."""

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.common.sampler_controls import SAYS, ask_timesteps
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.steps_and_seeds import recorded
from diffusion_edu.app.steps_and_seeds.sampler_grid import Contest
from diffusion_edu.app.steps_and_seeds.seed_interpolation import Between
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.generation import Preset
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

FEW, SEEDS = "few steps", "two seeds"
STEPS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100]
BOUND = {"bind": "query-params"}


def ask():
    """Show the controls in the sidebar and return the Contest or Between that was asked for, or end the page with one sentence."""
    with st.sidebar:
        question = st.segmented_control("Look at", [FEW, SEEDS], default=FEW, required=True, key="look", **BOUND)
        card = models.pick()
        default, class_name = Preset(**card.sampling), ANY
        if card.condition_names:
            class_names = [ANY, *card.condition_names]
            class_name = st.selectbox(
                "What to draw",
                class_names,
                class_names.index(recorded.CLASS) if recorded.CLASS in class_names else 0,
                key="class_name",
                **BOUND,
            )
        return _ask_few(card, default, class_name) if question == FEW else _ask_seeds(card, default, class_name)


def _ask_few(card, default, class_name):
    """Ask for rows and columns."""
    words = "\n".join(f"- **{name}** {says}" for name, says in SAYS.items())
    samplers = st.multiselect("Samplers", list(SAMPLERS), recorded.SAMPLERS, key="samplers", help=words, **BOUND)
    words = "From noise to image, up to six numbers of them."
    steps = st.multiselect("Steps", STEPS, recorded.STEPS, max_selections=6, key="columns", help=words, **BOUND)
    guidance_scale = _ask_scale(card, default, class_name)
    seed = st.number_input(
        "Seed", 0, 1_000_000, recorded.SEED, key="seed", help="The same seed is the same noise in every cell.", **BOUND
    )
    more = st.expander("More choices")
    images = more.segmented_control("Images per cell", [1, 4], default=1, required=True, key="images", **BOUND)
    preset = _ask_path(default, guidance_scale, more)
    if not samplers or not steps:
        st.info("Choose at least one sampler and one number of steps.", icon=":material/info:")
        st.stop()
    return Contest(Request(card, preset, class_name, seed, images), tuple(samplers), tuple(sorted(steps)))


def _ask_seeds(card, default, class_name):
    """Ask for two seeds and how many images lie between them."""
    left, right = st.columns(2)
    first = left.number_input("First seed", 0, 1_000_000, recorded.SEED, key="first", **BOUND)
    last = right.number_input("Last seed", 0, 1_000_000, recorded.LAST_SEED, key="last", **BOUND)
    images = st.slider("Images in a row", 3, 9, recorded.IN_A_ROW, key="row", **BOUND)
    steps = st.select_slider("Steps", sorted({*STEPS, default.steps}), default.steps, key="steps", **BOUND)
    guidance_scale = _ask_scale(card, default, class_name)
    preset = _ask_path(default, guidance_scale, st.expander("More choices"))
    return Between(
        Request(card, Preset(**{**vars(preset), "sampler": "DDIM", "steps": steps}), class_name, first, images), last
    )


def _ask_scale(card, default, class_name):
    words = "0 ignores the kind, 1 follows it, more exaggerates it."
    return st.slider(
        "Guidance",
        0.0,
        8.0,
        default.guidance_scale,
        0.5,
        key="guidance_scale",
        disabled=not card.condition_names or class_name == ANY,
        help=words,
        **BOUND,
    )


def _ask_path(default, guidance_scale, more):
    """Ask for the schedule and for the timesteps on it."""
    schedule = more.selectbox(
        "Schedule", list(SCHEDULES), list(SCHEDULES).index(default.schedule), key="schedule", **BOUND
    )
    spacing = more.selectbox(
        "Spacing of the timesteps", list(SPACINGS), list(SPACINGS).index(default.spacing), key="spacing", **BOUND
    )
    T = ask_timesteps(default, more)
    zero = more.toggle(
        "No signal left at T",
        default.zero_snr,
        key="zero",
        help="Stretch the schedule so that timestep T is pure noise.",
        **BOUND,
    )
    return Preset(guidance_scale=guidance_scale, schedule=schedule, T=T, zero_snr=zero, spacing=spacing)


def estimate(table):
    """Say what the drawing will cost; raises Unusable."""
    model, request, guiding = models.get(table.request.card.name), table.request, table.request.labels is not None
    seconds = sum(timing.expected(model, preset, request.images, guiding) for preset in table.presets.values())
    nfe = request.images * sum(preset.nfe(guiding) for preset in table.presets.values())
    return f"The network is asked {nfe:,} times: about {max(seconds, 0.1):.1f} s on this machine."


def begin(table):
    """Start to draw in the background. Shows one sentence if the choices do not go together."""
    try:
        model = models.get(table.request.card.name)
        model.denoiser(table.request.preset.noise_schedule())  # a network that this schedule is not for says so at once
        session.begin(table.key, table.draw(model), table.total, lambda index: False)
    except (Unusable, ValueError) as problem:
        session.cancel(table.key)
        st.error(str(problem))
        return
    st.session_state[f"asked:{table.key}"] = table


def watch(key):
    """Show the table while it is being filled; when it is over, keep it and show the page anew."""
    table = st.session_state[f"asked:{key}"]

    def over(job):
        cell, preset = list(table.presets.items())[-1]
        timing.learn(
            table.request.card.name,
            preset,
            table.request.images,
            table.request.labels is not None,
            job.latest[cell].seconds,
        )
        st.session_state[f"sampled:{key}"] = table, job.latest

    session.watch(key, lambda job: table.says(job.latest or {}), lambda finished: show(table, finished), over)


def show(table, finished):
    """Show a table with what is finished of it."""
    st.html(table.table(finished))
    st.caption(table.caption)


def latest(key):
    """Return (table, finished) of the last table sampled here, or else of the example, and whether it is the example."""
    if sampled := st.session_state.get(f"sampled:{key}"):
        return *sampled, False
    return *(recorded.load_table("flowers_attention", key) or (None, None)), True
