"""What the page of cold diffusion asks, and how its animations come to be: beside the page, anew whenever a choice changes."""

import streamlit as st

from diffusion_edu.app.cold.animation import T
from diffusion_edu.app.cold.generation import Growing
from diffusion_edu.app.cold.restoration import NOISE, Undoing
from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.layout import show_images
from diffusion_edu.app.jobs import session
from diffusion_edu.checkpoints import Unusable, available, read_card
from diffusion_edu.data.images import to_bytes
from diffusion_edu.degradations import DEGRADATIONS
from diffusion_edu.figures.grids import grid

KEY = "cold"
UNDO, GROW = "undo", "grow new flowers"
NETWORK, KNOWS = "a network", "one that knows"
STEPS = [1, 2, 3, 5, 10, 20, 30, 50]
RESTORER, HOT = "flowers_cold", "flowers_simple"  # the same network, trained on the same images
UNDER_WAY, PREDICTION = "image under way", "prediction"
BOUND = {"bind": "query-params"}
MISSING = (
    "No network that undoes degradations is installed: train one with `python -m diffusion_edu.recipes.flowers_cold`. "
    "Until then the restorer is one that knows the answer."
)


def ask():
    """Show the controls and return what is to be done, an Undoing or a Growing; the page ends here, in one sentence, if it cannot be."""
    task = st.sidebar.segmented_control("What to do", [UNDO, GROW], default=UNDO, required=True, key="task", **BOUND)
    restorer = _restorer()
    try:
        return _growing(restorer) if task == GROW and restorer else _undoing(restorer, instead=task == GROW)
    except ValueError as problem:  # our own images are missing
        session.cancel(KEY)
        st.error(f"{problem} Restore it, or choose a file of your own.")
        st.stop()


def _restorer():
    """Choose the network that undoes degradations: the shipped one, else one that a person has trained, else None."""
    found = []
    for name, path in available().items():
        try:
            card = read_card(path)
        except Unusable:
            continue
        if card.prediction_type == "restoration" and card.size == 64:
            found.append(name)
    return RESTORER if RESTORER in found else next(iter(found), None)


def _undoing(restorer, instead):
    """Ask what is undone, and how; instead: because nothing can be grown without a network."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    words = "Six ways to lose an image without noise, and noise itself."
    way = row.segmented_control(
        "What is done to the image",
        [*DEGRADATIONS, NOISE],
        default="blur",
        required=True,
        key="way",
        help=words,
        wrap=True,
        **BOUND,
    )
    words = "Every prediction is made worse by clouds of colour as strong as this, other clouds at every timestep; the image lies between −1 and 1."
    error = row.slider("Error of the restorer", 0.0, 0.5, 0.0, 0.05, key="error", help=words, width=220, **BOUND)
    with st.sidebar:
        words = f"Up to which timestep the image is degraded; at timestep {T} nothing is left of it but what the degradation can never take."
        start = st.slider("Begin at timestep", 5, T, 40, 5, key="start", help=words, **BOUND)
        steps = _ask_steps()
        words = (
            "Who predictions the clean image: a network that was trained to, or one that has the true image before it."
        )
        who = st.segmented_control(
            "Restorer", [NETWORK, KNOWS], default=NETWORK, required=True, key="who", help=words, **BOUND
        )
    subject = image_picker.ask_subject()
    with st.sidebar:
        seed = _ask_seed("The same seed gives the same disc, the same flakes, the same noise.")
    model = _hot() if way == NOISE else restorer
    if instead or (not model and who == NETWORK):
        st.info(MISSING, icon=":material/info:")
    model = model if who == NETWORK else None
    return Undoing(subject, way, start, min(steps, start), model, error, seed)


def _growing(restorer):
    """Ask what new flowers grow from."""
    with st.sidebar:
        words = "Which degradation has taken everything; what is left of it is where new images begin."
        way = st.segmented_control(
            "What took everything", list(DEGRADATIONS), default="blur", required=True, key="took", help=words, **BOUND
        )
        steps = _ask_steps()
        look = st.segmented_control(
            "Look at", [UNDER_WAY, PREDICTION], default=UNDER_WAY, required=True, key="look", **BOUND
        )
        seed = _ask_seed("The same seed gives the same four images.")
    hot = _hot()
    if not hot:
        session.cancel(KEY)
        st.error("No model that draws from noise is installed: restore the folder 'pretrained'.")
        st.stop()
    return Growing(way, steps, seed, restorer, hot, look == PREDICTION, image_picker.images().images)


def _ask_steps():
    return st.select_slider("Steps", STEPS, 20, key="steps", help="In how many steps timestep 0 is reached.", **BOUND)


def _ask_seed(words):
    return st.expander("More choices").number_input("Seed", 0, 1_000_000, 0, key="seed", help=words, **BOUND)


def _hot():
    """Choose the model that draws from noise: the one whose network is like the restorer's, else another of images of 64x64, else None."""
    fit = [name for name, card in models.cards().items() if card.channels == 3 and card.size == 64]
    return HOT if HOT in fit else next(iter(fit), None)


def keep_up(task):
    """See to it that the task is done: begin by itself, show how far it is, and return (task, animation, words) of the last one done, or None."""
    return session.keep_up(KEY, task, begin, watch, "Go on")


def begin(task):
    """Start to walk in the background. Shows one sentence if a model cannot be used."""
    try:
        states = task.states(*(models.get(name) for name in task.needs))
    except (Unusable, ValueError) as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, states, task.steps + 1, wanted=task.id)


def watch(task, quiet):
    """Show how far the walks are, and unless quiet the images under way; when it is over, keep the animation and show the page anew."""

    def says(job):
        where = f"timestep {job.latest[0].t} of {T}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, task.steps)} of {task.steps}: {where}"

    def show(states):
        show_images(
            (grid(to_bytes(state.x), zoom=2), f"Timestep {state.t}: {name}", f"Images {name} at timestep {state.t}")
            for name, state in zip(task.names, states, strict=True)
        )

    def over(job):
        st.session_state[f"done:{KEY}"] = (
            task,
            task.animation(job.kept),
            f"{task.words(job.kept)} Computed in {job.seconds:.1f} s.",
        )

    session.watch(KEY, says, (lambda states: None) if quiet else show, over)
