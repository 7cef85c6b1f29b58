"""Cold diffusion: six degradations instead of Gaussian noise, two algorithms that restore the image, and generation."""

import streamlit as st

from diffusion_edu.app.cold import page as cold
from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.task import animation_task, keep_done
from diffusion_edu.degradations import DEGRADATIONS, Degradation, flawed, fully_degraded
from diffusion_edu.samplers import cold_step, ddim_step, multistep_renoising_step, naive_cold_step

with page(
    "cold",
    "Cold diffusion",
    "Must it be noise? Restore a degraded image step by step: **which algorithm tolerates prediction errors, and "
    "can new images be generated without noise?**",
    icon="❄️",
):
    request = cold.ask()
    if done := keep_done(animation_task(request)):
        animation, caption = done.result
        play(animation, key="cold")
        st.caption(caption)
        for equation in done.request.equations:
            st.latex(equation, width="content")
    if request.degradation in DEGRADATIONS:
        degrade = DEGRADATIONS[request.degradation]
        show_code(request.code, cold_step, naive_cold_step, Degradation, degrade, flawed, fully_degraded)
    else:
        show_code(request.code, ddim_step, multistep_renoising_step, flawed)
