"""The controls of the guidance page, and its three parts: scale sweep, vectors and experts."""

import streamlit as st

from diffusion_edu.app.common import condition_picker, models
from diffusion_edu.app.common.charts import plot
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.sampler_controls import STEPS
from diffusion_edu.app.guidance import recorded, sweep_view
from diffusion_edu.app.guidance.experts import EXPERTS, MISSING, NOISY, PREDICTIONS, SINGLE, ExpertComparison
from diffusion_edu.app.guidance.scale_sweep import SCALES, Sweep
from diffusion_edu.app.guidance.sweep_results import evaluators
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.task import Task, done, start, watch
from diffusion_edu.app.trajectories.guidance_vectors import GuidanceVectors
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.generation import Preset

SWEEP, VECTORS, COMPARISON = "Guidance scale sweep", "Classifier-free guidance as vectors", "Expert denoisers"
CHOICES = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0]
SCALE_HELP = (
    "0: unconditional, 1: conditional, more: guided. In Ho & Salimans (2022) the guidance weight is w = scale − 1."
)


def ask():
    """Show the controls; returns the request and the row for its button, or ends the page with one sentence."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    view = control(
        row.segmented_control,
        "View",
        list(VIEWS),
        default=SWEEP,
        required=True,
        key="view",
        label_visibility="collapsed",
    )
    try:
        with st.sidebar:
            return VIEWS[view](), row
    except ValueError as problem:
        st.info(plain(problem), icon=":material/info:")
        st.stop()


def _ask_model():
    """Choose one of the conditional models."""
    known = {title: card for title, card in models.titled().items() if card.condition_names}
    if not known:
        raise ValueError("No conditional model is installed: restore the folder 'pretrained'.")
    return models.choose(known, st.selectbox)


def _default_preset(card):
    return Preset(**{**card.sampling, "options": {}})


def _ask_sweep():
    card = _ask_model()
    condition, default = condition_picker.ask(card), _default_preset(card)
    guidance_scales = control(
        st.multiselect,
        "Guidance scales",
        CHOICES,
        SCALES,
        max_selections=6,
        format_func="{:g}".format,
        key="guidance_scales",
        help=f"{SCALE_HELP} Up to six.",
    )
    images = control(
        st.segmented_control, "Images", [3, 6, 12, 24], default=recorded.IMAGES, required=True, key="images"
    )
    seed = _ask_seed()
    more = st.expander("More choices")
    steps, interval = _ask_steps(default, more), _ask_interval(default, more)
    if not guidance_scales:
        raise ValueError("Choose at least one guidance scale.")
    preset = Preset(**{**vars(default), "steps": steps})
    scales = tuple(sorted(guidance_scales))
    return Sweep(card, preset, condition, seed, images, scales, interval, *evaluators(card, condition))


def _ask_interval(default, place):
    words = (
        "Guide only at these timesteps, and use the conditional prediction at the others (Kynkäänniemi et al. 2024). "
        "Try 200 to 800: most of the condition fidelity at less cost."
    )
    step = max(1, default.T // 20)
    return tuple(
        control(place.slider, "Guide between timesteps", 0, default.T, (0, default.T), step, key="interval", help=words)
    )


def _ask_vectors():
    card = _ask_model()
    condition, default = condition_picker.ask(card), _default_preset(card)
    guidance_scale, seed = _ask_guidance_scale(3.0), _ask_seed()
    steps = _ask_steps(default, st.expander("More choices"))
    preset = Preset(**{**vars(default), "guidance_scale": guidance_scale, "steps": steps})
    return GuidanceVectors(card, preset, condition, seed)


def _ask_experts():
    known = models.cards()
    if EXPERTS not in known or SINGLE not in known:
        raise ValueError(MISSING)
    cards = known[SINGLE], known[EXPERTS]
    condition, default = condition_picker.ask(cards[1]), _default_preset(cards[1])
    view = control(st.segmented_control, "Show", [NOISY, PREDICTIONS], default=NOISY, required=True, key="experts_view")
    guidance_scale = _ask_guidance_scale(default.guidance_scale)
    images = control(st.segmented_control, "Images", [1, 2, 4], default=2, required=True, key="experts_images")
    seed = _ask_seed()
    steps = _ask_steps(default, st.expander("More choices"))
    preset = Preset(**{**vars(default), "guidance_scale": guidance_scale, "steps": steps})
    return ExpertComparison(cards, preset, condition, seed, images, view)


VIEWS = {SWEEP: _ask_sweep, VECTORS: _ask_vectors, COMPARISON: _ask_experts}


def _ask_guidance_scale(default):
    return control(st.slider, "Guidance scale", 0.0, 15.0, default, 0.5, key="guidance_scale", help=SCALE_HELP)


def _ask_seed():
    words = "The same seed gives the same noise, whatever else changes."
    return control(st.number_input, "Seed", 0, 1_000_000, recorded.SEED, key="seed", help=words)


def _ask_steps(default, place):
    steps = sorted({*STEPS[:17], default.steps})
    return control(place.select_slider, "Sampling steps", steps, default.steps, key="steps")


def show_sweep(sweep, row):
    """Show the button with its cost, and the running sweep, the last one, or the example; returns the one shown."""
    if row.button("Generate", type="primary", icon=":material/play_circle:"):
        start(_task(sweep))
    finished = done(sweep.key)
    shown, results = finished[:2] if finished else recorded.load_sweep(models.FIRST) or (sweep, {})
    try:
        row.caption(_estimate(sweep), width=160)  # narrow, so that it stays beside the button
    except Unusable as problem:
        st.error(plain(problem))
    if task := watch(sweep.key):
        return task.request
    if results:
        before = "" if shown == sweep else f"**Sampled before, with other settings: {shown.condition.words}.** "
        example = "An example, sampled earlier; press Generate to sample your own. "
        _show_results(shown, results, words=before if finished else example)
    return shown


def _estimate(sweep):
    model = models.get(sweep.card.name)
    one = timing.SECONDS.get(sweep.card.name) or timing.measure(model, seconds=0.3)
    seconds = one * sweep.images * sum(sweep.nfe(guidance_scale) for guidance_scale in sweep.guidance_scales)
    return f"{sweep.cost}: about {max(seconds, 0.1):.1f} s."


def _task(sweep):
    """Make the Task of a sweep; its result is {guidance scale: ScaleResult}."""

    def result(job):
        finished = job.latest[0]
        nfe = sum(one.nfe for one in finished.values()) * sweep.images
        timing.SECONDS[sweep.card.name] = sum(one.seconds for one in finished.values()) / nfe
        return finished

    return Task(
        sweep.key,
        sweep.id,
        sweep.run,
        sweep.total,
        sweep,
        sweep.models,
        sweep.progress,
        lambda item: _show_results(sweep, *item),
        result,
        keep=lambda index: False,
    )


def _show_results(sweep, finished, guidance_scale=None, predictions=None, words=""):
    """Show the images, and beside them the charts of the finished guidance scales."""
    width = 72 + (sweep.card.size + 4) * len(sweep.guidance_scales)
    with st.container(horizontal=True, gap="small"):
        st.html(sweep_view.table(sweep, finished, guidance_scale, predictions), width=width)
        with st.container(width=316):
            for number, chart in enumerate(sweep_view.charts(sweep, finished) if finished else ()):
                plot([chart], key=f"sweep_chart_{number}", height=232)
    st.caption(words + sweep_view.caption(sweep))
