"""What the page of guidance asks, and how its three answers come to be: beside the page."""

import streamlit as st

from diffusion_edu.app.common import condition_picker, models
from diffusion_edu.app.common.sampler_controls import STEPS
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.examples import guidance_sweep
from diffusion_edu.app.guidance import sweep_view
from diffusion_edu.app.guidance.cfg_vectors import Vectors
from diffusion_edu.app.guidance.experts import EXPERTS, MISSING, PREDICTION, SINGLE, UNDER_WAY, Specialists
from diffusion_edu.app.guidance.scale_sweep import SCALES, Sweep
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.jobs import task as tasks
from diffusion_edu.app.trajectories.charts import plot
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.generation import Preset

SWEEP, VECTORS, ROLES = "scale sweep", "three vectors", "experts by timestep"
CHOICES = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0]
KEY = "sweep"
BOUND = {"bind": "query-params"}


def ask():
    """Show the question and the controls; returns what is to be sampled and the row for its button, or ends the page with one sentence."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    question = row.segmented_control(
        "Question", list(QUESTIONS), default=SWEEP, required=True, key="look", label_visibility="collapsed", **BOUND
    )
    try:
        with st.sidebar:
            return QUESTIONS[question](), row
    except ValueError as problem:
        st.info(str(problem), icon=":material/info:")
        st.stop()


def _model():
    """Choose one of the models that can be told what to draw."""
    known = {title: card for title, card in models.titled().items() if card.condition_names}
    if not known:
        raise ValueError("No model that can be told what to draw is installed: restore the folder 'pretrained'.")
    return known[st.selectbox("Model", list(known), key="model", **BOUND)]


def _sweep():
    card = _model()
    asked, default = condition_picker.ask(card), Preset(**{**card.sampling, "options": {}})
    words = "0 ignores what is asked for, 1 follows it, more exaggerates it. Up to six scales."
    guidance_scales = st.multiselect(
        "Guidance scales",
        CHOICES,
        SCALES,
        max_selections=6,
        format_func="{:g}".format,
        key="scales",
        help=words,
        **BOUND,
    )
    images = st.segmented_control(
        "Images", [3, 6, 12, 24], default=guidance_sweep.IMAGES, required=True, key="images", **BOUND
    )
    seed = _seed(st)
    more = st.expander("More choices")
    steps = _steps(default, more)
    words = (
        "Guide only at these timesteps, and elsewhere just follow what is asked for (Kynkaanniemi et al. 2024). Try 200 to 800: "
        "most of the condition fidelity, less of the cost."
    )
    between = more.slider(
        "Guide between timesteps",
        0,
        default.T,
        (0, default.T),
        max(1, default.T // 20),
        key="between",
        help=words,
        **BOUND,
    )
    if not guidance_scales:
        raise ValueError("Choose at least one guidance scale.")
    preset = Preset(**{**vars(default), "steps": steps})
    return Sweep(
        card,
        preset,
        asked,
        seed,
        images,
        tuple(sorted(guidance_scales)),
        tuple(between),
        *guidance_sweep.lookers(card, asked),
    )


def _vectors():
    card = _model()
    asked, default = condition_picker.ask(card), Preset(**{**card.sampling, "options": {}})
    guidance_scale = _scale(3.0)
    seed = _seed(st)
    preset = Preset(
        **{**vars(default), "guidance_scale": guidance_scale, "steps": _steps(default, st.expander("More choices"))}
    )
    return Vectors(card, preset, asked, seed)


def _specialists():
    known = models.cards()
    if EXPERTS not in known or SINGLE not in known:
        raise ValueError(MISSING)
    cards = known[SINGLE], known[EXPERTS]
    asked, default = condition_picker.ask(cards[1]), Preset(**{**cards[1].sampling, "options": {}})
    look = st.segmented_control(
        "Look at", [UNDER_WAY, PREDICTION], default=UNDER_WAY, required=True, key="show", **BOUND
    )
    guidance_scale = _scale(default.guidance_scale)
    images = st.segmented_control("Images", [1, 2, 4], default=2, required=True, key="some", **BOUND)
    seed = _seed(st)
    preset = Preset(
        **{**vars(default), "guidance_scale": guidance_scale, "steps": _steps(default, st.expander("More choices"))}
    )
    return Specialists(cards, preset, asked, seed, images, look)


QUESTIONS = {SWEEP: _sweep, VECTORS: _vectors, ROLES: _specialists}


def _scale(default):
    words = "0 ignores what is asked for, 1 follows it, more exaggerates it."
    return st.slider("Guidance", 0.0, 15.0, default, 0.5, key="guidance_scale", help=words, **BOUND)


def _seed(place):
    words = "The same seed is the same noise, whatever else changes."
    return place.number_input("Seed", 0, 1_000_000, guidance_sweep.SEED, key="seed", help=words, **BOUND)


def _steps(default, place):
    return place.select_slider("Steps", sorted({*STEPS[:17], default.steps}), default.steps, key="steps", **BOUND)


def sweep(wanted, row):
    """Show the button and what it costs, and the sweep under way, the last one sampled, or the example; returns the one that is shown."""
    if row.button("Draw", type="primary", icon=":material/play_circle:"):
        _begin_sweep(wanted)
    shown, finished = st.session_state.get(f"done:{KEY}") or guidance_sweep.read(models.FIRST) or (wanted, {})
    try:
        before = "" if shown == wanted else f" **Below, sampled before: {shown.asked.words}.**"
        row.caption(_estimate(wanted) + before, width=340)
    except Unusable as problem:
        st.error(str(problem))
    session.problem(KEY)
    if session.running(KEY):
        _watch_sweep()
        return st.session_state[f"asked:{KEY}"]
    if finished:
        words = (
            "" if f"done:{KEY}" in st.session_state else "An example, sampled earlier; press Draw to draw your own. "
        )
        _show_sweep(shown, finished, words=words)
    return shown


def _estimate(wanted):
    model = models.get(wanted.card.name)
    one = timing.PACE.get(wanted.card.name) or timing.measure(model, seconds=0.3)
    seconds = one * wanted.images * sum(wanted.nfe(guidance_scale) for guidance_scale in wanted.guidance_scales)
    return f"{wanted.cost}: about {max(seconds, 0.1):.1f} s."


def _begin_sweep(wanted):
    try:
        draws = wanted.draw(
            *(
                name and models.get(name)
                for name in (wanted.card.name, wanted.judge and wanted.judge.name, wanted.feature_network)
            )
        )
    except Unusable as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, draws, wanted.total, lambda index: False)
    st.session_state[f"asked:{KEY}"] = wanted


def _watch_sweep():
    wanted = st.session_state[f"asked:{KEY}"]

    def over(job):
        finished = job.latest[0]
        asks = sum(sampled.nfe for sampled in finished.values()) * wanted.images
        timing.PACE[wanted.card.name] = sum(sampled.seconds for sampled in finished.values()) / asks
        st.session_state[f"done:{KEY}"] = wanted, finished

    session.watch(KEY, wanted.says, lambda item: _show_sweep(wanted, *item), over)


def _show_sweep(shown, finished, guidance_scale=None, predictions=None, words=""):
    """Show the images, and beside them the charts of the scales that are finished."""
    with st.container(horizontal=True, gap="small"):
        st.html(
            sweep_view.table(shown, finished, guidance_scale, predictions),
            width=72 + (shown.card.size + 4) * len(shown.guidance_scales),
        )
        with st.container(width=316):
            if finished:
                plot(sweep_view.charts(shown, finished), key="obedience")
    st.caption(words + sweep_view.words(shown))


def sampled(task, row, get=models.get):
    """See to it that the vectors or the experts are sampled, without a click, and show them; get finds a model by name."""
    row.markdown(task.look_for, width=466)
    if done := tasks.keep_up(task, get):
        shown, animation, words = done
        play(animation, key=task.key)
        for equation in shown.equations:
            st.latex(equation, width="content")
        st.caption(words)
