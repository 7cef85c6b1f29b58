"""A request that runs beside the page without a click, and the player that shows its animation."""

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.task import animation_task, keep_done


def play_task(request, row, load=models.get):
    """Run a request (see jobs.task.animation_task) and show its animation, equations and caption.

    row is the container beside the controls; load finds a model by its name.
    """
    row.markdown(request.look_for, width="content")
    if finished := keep_done(animation_task(request, load)):
        animation, caption = finished.result
        play(animation, key=request.key)
        for equation in finished.request.equations:
            st.latex(equation, width="content")
        st.caption(caption)
