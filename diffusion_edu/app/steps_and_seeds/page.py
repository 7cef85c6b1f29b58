"""What the page of steps and seeds asks, and how its two tables are drawn: beside the page, cell by cell."""

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.request import ANY, Wish
from diffusion_edu.app.common.sampler_controls import SAYS, ask_levels
from diffusion_edu.app.examples import tables
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.steps_and_seeds.sampler_grid import Contest
from diffusion_edu.app.steps_and_seeds.seed_interpolation import Between
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.generation import Preset
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

FEW, SEEDS = "few moves", "two seeds"
MOVES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100]
BOUND = {"bind": "query-params"}


def ask():
    """Show the controls in the sidebar and return the Contest or Between that was asked for, or end the page with one sentence."""
    with st.sidebar:
        question = st.segmented_control("Look at", [FEW, SEEDS], default=FEW, required=True, key="look", **BOUND)
        card = models.pick()
        default, kind = Preset(**card.sampling), ANY
        if card.kinds:
            kinds = [ANY, *card.kinds]
            kind = st.selectbox(
                "What to draw", kinds, kinds.index(tables.KIND) if tables.KIND in kinds else 0, key="kind", **BOUND
            )
        return _ask_few(card, default, kind) if question == FEW else _ask_seeds(card, default, kind)


def _ask_few(card, default, kind):
    """Ask for rows and columns."""
    words = "\n".join(f"- **{name}** {says}" for name, says in SAYS.items())
    samplers = st.multiselect("Samplers", list(SAMPLERS), tables.SAMPLERS, key="samplers", help=words, **BOUND)
    words = "From noise to picture, up to six numbers of them."
    moves = st.multiselect("Moves", MOVES, tables.MOVES, max_selections=6, key="columns", help=words, **BOUND)
    scale = _ask_scale(card, default, kind)
    seed = st.number_input(
        "Seed", 0, 1_000_000, tables.SEED, key="seed", help="The same seed is the same noise in every cell.", **BOUND
    )
    more = st.expander("More choices")
    pictures = more.segmented_control("Pictures per cell", [1, 4], default=1, required=True, key="pictures", **BOUND)
    preset = _ask_path(default, scale, more)
    if not samplers or not moves:
        st.info("Choose at least one sampler and one number of moves.", icon=":material/info:")
        st.stop()
    return Contest(Wish(card, preset, kind, seed, pictures), tuple(samplers), tuple(sorted(moves)))


def _ask_seeds(card, default, kind):
    """Ask for two seeds and how many pictures lie between them."""
    left, right = st.columns(2)
    first = left.number_input("First seed", 0, 1_000_000, tables.SEED, key="first", **BOUND)
    last = right.number_input("Last seed", 0, 1_000_000, tables.OTHER, key="last", **BOUND)
    pictures = st.slider("Pictures in a row", 3, 9, tables.IN_A_ROW, key="row", **BOUND)
    moves = st.select_slider("Moves", sorted({*MOVES, default.moves}), default.moves, key="moves", **BOUND)
    scale = _ask_scale(card, default, kind)
    preset = _ask_path(default, scale, st.expander("More choices"))
    return Between(
        Wish(card, Preset(**{**vars(preset), "sampler": "DDIM", "moves": moves}), kind, first, pictures), last
    )


def _ask_scale(card, default, kind):
    words = "0 ignores the kind, 1 follows it, more exaggerates it."
    return st.slider(
        "Guidance",
        0.0,
        8.0,
        default.scale,
        0.5,
        key="scale",
        disabled=not card.kinds or kind == ANY,
        help=words,
        **BOUND,
    )


def _ask_path(default, scale, more):
    """Ask for the schedule and for the levels on it."""
    schedule = more.selectbox(
        "Schedule", list(SCHEDULES), list(SCHEDULES).index(default.schedule), key="schedule", **BOUND
    )
    spacing = more.selectbox(
        "Spacing of the levels", list(SPACINGS), list(SPACINGS).index(default.spacing), key="spacing", **BOUND
    )
    T = ask_levels(default, more)
    zero = more.toggle(
        "No signal left at T",
        default.zero_snr,
        key="zero",
        help="Stretch the schedule so that level T is pure noise.",
        **BOUND,
    )
    return Preset(scale=scale, schedule=schedule, T=T, zero_snr=zero, spacing=spacing)


def estimate(table):
    """Say what the drawing will cost; raises Unusable."""
    model, wish, guiding = models.get(table.wish.card.name), table.wish, table.wish.labels is not None
    seconds = sum(timing.expected(model, preset, wish.pictures, guiding) for preset in table.presets.values())
    evaluations = wish.pictures * sum(preset.evaluations(guiding) for preset in table.presets.values())
    return f"The network is asked {evaluations:,} times: about {max(seconds, 0.1):.1f} s on this machine."


def begin(table):
    """Start to draw in the background. Shows one sentence if the choices do not go together."""
    try:
        model = models.get(table.wish.card.name)
        model.denoiser(table.wish.preset.noising())  # a network that this schedule is not for says so at once
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
            table.wish.card.name, preset, table.wish.pictures, table.wish.labels is not None, job.latest[cell].seconds
        )
        st.session_state[f"drawn:{key}"] = table, job.latest

    session.watch(key, lambda job: table.says(job.latest or {}), lambda finished: show(table, finished), over)


def show(table, finished):
    """Show a table with what is finished of it."""
    st.html(table.table(finished))
    st.caption(table.caption)


def latest(key):
    """Return (table, finished) of the last table drawn here, or else of the example, and whether it is the example."""
    if drawn := st.session_state.get(f"drawn:{key}"):
        return *drawn, False
    return *(tables.read("flowers_attention", key) or (None, None)), True
