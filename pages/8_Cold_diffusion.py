"""Must it be noise? Six other ways to lose an image, two algorithms to undo them, and what grows when nothing is left."""

import streamlit as st

from diffusion_edu.app.cold import page as cold
from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.degradations import DEGRADATIONS, Degradation, fully_degraded, flawed
from diffusion_edu.samplers import cold_step, ddim_step, multistep_renoising_step, naive_cold_step

page(
    "Cold diffusion",
    "Must it be noise? Undo another loss move by step: **which algorithm forgives mistakes, and what grows from nothing?**",
    icon="❄️",
)
task = cold.ask()
done = cold.keep_up(task)
if done:
    shown, animation, words = done
    play(animation, key="cold")
    st.caption(words)
    for equation in shown.equations:
        st.latex(equation, width="content")
if task.way in DEGRADATIONS:
    show_code(task.code, cold_step, naive_cold_step, Degradation, DEGRADATIONS[task.way], flawed, fully_degraded)
else:
    show_code(task.code, ddim_step, multistep_renoising_step, flawed)
