"""Why does it work? 2-D points, the predictions as arrows, and the exact denoiser beside a network trained in
seconds.
"""

import streamlit as st

from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.components.point_cloud import widget
from diffusion_edu.app.jobs.task import watch
from diffusion_edu.app.playground import page as playground
from diffusion_edu.core import walk
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.toy2d import ExactNetwork, denoiser, train_mlp

with page(
    "points",
    "2-D playground",
    "Why does it work? **Where do the arrows point when everything is noise, and when almost none is left?**",
    icon="🎯",
):
    settings = playground.ask()
    if settings is None:
        st.stop()
    problem = playground.problem(settings)
    button, estimate = st.columns([1, 4], vertical_alignment="center")
    if button.button("Train", type="primary", icon=":material/school:", width="stretch", disabled=bool(problem)):
        playground.train(settings)
    name, seconds = settings.dataset.name, f"{settings.seconds:.0f} s"
    estimate.caption(f"Training on {name} takes {seconds}. After that, every other choice shows at once.")
    if terminal_snr_note := settings.preset.noise_schedule().terminal_snr_note:
        st.info(terminal_snr_note, icon=":material/info:")
    playground.cancel_other_training(settings)
    if problem:
        st.error(problem)
    elif not watch(playground.TRAIN) and (animation := playground.keep_animation(settings)):
        widget.show({**animation, "opening": "walk"}, key="point cloud", autoplay=True)
    show_code(playground.code(settings), train_mlp, ExactNetwork, denoiser, walk, SAMPLERS[settings.preset.sampler])
