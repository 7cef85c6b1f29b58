"""The page of a single prediction: its controls, the player, and why one prediction has three errors."""

import streamlit as st

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.sampler_controls import ZERO_SNR, ask_seed, ask_timesteps
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.denoise_once.denoiser_choice import ExactChoice, NetworkChoice
from diffusion_edu.app.denoise_once.request import KEY, PredictionRequest
from diffusion_edu.app.jobs.task import cancel, keep_done
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.denoisers import NeuralDenoiser, exact, guided
from diffusion_edu.generation import Preset
from diffusion_edu.samplers import predicted_noise
from diffusion_edu.schedules import SCHEDULES, Schedule

NETWORK, EXACT = "a network", "the exact denoiser"
NOTHING = "nothing"
COUNTS = (10, 100, 1000)
THREE_ERRORS = (
    "**Why one prediction has three errors.** The noisy image is known, so a prediction of the image is also a "
    "prediction of the noise: what is too much in one is missing in the other, scaled by the signal rate and the noise "
    r"rate. $\hat\epsilon-\epsilon=-\frac{\text{signal}}{\text{noise}}\,(\hat x_0-x_0).$ So the error in $\epsilon$ is "
    "the SNR times the error in $x_0$. The error in $v$ is their sum: it is not small at any timestep, and that is why "
    "networks are often trained to predict $v$."
)


def show():
    """Show the whole page below its title."""
    request = ask()
    if note := request.preset.noise_schedule().terminal_snr_note:
        st.info(note, icon=":material/info:")
    finished = keep_done(request.task, "Predict at every timestep")
    if finished:
        request = finished.request
        play(finished.result.animation, key="denoise once")
        st.caption(
            f"{plain(request.choice.words)}. Errors are mean squares over all values: images lie between −1 and 1, "
            "noise has the variance 1. At 100% every value is exact, at 0% the prediction is no better than zero. "
            f"{' '.join(request.notes)}"
        )
        st.markdown(THREE_ERRORS)
    show_code(request.code, Schedule.corrupt, NeuralDenoiser, guided, exact, predicted_noise)


def ask():
    """Show the controls in the sidebar and return the PredictionRequest.

    The page ends here, with a sentence, if there is none.
    """
    with st.sidebar:
        denoiser = control(
            st.segmented_control, "Denoiser", [NETWORK, EXACT], default=NETWORK, required=True, key="denoiser"
        )
        card = models.pick() if denoiser == NETWORK else None
    if card and card.channels != 3:
        _end(
            f"{plain(card.title)} works on latents with {card.channels} channels, not on images: choose another model."
        )
    try:
        subject = image_picker.ask_subject(card.size if card else 64)
        with st.sidebar:
            choice = _ask_condition(card, subject) if card else _ask_known(subject)
    except Unusable as problem:
        _end(str(problem))
    except ValueError as problem:  # our own images are missing
        _end(f"{problem} Restore it, or choose a file of your own.")
    return PredictionRequest(subject, choice, *_ask_noise(Preset()))


def _end(sentence):
    cancel(KEY)
    st.error(sentence)
    st.stop()


def _ask_condition(card, subject):
    """Ask for the condition of the network and for the guidance scale."""
    class_name, guidance_scale = None, 1.0
    if card.condition_names:
        words = (
            f"The prediction is easier if the network knows the class. This image shows: {plain(subject.class_name)}."
        )
        condition = control(st.selectbox, "Condition", [NOTHING, *card.condition_names], key="condition", help=words)
        words = "0 ignores the condition, 1 follows it, more exaggerates it (classifier-free guidance)."
        guidance_scale = control(
            st.slider,
            "Guidance scale",
            0.0,
            8.0,
            1.0,
            0.5,
            key="guidance_scale",
            disabled=condition == NOTHING,
            help=words,
        )
        class_name = None if condition == NOTHING else condition
    return NetworkChoice(models.get(card.name), class_name, guidance_scale)


def _ask_known(subject):
    """Ask how many images the exact denoiser knows, and whether this one is among them."""
    words = (
        "The best possible prediction, by Bayes' rule, if no other images existed. No network can be better on these "
        "images. On new images it is poor: it knows only these."
    )
    count = control(
        st.segmented_control,
        "Images it knows",
        COUNTS,
        format_func="{:,}".format,
        default=COUNTS[-1],
        required=True,
        key="count",
        help=words,
    )
    among = control(st.toggle, "This image is one of them", True, key="among")
    return ExactChoice(image_picker.images().images, subject.image, subject.row, count, among)


def _ask_noise(default):
    """Ask for the noise schedule and for the seed of the noise."""
    more = st.sidebar.expander("More choices")
    names = list(SCHEDULES)
    schedule = control(more.selectbox, "Noise schedule", names, names.index(default.schedule), key="schedule")
    T = ask_timesteps(default, more)
    zero_snr = control(more.toggle, "Zero terminal SNR", default.zero_snr, key="zero_snr", help=ZERO_SNR)
    return Preset(schedule=schedule, T=T, zero_snr=zero_snr), ask_seed(more)
