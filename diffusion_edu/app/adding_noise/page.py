"""The page of the forward process: choose an image and noise schedules, drag the bar, watch what vanishes first."""

import streamlit as st

from diffusion_edu.analysis.measures import histogram, snr_decibels, spectrum
from diffusion_edu.app.adding_noise.animation import NOISES, ForwardProcess
from diffusion_edu.app.common import image_picker
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import callback, set_controls
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.trajectories.animation import DASHES
from diffusion_edu.schedules import SCHEDULES, Schedule

OPENING, TIMESTEPS = ("linear", "cosine"), (100, 300, 600, 1000)


def show():
    """Show the whole page below its title."""
    subject, process = ask()
    for note in process.terminal_snr_notes:
        st.info(note, icon=":material/info:")
    play(process.animation, key="adding noise")
    st.caption(
        f"{plain(subject.class_name.capitalize())}, 64x64, the input size of the models. The line beside a schedule's "
        f"name shows whether its curves are solid or dashed. {' '.join(subject.notes)}"
    )
    schedules = [SCHEDULES[schedule.name] for schedule in process.schedules]
    show_code(code(subject, process), Schedule.corrupt, *schedules, snr_decibels, histogram, spectrum)


def ask():
    """Let a person choose an image and noise schedules.

    Return the Subject and the ForwardProcess, or end the page with a sentence.
    """
    try:
        subject = image_picker.ask_subject()
    except ValueError as problem:  # our own images are missing
        st.error(f"{plain(problem)} Restore it, or choose a file of your own.")
        st.stop()
    names, T, seed, averaged = _ask_noise()
    if not names:
        st.info("Choose at least one schedule.", icon=":material/info:")
        st.stop()
    schedules = [SCHEDULES[name](T) for name in names]
    return subject, ForwardProcess(subject.image, subject.class_name, schedules, seed, averaged)


def _ask_noise():
    """Let a person choose names of schedules, T, the seed, and whether to average over many noises."""
    with st.sidebar:
        words = f"Up to {len(DASHES)} noise schedules. All of them get the same noise."
        names = control(
            st.multiselect,
            "Noise schedules",
            list(SCHEDULES),
            OPENING,
            max_selections=len(DASHES),
            key="schedules",
            help=words,
        )
        left, right = st.columns(2)
        words = "The number of timesteps between image and noise."
        T = control(left.selectbox, "Timesteps T", TIMESTEPS, len(TIMESTEPS) - 1, key="timesteps", help=words)
        words = "The same seed gives the same noise."
        seed = control(right.number_input, "Seed", 0, 1_000_000, 0, key="seed", help=words)
        words = f"Show the mean of {NOISES} noisy images: the noise cancels, the signal stays."
        averaged = control(st.toggle, f"Average over {NOISES} noises", key="averaged", help=words)
        words = (
            "The linear schedule was made for 1,000 timesteps. With 300, timestep T is not yet pure noise: "
            "its terminal SNR is not zero, and the image still shows."
        )
        st.button(
            "See the signal that is left at timestep T: linear, T = 300",
            icon=":material/visibility:",
            on_click=show_terminal_signal,
            help=words,
            width="stretch",
        )
    return names, T, seed, averaged


@callback
def show_terminal_signal():
    """Choose a schedule with non-zero terminal SNR beside one with nearly zero, and average the noise away."""
    set_controls(schedules=list(OPENING), timesteps=300, averaged=True)


def code(subject, process):
    """Write the Python that makes the same images and numbers."""
    one, many = (None, process.seed) if process.averaged else (process.seed, None)
    return snippet(
        __file__,
        "forward_process",
        read_image=subject.code.rstrip("\n"),
        seed=one,
        first=many,
        last=None if many is None else many + NOISES,
        schedules=[schedule.name for schedule in process.schedules],
        T=process.T,
        steps=len(process.timesteps) - 1,
    )
