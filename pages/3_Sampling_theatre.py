"""How does noise become an image? Choose, watch live, then take every move apart."""

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.common.request import counted
from diffusion_edu.app.common.sampler_controls import SAYS
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import session
from diffusion_edu.app.jobs.timing import expected
from diffusion_edu.app.sampling import page as theatre
from diffusion_edu.app.sampling.step_inspector import microscope
from diffusion_edu.app.trajectories.recording import load_animation
from diffusion_edu.checkpoints import PRETRAINED, Unusable
from diffusion_edu.core import walk
from diffusion_edu.generation import generate
from diffusion_edu.samplers import SAMPLERS

page(
    "Sampling theatre",
    "How does noise become an image? Watch **when** the prediction on the right turns into a flower, and how the left follows.",
    icon="🌼",
)
request = theatre.ask()

button, estimate = st.columns([1, 4], vertical_alignment="center")
if button.button("Generate", type="primary", icon=":material/play_circle:", width="stretch"):
    theatre.begin(request)
try:
    seconds = expected(models.get(request.card.name), request.preset, request.images, request.labels is not None)
    words = f"{counted(request.images, 'image')} in {counted(request.preset.steps, 'move')}: about {max(seconds, 0.1):.1f} s on this machine."
    estimate.caption(f"{words} {request.preset.sampler} {SAYS[request.preset.sampler]}")
except Unusable as problem:
    st.error(str(problem))
if terminal_snr_note := request.preset.noise_schedule().terminal_snr_note:
    st.info(terminal_snr_note, icon=":material/info:")
session.problem(theatre.KEY)

recording = st.session_state.get("recording")
if session.running(theatre.KEY):
    theatre.watch()
elif recording:
    play(recording.animation, key="player", autoplay=True)
    st.caption(
        f"{recording.request.class_names_in_words}. Sampled in {recording.seconds:.1f} s of computing. {recording.request.summary}"
    )
    microscope_tab, keep_tab = st.tabs(["One step under the microscope", "Download"])
    with microscope_tab:
        microscope(recording)
    with keep_tab:
        st.markdown("The finished images carry their settings inside; the animation shows every recorded timestep.")
        first, second, third, _ = st.columns([1, 1, 1, 3])
        first.download_button("PNG", recording.png, "flowers.png", "image/png", on_click="ignore", width="stretch")
        second.download_button("GIF", recording.gif, "flowers.gif", "image/gif", on_click="ignore", width="stretch")
        third.download_button("MP4", recording.mp4, "flowers.mp4", "video/mp4", on_click="ignore", width="stretch")
elif animation := load_animation(PRETRAINED / "flowers_attention.animation.json"):
    play(animation, key="player", autoplay=True)
    st.caption(
        f"An example, sampled earlier by the flower model: {', '.join(animation['class_names'])}. Press Generate to draw your own."
    )

shown = recording.request if recording else request
show_code(shown.code, SAMPLERS[shown.preset.sampler], walk, generate)
