"""The controls of the page of cold diffusion."""

import streamlit as st

from diffusion_edu.app.cold.animation import T
from diffusion_edu.app.cold.generation import ColdGeneration
from diffusion_edu.app.cold.restoration import NOISE, Restoration
from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.jobs.task import cancel
from diffusion_edu.checkpoints import read_cards
from diffusion_edu.degradations import DEGRADATIONS

RESTORE, GENERATE = "restore", "generate"
NETWORK, ORACLE = "network", "oracle"
STEPS = [1, 2, 3, 5, 10, 20, 30, 50]
COLD, HOT = "flowers_cold", "flowers_simple"  # the same architecture, trained on the same images
X_T, PREDICTION = "x_t", "prediction"
MISSING = (
    "No restoration network is installed: train one with `diffusion-edu train flowers_cold`. Until then "
    "the oracle, which knows the true image, takes its place."
)


def ask():
    """Show the controls; returns a Restoration or a ColdGeneration, or ends the page with one sentence where neither
    is possible.
    """
    choices = {"default": RESTORE, "required": True, "key": "task"}
    task = control(st.sidebar.segmented_control, "Task", [RESTORE, GENERATE], **choices)
    network = _restoration_network()
    try:
        return _ask_generation(network) if task == GENERATE and network else _ask_restoration(network, task == GENERATE)
    except ValueError as problem:  # our own images are missing
        cancel(Restoration.key)
        st.error(f"{plain(problem)} Restore it, or choose a file of your own.")
        st.stop()


def _restoration_network():
    """Return the name of the restoration network: the shipped one, else one that a person has trained, else None."""
    cards = read_cards()[0].items()
    found = [name for name, card in cards if card.prediction_type == "restoration" and card.size == 64]
    return COLD if COLD in found else next(iter(found), None)


def _ask_restoration(network, instead):
    """Ask what is restored and how; instead: this takes the place of the generation, which needs a network."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    degradation = control(
        row.segmented_control,
        "Degradation",
        [*DEGRADATIONS, NOISE],
        default="blur",
        required=True,
        key="degradation",
        help="Six degradations without noise, and Gaussian noise itself.",
        wrap=True,
    )
    words = (
        "Standard deviation of an error that is added to every prediction: clouds of colour, different at every "
        "timestep. Image values lie between −1 and 1."
    )
    error = control(row.slider, "Prediction error", 0.0, 0.5, 0.0, 0.05, key="error", help=words, width=220)
    with st.sidebar:
        words = (
            f"The severity of the degradation: timestep 0 is the image, at timestep {T} the degradation is complete."
        )
        start = control(st.slider, "Start timestep", 5, T, 40, 5, key="start", help=words)
        steps = _ask_steps()
        words = "What predicts the clean image: a trained network, or an oracle that returns the true image."
        choices = {"default": NETWORK, "required": True, "key": "restorer", "help": words}
        restorer = control(st.segmented_control, "Restoration by", [NETWORK, ORACLE], **choices)
    subject = image_picker.ask_subject()
    with st.sidebar:
        seed = _ask_seed("The same seed gives the same random start: disc (mask), flakes (snow) or noise.")
    model = _hot_model() if degradation == NOISE else network
    if instead or (not model and restorer == NETWORK):
        st.info(MISSING, icon=":material/info:")
    model = model if restorer == NETWORK else None
    return Restoration(subject, degradation, start, min(steps, start), model, error, seed)


def _ask_generation(network):
    """Ask from which degradation new images are generated."""
    with st.sidebar:
        words = "The image is fully degraded first (timestep T). Generation starts from what is left of it."
        choices = {"default": "blur", "required": True, "key": "start_degradation", "help": words}
        degradation = control(st.segmented_control, "Start from", list(DEGRADATIONS), **choices)
        steps = _ask_steps()
        choices = {"default": X_T, "required": True, "key": "show"}
        shown = control(st.segmented_control, "Show", [X_T, PREDICTION], **choices)
        seed = _ask_seed("The same seed gives the same four images.")
    hot = _hot_model()
    if not hot:
        cancel(Restoration.key)
        st.error("No model that samples from noise is installed: restore the folder 'pretrained'.")
        st.stop()
    images = image_picker.images().images
    return ColdGeneration(degradation, steps, seed, network, hot, shown == PREDICTION, images)


def _ask_steps():
    return control(st.select_slider, "Sampling steps", STEPS, 20, key="steps", help="Steps down to timestep 0.")


def _ask_seed(words):
    return control(st.expander("More choices").number_input, "Seed", 0, 1_000_000, 0, key="seed", help=words)


def _hot_model():
    """Return the name of the model that samples from noise: HOT, else another one for colour images of 64x64, else
    None.
    """
    fit = [name for name, card in models.cards().items() if card.channels == 3 and card.size == 64]
    return HOT if HOT in fit else next(iter(fit), None)
