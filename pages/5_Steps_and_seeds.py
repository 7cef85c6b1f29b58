"""How few steps are enough, and what lies between two seeds? Tables of images that differ in one thing only."""

import streamlit as st

from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.jobs import session
from diffusion_edu.app.steps_and_seeds import page as steps
from diffusion_edu.checkpoints import Unusable

page(
    "Steps and seeds",
    "How few steps are enough, and what lies between two seeds? **Follow a row: where does it stop changing?**",
    icon="👣",
)
table = steps.ask()

button, cost = st.columns([1, 4], vertical_alignment="center")
if button.button("Draw", type="primary", icon=":material/play_circle:", width="stretch"):
    steps.begin(table)
try:
    cost.caption(steps.estimate(table))
except Unusable as problem:
    st.error(str(problem))
if terminal_snr_note := table.request.preset.noise_schedule().terminal_snr_note:
    st.info(terminal_snr_note, icon=":material/info:")
session.problem(table.key)

shown, finished, is_example = steps.latest(table.key)
if session.running(table.key):
    steps.watch(table.key)
elif shown:
    steps.show(shown, finished)
    if is_example:
        st.caption("An example, sampled earlier by the flower model. Press Draw to draw your own.")
code = shown or table
show_code(code.code, *code.functions)
