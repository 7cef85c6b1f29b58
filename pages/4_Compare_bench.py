"""What does one setting change? Draw twice from the same noise, once with it and once without, and look where the two part."""

import streamlit as st

from diffusion_edu.analysis.measures import distance, main_plane
from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.compare import page as bench
from diffusion_edu.app.jobs import session
from diffusion_edu.app.trajectories.comparison import gap, side_by_side
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.generation import generate

page(
    "Compare bench",
    "What does one setting change? Two samples from the same noise: **at which timestep do they part, in colour, shape or detail?**",
    icon="⚖️",
)
requests, look = bench.ask()

button, menu, words = st.columns([2, 1, 5], vertical_alignment="center")
wanted = button.button("Draw both", type="primary", icon=":material/play_circle:", width="stretch")
with menu:
    bench.ask_try(requests)
seconds, comparison = float("inf"), st.session_state.get("comparison")
try:
    seconds = bench.expected(requests)
    before = (
        comparison and comparison.requests != requests and " **Not sampled yet: below is what was sampled before.**"
    )
    words.caption(f"{bench.in_words(requests)} About {max(seconds, 0.1):.1f} s on this machine.{before or ''}")
except Unusable as problem:
    st.error(str(problem))
for terminal_snr_note in dict.fromkeys(
    filter(None, (request.preset.noise_schedule().terminal_snr_note for request in requests))
):
    st.info(terminal_snr_note, icon=":material/info:")
session.problem(bench.KEY)
if bench.due(seconds) or wanted:
    bench.begin(requests)

if session.running(bench.KEY):
    bench.watch()
elif comparison:
    bench.show(comparison, look)
else:
    st.info(
        "Press **Draw both**: both sides are sampled in turns, and then shown together, timestep by timestep.",
        icon=":material/compare:",
    )

show_code(
    bench.code(comparison.requests if comparison else requests), distance, gap, side_by_side, main_plane, generate
)
