"""Why does it work? In the plane one can see it: points, the arrows that move them, and the best arrows there can be."""

import streamlit as st

from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.components.point_cloud import widget
from diffusion_edu.app.jobs import session
from diffusion_edu.app.playground import page as playground
from diffusion_edu.core import walk
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.toy2d import Exact, denoiser, learn

page(
    "2-D playground",
    "Why does it work? **Where do the arrows point when everything is noise, and when almost none is left?**",
    icon="🎯",
)
study = playground.ask()
if study is None:
    st.stop()
why = playground.problem(study)
button, estimate = st.columns([1, 4], vertical_alignment="center")
if button.button("Train", type="primary", icon=":material/school:", width="stretch", disabled=bool(why)):
    playground.train(study)
estimate.caption(
    f"Learning {study.subject.name} takes {study.seconds:.0f} s. After that, every other choice shows at once."
)
if terminal_snr_note := study.preset.noise_schedule().terminal_snr_note:
    st.info(terminal_snr_note, icon=":material/info:")
session.problem(playground.TRAIN)
session.problem(playground.WALK)
if why:
    st.error(why)
elif playground.training(study):
    playground.watch_training()
elif animation := playground.animation(study):
    widget.show({**animation, "opening": "walk"}, key="plane", autoplay=True)
elif session.running(playground.WALK):
    playground.watch_walk()
else:
    st.info("Nothing was sampled: change any choice to draw again.", icon=":material/info:")
show_code(playground.code(study), learn, Exact, denoiser, walk, SAMPLERS[study.preset.sampler])
