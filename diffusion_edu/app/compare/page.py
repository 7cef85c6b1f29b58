"""The page of comparison: two walks that differ in a few settings, sampled in turns, shown side by side."""

import streamlit as st

from diffusion_edu.analysis.measures import distance, principal_plane
from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import show_code, show_images
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import own
from diffusion_edu.app.compare import controls
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task, done, start, watch
from diffusion_edu.app.trajectories.comparison import SIDES, Comparison, align, difference_map, differences
from diffusion_edu.app.trajectories.interleaved import InterleavedWalks
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import generate

KEY = "compare"
OPENED, SHOWN = "compare opened", "compare shown"  # in the session: the page was visited; the comparison shown last
PATIENCE = 60  # seconds of sampling that the page starts without a click
DISTANCE = (
    "Distance: the root mean square (RMS) difference of all values, which lie between −1 and 1. "
    "0: equal, 2: black and white; two photographs of flowers: about 0.7."
)
READING = (
    "The bar stops at every timestep that A or B visits. Each side shows the last timestep that it has reached, so the "
    "one with fewer steps waits. While it waits, the noisy images differ for that reason too; the predictions differ "
    "less. The map |A − B| is brightened by the factor it names (× 1, white: one side is black where the other is "
    "white). The two paths lie in the plane of their largest variance, all images at once."
)


def show():
    """Show the whole page below its title."""
    requests, name = controls.ask()
    button, menu, words = st.columns([2, 1, 5], vertical_alignment="center")
    clicked = button.button("Generate both", type="primary", icon=":material/play_circle:", width="stretch")
    with menu:
        controls.ask_suggestion(requests)
    seconds, finished = float("inf"), done(KEY)
    try:
        seconds = expected(requests)
        stale = finished and finished.request != requests
        note = " **Not generated yet: below is the earlier comparison.**" if stale else ""
        words.caption(f"{plain(describe(requests))} About {max(seconds, 0.1):.1f} s on this machine.{note}")
    except Unusable as problem:
        st.error(plain(problem))
    for note in dict.fromkeys(filter(None, (r.preset.noise_schedule().terminal_snr_note for r in requests))):
        st.info(note, icon=":material/info:")
    if is_due(seconds) or clicked:
        start(comparison_task(requests))
    if not watch(KEY):
        if finished:
            show_comparison(finished.result, name)
        else:
            st.info("Press **Generate both**: both sides are sampled in turns, then shown together.")
    shown = finished.request if finished else requests
    show_code(code(shown), distance, difference_map, align, principal_plane, generate)


def describe(requests):
    """Write in which settings two requests differ, and what follows from that."""
    different = differences(*requests)
    if not different:
        return "A and B have the same settings: they must give the same images, to the last pixel."
    listed = ", ".join(f"{name} ({a}, {b})" for name, a, b in different)
    same = requests[0].seed == requests[1].seed
    noise = "They start from the same noise." if same else "They start from different noise."
    more = " To see what one setting does, change only one." if len(different) > 1 else ""
    return f"A and B differ in: {listed}. {noise}{more}"


def expected(requests):
    """Estimate the seconds of both walks; raises Unusable."""
    return sum(
        timing.expected(models.get(request.card.name), request.preset, request.images, request.labels is not None)
        for request in requests
    )


def is_due(seconds):
    """Return whether to sample without a click: after a suggestion, and on the first visit, so that a link shows its
    images.
    """
    suggested, first = controls.was_suggested(), not st.session_state.get(own(OPENED))
    st.session_state[own(OPENED)] = True
    return suggested or (first and seconds <= PATIENCE)


def comparison_task(requests):
    """Make the Task whose result is the Comparison of two requests."""
    walks = []

    def run(*both):
        walks.append(InterleavedWalks(both, requests))
        return walks[0].states()

    def latest():
        return [(letter, state) for letter, state in zip(SIDES, walks[0].latest, strict=True) if state]

    def progress(job):
        return ", ".join(f"{letter} at timestep {state.t}" for letter, state in latest()) or WAITING

    def preview(_):
        show_images(
            (
                grid(to_bytes(state.x), columns=len(state.x), zoom=2),
                f"{letter} at timestep {state.t}",
                f"Images of {letter} at timestep {state.t}",
            )
            for letter, state in latest()
        )

    def result(job):
        for request, seconds in zip(requests, walks[0].seconds, strict=True):
            timing.learn(request.card.name, request.preset, request.images, request.labels is not None, seconds)
        chains = tuple([state for owner, state in job.kept if owner == side] for side in range(2))
        return Comparison(requests, chains, tuple(walks[0].seconds))

    total = sum(request.preset.steps + 1 for request in requests)
    names = [request.card.name for request in requests]
    return Task(KEY, requests, run, total, requests, names, progress, preview, result, lambda k: walks[0].keeps(k))


def show_comparison(comparison, name):
    """Show both walks in one player, and the cost of each."""
    new = st.session_state.get(own(SHOWN)) != comparison.id
    st.session_state[own(SHOWN)] = comparison.id
    play(comparison.animation(name), key="comparison", autoplay=new)
    apart = comparison.distances["x"][-1]
    rows = [
        f"| {letter} | {steps} | {nfe} | {seconds:.2f} s | {apart:.3f} |"
        for letter, (steps, nfe, seconds) in zip(SIDES, comparison.costs, strict=True)
    ]
    costs, words = st.columns([5, 4], gap="medium", vertical_alignment="center")
    head = ["| | steps | NFE | computing | distance at timestep 0 |", "| --- | --- | --- | --- | --- |"]
    costs.markdown("\n".join([*head, *rows]))
    words.caption(f"NFE: number of function evaluations of the network. {DISTANCE}")
    st.caption(f"Sampled: {plain(comparison.requests[0].class_names_in_words)}. {READING}")


def code(requests):
    """Write the Python that samples both sides and measures their distance."""
    values = {}
    for side, request in zip("ab", requests, strict=True):
        settings = request.card.name, request.preset, request.seeds, request.labels or "None"
        values |= {
            f"{key}_{side}": value
            for key, value in zip(("model", "preset", "seeds", "condition"), settings, strict=True)
        }
    return snippet(__file__, "comparison", **values)
