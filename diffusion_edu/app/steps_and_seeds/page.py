"""The page of steps and seeds: its controls, and two tables that are sampled cell by cell."""

from dataclasses import replace

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.common.sampler_controls import GUIDANCE, SAYS, ZERO_SNR, ask_timesteps
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.task import Task, done, start, watch
from diffusion_edu.app.steps_and_seeds import recorded
from diffusion_edu.app.steps_and_seeds.sampler_grid import SamplerGrid
from diffusion_edu.app.steps_and_seeds.seed_interpolation import SeedInterpolation
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.generation import Preset
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

GRID, INTERPOLATION = "few steps", "two seeds"
STEPS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100]


def show():
    """Show the whole page below its title."""
    table = ask()
    button, cost = st.columns([1, 4], vertical_alignment="center")
    if button.button("Generate", type="primary", icon=":material/play_circle:", width="stretch"):
        start(table_task(table))
    try:
        cost.caption(estimate(table))
    except Unusable as problem:
        st.error(plain(problem))
    if note := table.request.preset.noise_schedule().terminal_snr_note:
        st.info(note, icon=":material/info:")
    shown, finished, is_example = latest(table.key)
    if not watch(table.key) and shown:
        show_table(shown, finished)
        if is_example:
            st.caption("A recorded example of the flower model. Press Generate to sample your own.")
    code = shown or table
    show_code(code.code, *code.functions)


def ask():
    """Show the controls in the sidebar and return the SamplerGrid or SeedInterpolation, or end the page with a
    sentence.
    """
    with st.sidebar:
        view = control(st.segmented_control, "View", [GRID, INTERPOLATION], default=GRID, required=True, key="view")
        card = models.pick()
        default, class_name = Preset(**card.sampling), ANY
        if card.condition_names:
            names = [ANY, *card.condition_names]
            opening = names.index(recorded.CLASS) if recorded.CLASS in names else 0
            class_name = control(st.selectbox, "What to generate", names, opening, key="class_name")
        return (_ask_grid if view == GRID else _ask_interpolation)(card, default, class_name)


def _ask_grid(card, default, class_name):
    """Ask for the rows and columns of the sampler grid."""
    words = "\n".join(f"- **{name}** {says}" for name, says in SAYS.items())
    samplers = control(st.multiselect, "Samplers", list(SAMPLERS), recorded.SAMPLERS, key="samplers", help=words)
    words = "Sampling steps from noise to image; up to six columns."
    steps = control(st.multiselect, "Steps", STEPS, recorded.STEPS, max_selections=6, key="columns", help=words)
    guidance_scale = _ask_guidance_scale(card, default, class_name)
    words = "The same seed is the same noise in every cell."
    seed = control(st.number_input, "Seed", 0, 1_000_000, recorded.SEED, key="seed", help=words)
    more = st.expander("More choices")
    images = control(more.segmented_control, "Images per cell", [1, 4], default=1, required=True, key="images")
    preset = _ask_path(default, guidance_scale, more)
    if not samplers or not steps:
        st.info("Choose at least one sampler and one number of steps.", icon=":material/info:")
        st.stop()
    return SamplerGrid(Request(card, preset, class_name, seed, images), tuple(samplers), tuple(sorted(steps)))


def _ask_interpolation(card, default, class_name):
    """Ask for two seeds and the number of images in a row."""
    left, right = st.columns(2)
    first = control(left.number_input, "First seed", 0, 1_000_000, recorded.SEED, key="first_seed")
    last = control(right.number_input, "Last seed", 0, 1_000_000, recorded.LAST_SEED, key="last_seed")
    images = control(st.slider, "Images in a row", 3, 9, recorded.IN_A_ROW, key="row")
    steps = control(st.select_slider, "Steps", sorted({*STEPS, default.steps}), default.steps, key="steps")
    guidance_scale = _ask_guidance_scale(card, default, class_name)
    preset = replace(_ask_path(default, guidance_scale, st.expander("More choices")), sampler="DDIM", steps=steps)
    return SeedInterpolation(Request(card, preset, class_name, first, images), last)


def _ask_guidance_scale(card, default, class_name):
    return control(
        st.slider,
        "Guidance scale",
        0.0,
        8.0,
        default.guidance_scale,
        0.5,
        key="guidance_scale",
        disabled=not card.condition_names or class_name == ANY,
        help=GUIDANCE,
    )


def _ask_path(default, guidance_scale, more):
    """Ask for the noise schedule and for the timesteps of the walk."""
    names = list(SCHEDULES)
    schedule = control(more.selectbox, "Noise schedule", names, names.index(default.schedule), key="schedule")
    names = list(SPACINGS)
    spacing = control(more.selectbox, "Spacing of the timesteps", names, names.index(default.spacing), key="spacing")
    T = ask_timesteps(default, more)
    zero_snr = control(more.toggle, "Zero terminal SNR", default.zero_snr, key="zero_snr", help=ZERO_SNR)
    return Preset(guidance_scale=guidance_scale, schedule=schedule, T=T, zero_snr=zero_snr, spacing=spacing)


def estimate(table):
    """Write what the table costs; raises Unusable."""
    model, request, guiding = models.get(table.request.card.name), table.request, table.request.labels is not None
    seconds = sum(timing.expected(model, preset, request.images, guiding) for preset in table.presets.values())
    nfe = request.images * sum(preset.nfe(guiding) for preset in table.presets.values())
    return f"{nfe:,} network evaluations (NFE): about {max(seconds, 0.1):.1f} s on this machine."


def table_task(table):
    """Make the Task whose result is {cell: Sampled}."""
    request = table.request

    def run(model):
        model.denoiser(
            request.preset.noise_schedule()
        )  # raises ValueError for a schedule that the network does not fit
        return table.run(model)

    def result(job):
        cell, preset = list(table.presets.items())[-1]
        timing.learn(request.card.name, preset, request.images, request.labels is not None, job.latest[cell].seconds)
        return job.latest

    return Task(
        table.key,
        table,
        run,
        table.total,
        table,
        [request.card.name],
        lambda job: table.progress(job.latest or {}),
        lambda finished: show_table(table, finished),
        result,
        lambda index: False,
    )


def show_table(table, finished):
    """Show a table with its finished cells."""
    st.html(table.table(finished))
    st.caption(table.caption)


def latest(key):
    """Return (table, finished cells, False) of the last table sampled here, or those of the
    recorded example and True.
    """
    if sampled := done(key):
        return sampled.request, sampled.result, False
    return *(recorded.load_table("flowers_attention", key) or (None, None)), True
