"""The bug museum: predict what a mistake does, see it, measure it, and read which test finds it."""

import inspect
import math

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code, show_images
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import callback, own, set_controls
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.evaluation.bug_animation import NAMES, animation, sample_both
from diffusion_edu.app.evaluation.bug_source import show_sources
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task, cancel, start, started, watch
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.museum import EXHIBITS
from diffusion_edu.museum.chain import Chain, labels_for

KEY = "museum"
SEEDS = (0, 1, 2, 3)
MAX_ANIMATIONS = 3  # that one session keeps


def show():
    """Show the museum: the list, the question, and, once it is answered, everything about the exhibit."""
    exhibit, (_, card) = EXHIBITS[_choose()], next(iter(models.titled().items()))
    predictions, animations = _state("predictions"), _state("animations")
    if started(KEY) != exhibit.slug:
        cancel(KEY)
    if exhibit.slug not in predictions:
        _ask(exhibit, card)
        return
    _show_answer(exhibit, predictions[exhibit.slug])
    if not watch(KEY):
        _show_animation(exhibit, card, animations)
    show_sources(exhibit)
    code = snippet(__file__, "bug_museum", slug=repr(exhibit.slug), model=repr(card.name), seeds=SEEDS)
    show_code(code, Chain.sample, *_named(exhibit.right, getattr(exhibit.measure, "func", exhibit.measure)))


def _state(name):
    return st.session_state.setdefault(own(f"museum_{name}"), {})


def _show_animation(exhibit, card, animations):
    if exhibit.slug in animations:
        is_new = st.session_state.pop(own("museum_new"), None) == exhibit.slug
        play(animations[exhibit.slug], key="museum", autoplay=is_new)
        return
    st.button(
        "Generate both: without and with the bug", icon=":material/play_circle:", on_click=_start, args=(exhibit, card)
    )


def _choose():
    """Let the visitor choose from the list; returns the slug of an exhibit."""
    slugs, predictions = list(EXHIBITS), _state("predictions")
    right = sum(EXHIBITS[slug].answer == prediction for slug, prediction in predictions.items())
    wanted = st.query_params.get(own("exhibit"), st.session_state.get(own("museum_exhibit")))
    st.session_state.setdefault(own("exhibit"), wanted if wanted in EXHIBITS else slugs[0])  # the link holds the slug
    with st.container(horizontal=True, vertical_alignment="center"):
        titles = {slug: f"{exhibit.pitfall} · {exhibit.title}" for slug, exhibit in EXHIBITS.items()}
        chosen = control(
            st.selectbox,
            "Exhibit",
            slugs,
            key="exhibit",
            linked=False,
            format_func=titles.get,
            label_visibility="collapsed",
        )
        st.query_params[own("exhibit")] = st.session_state[own("museum_exhibit")] = chosen
        for label, step in (("Previous", -1), ("Next", 1)):
            other = slugs[(slugs.index(chosen) + step) % len(slugs)]
            st.button(label, on_click=callback(set_controls), kwargs={"exhibit": other})
        st.caption(
            f"Exhibit {slugs.index(chosen) + 1} of {len(slugs)}. Your answers: {right} of {len(predictions)} right.",
            width="content",
        )
    return chosen


def _ask(exhibit, card):
    """Ask for a prediction; an answer starts the sampling."""
    st.markdown(f"#### {exhibit.question}")
    st.markdown("**What would you predict?**")
    with st.container(width=520, gap="small"):
        for number, option in enumerate(exhibit.options):
            key, args = own(f"answer:{exhibit.slug}:{number}"), (exhibit, number, card)
            st.button(option, key=key, on_click=_predict, args=args, width="stretch")
    try:
        chain, count = exhibit.build(True), len(SEEDS)
        seconds = timing.expected(models.get(card.name), chain, 2 * count, bool(card.classes))
        st.caption(
            f"Your answer starts the sampling: {count} images {NAMES[0]} and {count} {NAMES[1]}, from the same noise, "
            f"in {chain.steps} steps each: about {max(seconds, 1):.0f} s on this machine."
        )
    except Unusable as problem:
        st.error(plain(problem))


@callback
def _predict(exhibit, number, card):
    _state("predictions")[exhibit.slug] = number
    _start(exhibit, card)


@callback
def _start(exhibit, card):
    steps = exhibit.build(True).steps
    shown = kept(steps)
    start(
        Task(
            KEY,
            exhibit.slug,
            lambda model: sample_both(exhibit, model, SEEDS),
            2 * (steps + 1),
            models=[card.name],
            progress=lambda job: f"Step {min(job.done // 2, steps)} of {steps}, both sides" if job.latest else WAITING,
            preview=_show_pair,
            result=lambda job: _keep_animation(exhibit, card, job),
            keep=lambda index: index % 2 == 1 and index // 2 in shown,
        )
    )


def _show_pair(pair):
    """Show both sides while they are being sampled."""
    show_images(
        (
            grid(to_bytes(state.x.nan_to_num(nan=-1.0)), zoom=2),
            f"{name}, timestep {state.t}",
            f"Images {name} at timestep {state.t}",
        )
        for name, state in zip(NAMES, pair, strict=True)
        if state
    )


def _keep_animation(exhibit, card, job):
    labels = labels_for(card, SEEDS)
    timing.learn(card.name, exhibit.build(True), 2 * len(SEEDS), bool(card.classes), job.seconds)
    names = ["anything"] * len(SEEDS) if labels is None else [card.classes[label] for label in labels]
    animations = _state("animations")
    animations[exhibit.slug] = animation(exhibit, job.kept, names)
    while len(animations) > MAX_ANIMATIONS:
        animations.pop(next(iter(animations)))
    st.session_state[own("museum_new")] = exhibit.slug


def _show_answer(exhibit, prediction):
    """Say in two lines whether the prediction was right, and the exact number with the mistake and without it."""
    answer = exhibit.options[exhibit.answer]
    if prediction == exhibit.answer:
        words = f":green[:material/check_circle: **Right.**] {answer}."
    else:
        given = exhibit.options[prediction]
        words = f":orange[:material/cancel: **Not quite.**] Your answer: {given}. It is: **{answer}**."
    numbers = (format_exact(exhibit.number(mistaken)) for mistaken in (False, True))
    values = "**{}** without, **{}** with the mistake".format(*numbers)
    st.markdown(f"{words}  \n{exhibit.unit[0].upper()}{exhibit.unit[1:]}: {values}. Good: {exhibit.expected}.")


def format_exact(number):
    """Write a number with three digits: NaN as a word, very large ones with a power of ten, very small ones as 0."""
    if math.isnan(number):
        return "NaN"
    if abs(number) < 1e-6:
        return "0"
    if abs(number) >= 1e6:
        digits, power = f"{number:.1e}".split("e+")
        return f"{digits} × 10{power.translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return (f"{number:,.0f}" if abs(number) >= 1000 or number == round(number) else f"{number:.3g}").replace("-", "−")


def _named(*functions):
    """Keep the functions that have a name."""
    return [function for function in functions if inspect.isfunction(function) and function.__name__ != "<lambda>"]
