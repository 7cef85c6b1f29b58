"""The stage of the compare bench: what it asks for each side, what it runs, what it keeps."""

from dataclasses import replace

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import show_images
from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed, ask_timesteps, naming
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.app.trajectories.comparison import LOOKS, NAMES, SIDES, Comparison, differences
from diffusion_edu.app.trajectories.interleaved import Race
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

KEY = "bench"
PREFIXES = ("a_", "b_")
FIRST = (
    {"sampler": "DDIM"},
    {"sampler": "DDPM"},
)  # what A and B do differently from the preset of the model, until a person chooses
TRIES = {
    "DDIM beside DDPM": FIRST,
    "eta 0 beside eta 1": ({"eta": 0.0}, {"eta": 1.0}),
    "linear beside cosine": ({"schedule": "linear"}, {"schedule": "cosine"}),
    "10 steps: trailing beside leading": ({"steps": 10, "spacing": "trailing"}, {"steps": 10, "spacing": "leading"}),
    "guidance 1 beside 5": ({"guidance_scale": 1.0}, {"guidance_scale": 5.0}),
    "two seeds": ({"seed": 0}, {"seed": 100}),
    "the same setting twice: no difference": ({}, {}),
}
PATIENCE = 60  # seconds of drawing that the page begins without being asked


def ask():
    """Show the controls: A's left, B's right, what they share in the sidebar; returns the requests (A, B) and what to look at, a key of LOOKS."""
    places, known = (
        [_places(letter, side) for letter, side in zip(SIDES, st.columns(2, gap="medium"), strict=True)],
        models.titled(),
    )
    titles = [
        left.selectbox(options=list(known), **naming(prefix)("Model", "model"))
        for prefix, (_, left, _) in zip(PREFIXES, places, strict=True)
    ]
    cards, requests = [known[title] for title in titles], []
    with st.sidebar:
        class_names = _class_names(cards)
        class_name = st.selectbox(
            "What both draw", [*class_names, ANY], _favourite(class_names), key="class_name", bind="query-params"
        )
        words = "The images under way, or what the network thinks at every timestep that they will be."
        look = st.segmented_control(
            "Look at",
            list(LOOKS),
            default="x",
            format_func=NAMES.get,
            required=True,
            key="look",
            help=words,
            bind="query-params",
        )
        images = st.slider("Images", 1, 4, 2, key="images", bind="query-params")
        T = ask_timesteps(Preset(**cards[0].sampling), st)
    for prefix, card, (row, left, right), change in zip(PREFIXES, cards, places, FIRST, strict=True):
        preset = ask_preset(
            replace(Preset(**card.sampling), **change), (row, left, right), prefix, class_name != ANY, T
        )
        requests.append(Request(card, preset, class_name, ask_seed(left, prefix), images))
    return tuple(requests), look


def _places(letter, side):
    """Make room for the controls of one side: a row, and two columns behind the button at its end."""
    row = side.container(horizontal=True, vertical_alignment="bottom")
    first = row.container(horizontal=True, wrap=False)
    return first, *row.popover(f"{letter} · More").columns(2)


def _class_names(cards):
    """List the kinds that both models know."""
    a, b = (card.condition_names for card in cards)
    return [class_name for class_name in a if class_name in b]


def _favourite(class_names):
    return class_names.index("sunflower") if "sunflower" in class_names else 0


def ask_try(requests):
    """Show the menu of comparisons that are worth a look; one that is chosen sets both sides, and the bench draws it at once."""
    st.menu_button(
        "Try", list(TRIES), key="try", icon=":material/lightbulb:", on_click=_set, args=(requests,), width="stretch"
    )


def _set(requests):
    state, changes = st.session_state, TRIES[st.session_state["try"]]
    for prefix, request, change in zip(PREFIXES, requests, changes, strict=True):
        p = Preset(**request.card.sampling)
        plain = {name: getattr(p, name) for name in ("sampler", "steps", "guidance_scale", "schedule", "spacing")}
        plain |= {"zero": p.zero_snr, "seed": 0, "eta": 0.0, "variance": "small"}
        state.update({prefix + name: value for name, value in {**plain, **change}.items()})
    class_names = _class_names([request.card for request in requests])
    if "guidance_scale" in changes[0] and class_names:  # to guide, there must be a kind to guide to
        state.class_name = class_names[_favourite(class_names)] if state.class_name == ANY else state.class_name
    state.bench_tried = True


def in_words(requests):
    """Say in what two requests differ, and what follows from that."""
    unlike = differences(*requests)
    if not unlike:
        return "A and B are set alike: they must draw the same, to the last pixel."
    listed = ", ".join(f"{name} ({a}, {b})" for name, a, b in unlike)
    noise = (
        "They start from the same noise."
        if requests[0].seed == requests[1].seed
        else "They start from different noise."
    )
    return f"A and B differ in: {listed}. {noise}" + (
        " To see what one setting does, change only one." if len(unlike) > 1 else ""
    )


def expected(requests):
    """Estimate the seconds that both walks will take; raises Unusable."""
    return sum(
        timing.expected(models.get(request.card.name), request.preset, request.images, request.labels is not None)
        for request in requests
    )


def due(seconds):
    """Whether to draw without a click on the button: after a try, and on the first visit, so that a link shows what it promises."""
    tried, first = st.session_state.pop("bench_tried", False), not st.session_state.get("bench_opened")
    st.session_state.bench_opened = True
    return tried or (first and seconds <= PATIENCE)


def begin(requests):
    """Start to draw both in the background; what was under way is cancelled. Shows one sentence if the choices do not go together."""
    try:
        race = Race(tuple(models.get(request.card.name) for request in requests), requests)
    except (Unusable, ValueError) as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, race.states(), len(race.turns), race.keeps)
    st.session_state.race = race


def watch():
    """Show both walks while they are under way; when they are over, keep them and show the page anew."""
    race = st.session_state.race

    def says(job):
        return (
            ", ".join(
                f"{letter} at timestep {state.t}" for letter, state in zip(SIDES, race.latest, strict=True) if state
            )
            or "waiting for a turn"
        )

    def show(_):
        show_images(
            (
                grid(to_bytes(state.x), columns=len(state.x), zoom=2),
                f"{letter} at timestep {state.t}",
                f"Images of {letter} at timestep {state.t}",
            )
            for letter, state in zip(SIDES, race.latest, strict=True)
            if state
        )

    def over(job):
        for request, seconds in zip(race.requests, race.seconds, strict=True):
            timing.learn(request.card.name, request.preset, request.images, request.labels is not None, seconds)
        chains = tuple([state for owner, state in job.kept if owner == side] for side in range(2))
        del st.session_state.race
        st.session_state.comparison = Comparison(race.requests, chains, tuple(race.seconds))

    session.watch(KEY, says, show, over)


def show(comparison, look):
    """Show what both walks did, in one player, and what each of them cost."""
    fresh = st.session_state.get("compared") != comparison.id
    st.session_state.compared = comparison.id
    play(comparison.animation(look), key="bench", autoplay=fresh)
    apart = comparison.distances["x"][-1]
    rows = [
        f"| {letter} | {steps} | {asked} | {spent:.2f} s | {apart:.3f} |"
        for letter, (steps, asked, spent) in zip(SIDES, comparison.costs, strict=True)
    ]
    costs, words = st.columns([5, 4], gap="medium", vertical_alignment="center")
    costs.markdown(
        "\n".join(
            ["| | steps | network asked | computing | apart at timestep 0 |", "| --- | --- | --- | --- | --- |", *rows]
        )
    )
    words.caption(
        "Apart: the root of the mean squared difference (RMS) of all values, which lie between −1 and 1. "
        "0: equal, 2: black against white; two photographs of flowers: about 0.7."
    )
    st.caption(
        f"Sampled: {comparison.requests[0].class_names_in_words}. The bar stops at every timestep that A or B visits; each side shows the last timestep that it "
        "has reached, so the one with fewer steps waits. While it waits, the images differ for that reason too; the predictions do less. "
        "The map |A − B| is sampled brighter than it is, as many times as it says (× 1: white is black against white). "
        "The two paths lie in the plane in which they spread the most, all images at once."
    )


def code(requests):
    """Write the lines of Python that draw both sides and measure how far they are apart."""
    walks = [f'generate(load("{w.card.name}"), {w.preset}, seeds={w.seeds}, condition={w.labels})' for w in requests]
    return (
        "from diffusion_edu.checkpoints import load\n"
        "from diffusion_edu.generation import Preset, generate\n"
        "from diffusion_edu.analysis.measures import distance\n\n"
        f"a = list({walks[0]})\n"
        f"b = list({walks[1]})\n"
        "for t in sorted({state.t for state in a + b}, reverse=True):\n"
        "    now_a, now_b = ([state for state in chain if state.t >= t][-1] for chain in (a, b))  # the last that each has reached\n"
        "    print(t, distance(now_a.x, now_b.x), distance(now_a.x0_hat, now_b.x0_hat))\n"
        "difference = (a[-1].x - b[-1].x).abs().mean(1)    # (images, height, width), 0 where they are equal\n"
    )
