"""The bug museum: predict what a mistake does, then see it, measure it, and read where it happened and what catches it."""

import ast
import inspect
import math

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import show_code, show_images
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.evaluation.bug_animation import NAMES, animation, both
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.museum import EXHIBITS
from diffusion_edu.museum.chain import Chain, class_names
from diffusion_edu.museum.moments import SPREAD
from diffusion_edu.paths import REPOSITORY

KEY = "museum"
SEEDS = (0, 1, 2, 3)
MOST = 3  # animations that one visitor keeps
EXACT = (
    "The number is exact, not sampled: for normal data, N(0, 0.02²), the best network is linear, and the standard deviation at the end of a whole "
    "walk follows move by step (linear schedule, T = 1000). Few steps end below 0.02 without any mistake, and grain is no cure for that."
)


def show():
    """Show the museum: the list, the question, and, once it is answered, everything about the exhibit."""
    exhibit, (_, card) = EXHIBITS[_choose()], next(iter(models.titled().items()))
    predicted, animations = (st.session_state.setdefault(f"museum_{name}", {}) for name in ("predicted", "animations"))
    if st.session_state.get("museum_sampled") != exhibit.slug:
        session.cancel(KEY)
    if exhibit.slug not in predicted:
        _ask(exhibit, card)
        return
    _verdict(exhibit, predicted[exhibit.slug])
    session.problem(KEY)
    if session.running(KEY):
        _watch(exhibit, card)
    elif exhibit.slug in animations:
        fresh = st.session_state.pop("museum_fresh", None) == exhibit.slug
        play(animations[exhibit.slug], key="museum", autoplay=fresh)
    else:
        st.button(
            f"Draw {NAMES[0]} and {NAMES[1][5:]}", icon=":material/play_circle:", on_click=_draw, args=(exhibit, card)
        )
    _story(exhibit)
    show_code(
        _snippet(exhibit, card), Chain.draw, *_plain(exhibit.right, getattr(exhibit.measure, "func", exhibit.measure))
    )


def _choose():
    """Let the visitor walk through the list; returns the slug of an exhibit."""
    slugs, predicted = list(EXHIBITS), st.session_state.get("museum_predicted", {})
    right = sum(EXHIBITS[slug].answer == prediction for slug, prediction in predicted.items())
    wanted = st.query_params.get(
        "exhibit", st.session_state.get("museum_here")
    )  # not bound: the link holds the slug, the list the title
    st.session_state.setdefault("exhibit", wanted if wanted in EXHIBITS else slugs[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        titles = {slug: f"{exhibit.pitfall} · {exhibit.title}" for slug, exhibit in EXHIBITS.items()}
        chosen = st.selectbox("Exhibit", slugs, key="exhibit", format_func=titles.get, label_visibility="collapsed")
        st.query_params["exhibit"] = st.session_state.museum_here = chosen
        for label, step in (("Previous", -1), ("Next", 1)):
            there = slugs[(slugs.index(chosen) + step) % len(slugs)]
            st.button(label, on_click=lambda slug=there: st.session_state.update(exhibit=slug))
        st.caption(
            f"Exhibit {slugs.index(chosen) + 1} of {len(slugs)}. You predicted {right} of {len(predicted)} right.",
            width="content",
        )
    return chosen


def _ask(exhibit, card):
    """Ask for a prediction; an answer begins to draw."""
    st.markdown(f"#### {exhibit.question}")
    st.markdown("**What would you predict?**")
    with st.container(width=520, gap="small"):
        for number, option in enumerate(exhibit.options):
            st.button(
                option,
                key=f"answer:{exhibit.slug}:{number}",
                on_click=_predict,
                args=(exhibit, number, card),
                width="stretch",
            )
    try:
        chain, labelled = exhibit.hang(True), bool(card.classes)
        seconds = timing.expected(models.get(card.name), chain, 2 * len(SEEDS), labelled)
        st.caption(
            f"Your answer draws {len(SEEDS)} images {NAMES[0]} and {len(SEEDS)} {NAMES[1]}, from the same noise, in {chain.steps} steps each: "
            f"about {max(seconds, 1):.0f} s on this machine."
        )
    except Unusable as problem:
        st.error(str(problem))


def _predict(exhibit, number, card):
    st.session_state.museum_predicted[exhibit.slug] = number
    _draw(exhibit, card)


def _draw(exhibit, card):
    try:
        items = both(exhibit, models.get(card.name), SEEDS)
    except Unusable as problem:
        st.error(str(problem))
        return
    steps = exhibit.hang(True).steps
    shown = kept(steps)
    session.begin(KEY, items, 2 * (steps + 1), lambda index: index % 2 == 1 and index // 2 in shown)
    st.session_state.museum_sampled = exhibit.slug


def _watch(exhibit, card):
    """Show both sides while they are being sampled; keep the animation when they are done."""
    steps = exhibit.hang(True).steps

    def says(job):
        return f"Move {min(job.done // 2, steps)} of {steps}, both sides" if job.latest else "Waiting for a turn"

    def look(pair):
        show_images(
            (
                grid(to_bytes(state.x.nan_to_num(nan=-1.0)), zoom=2),
                f"{name}, timestep {state.t}",
                f"Images {name} at timestep {state.t}",
            )
            for name, state in zip(NAMES, pair, strict=True)
            if state
        )

    def over(job):
        labels = class_names(card, SEEDS)
        timing.learn(card.name, exhibit.hang(True), 2 * len(SEEDS), bool(card.classes), job.seconds)
        names = ["anything"] * len(SEEDS) if labels is None else [card.classes[label] for label in labels]
        animations = st.session_state.museum_animations
        animations[exhibit.slug] = animation(exhibit, job.kept, names)
        while len(animations) > MOST:
            animations.pop(next(iter(animations)))
        st.session_state.museum_fresh = exhibit.slug

    session.watch(KEY, says, look, over)


def _verdict(exhibit, prediction):
    """Say in two lines whether the prediction was right, and what the exact number is with the mistake and without it."""
    answer = exhibit.options[exhibit.answer]
    if prediction == exhibit.answer:
        words = f":green[:material/check_circle: **Right.**] {answer}."
    else:
        words = (
            f":orange[:material/cancel: **Not quite.**] You said: {exhibit.options[prediction]}. It is: **{answer}**."
        )
    values = f"**{in_words(exhibit.number(False))}** without, **{in_words(exhibit.number(True))}** with the mistake"
    st.markdown(f"{words}  \n{exhibit.unit[0].upper()}{exhibit.unit[1:]}: {values}. Good: {exhibit.good}.")


def in_words(number):
    """Write a number with three digits, as a person would."""
    if math.isnan(number):
        return "NaN"
    if abs(number) < 1e-6:
        return "0"
    if abs(number) >= 1e6:
        digits, power = f"{number:.1e}".split("e+")
        return f"{digits} × 10{power.translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return (f"{number:,.0f}" if abs(number) >= 1000 or number == round(number) else f"{number:.3g}").replace("-", "−")


def _story(exhibit):
    """Tell where it happened, and show the wrong function beside the test that catches it."""
    path, name = exhibit.test.split("::")
    st.markdown(
        f"**Why:** {exhibit.why}  \n**The mistake:** {exhibit.mistake}  \n**Where it happened:** {exhibit.where}."
    )
    if SPREAD in exhibit.unit:
        st.caption(EXACT)
    wrong, test = st.columns(2, gap="medium")
    wrong.markdown("**The wrong line** is marked; this very function drew the images above:")
    wrong.code(inspect.getsource(exhibit.wrong), wrap_lines=True)
    test.markdown(f"**The test that catches it**, in `{path}`:")
    test.code(_source_of_test(path, name), wrap_lines=True)


def _source_of_test(path, name):
    try:
        text = (REPOSITORY / path).read_text(encoding="utf-8")
    except OSError:
        return f"# {path}::{name} is part of the project's repository, not of the installed package"
    found = next(part for part in ast.parse(text).body if isinstance(part, ast.FunctionDef) and part.name == name)
    first = min([found.lineno, *(mark.lineno for mark in found.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : found.end_lineno])


def _plain(*functions):
    """Those of some functions that have a name."""
    return [function for function in functions if inspect.isfunction(function) and function.__name__ != "<lambda>"]


def _snippet(exhibit, card):
    return (
        "from diffusion_edu.checkpoints import load\n"
        "from diffusion_edu.museum import EXHIBITS\n\n"
        f'exhibit, model = EXHIBITS["{exhibit.slug}"], load("{card.name}")\n'
        "for wrong in (False, True):\n"
        "    chain = exhibit.hang(wrong)                # the mistake, or what should stand in its place\n"
        f"    *_, last = chain.draw(model, seeds={SEEDS})\n"
        "    images = chain.develop(last.x)           # uint8 (images, 3, height, width)\n"
        "    print(exhibit.number(wrong), exhibit.unit)\n"
    )
