"""What does the network see? One prediction at every timestep, and how wrong it is, said in three ways."""

import streamlit as st

from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.denoise_once import page as once
from diffusion_edu.denoisers import NeuralDenoiser, exact, guided
from diffusion_edu.samplers import predicted_noise
from diffusion_edu.schedules import Schedule

page(
    "Denoise once",
    "What does the network see? Drag the bar: **where does its prediction turn from a blur into this very image?**",
    icon="🔎",
)
question = once.ask()
if terminal_snr_note := question.preset.noise_schedule().terminal_snr_note:
    st.info(terminal_snr_note, icon=":material/info:")
answered = once.keep_up(question)
asked, predictions = answered or (question, None)
if predictions:
    play(predictions.animation, key="once")
    st.caption(
        f"{asked.who.words}. Errors are mean squares over all values: images lie between −1 and 1, noise has the variance 1. "
        f"100% right is every value exactly, 0% no better than answering zero. {' '.join(asked.notes)}"
    )
    st.markdown(
        "**Why one prediction has three errors.** The noisy image is known, so whoever predictions the image has guessed the noise too: what is too much "
        "in one is missing in the other, weighed by how strong each is in the mixture: "
        r"$\hat\epsilon-\epsilon=-\frac{\text{signal}}{\text{noise}}\,(\hat x_0-x_0).$ So the error in $\epsilon$ is the SNR times that in $x_0$. "
        "The error in $v$, which turns from one into the other, is their sum: there is something left to learn at every timestep, and that is why "
        "networks are often trained to say $v$."
    )
show_code(asked.code, Schedule.corrupt, NeuralDenoiser, guided, exact, predicted_noise)
