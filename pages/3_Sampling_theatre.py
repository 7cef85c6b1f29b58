"""How does noise become a picture? Choose, watch live, then take every move apart."""

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
from diffusion_edu.app.trajectories.recording import load_film
from diffusion_edu.checkpoints import PRETRAINED, Unusable
from diffusion_edu.core import walk
from diffusion_edu.generation import generate
from diffusion_edu.samplers import SAMPLERS

page(
    "Sampling theatre",
    "How does noise become a picture? Watch **when** the guess on the right turns into a flower, and how the left follows.",
    icon="🌼",
)
wish = theatre.ask()

button, estimate = st.columns([1, 4], vertical_alignment="center")
if button.button("Generate", type="primary", icon=":material/play_circle:", width="stretch"):
    theatre.begin(wish)
try:
    seconds = expected(models.get(wish.card.name), wish.preset, wish.pictures, wish.labels is not None)
    words = f"{counted(wish.pictures, 'picture')} in {counted(wish.preset.moves, 'move')}: about {max(seconds, 0.1):.1f} s on this machine."
    estimate.caption(f"{words} {wish.preset.sampler} {SAYS[wish.preset.sampler]}")
except Unusable as problem:
    st.error(str(problem))
if leftover := wish.preset.noising().leftover:
    st.info(leftover, icon=":material/info:")
session.problem(theatre.KEY)

recording = st.session_state.get("recording")
if session.running(theatre.KEY):
    theatre.watch()
elif recording:
    play(recording.film, key="player", autoplay=True)
    st.caption(
        f"{recording.wish.kinds_in_words}. Drawn in {recording.seconds:.1f} s of computing. {recording.wish.summary}"
    )
    microscope_tab, keep_tab = st.tabs(["One move under the microscope", "Download"])
    with microscope_tab:
        microscope(recording)
    with keep_tab:
        st.markdown("The finished pictures carry their settings inside; the film shows every recorded level.")
        first, second, third, _ = st.columns([1, 1, 1, 3])
        first.download_button("PNG", recording.png, "flowers.png", "image/png", on_click="ignore", width="stretch")
        second.download_button("GIF", recording.gif, "flowers.gif", "image/gif", on_click="ignore", width="stretch")
        third.download_button("MP4", recording.mp4, "flowers.mp4", "video/mp4", on_click="ignore", width="stretch")
elif film := load_film(PRETRAINED / "flowers_attention.film.json"):
    play(film, key="player", autoplay=True)
    st.caption(
        f"An example, drawn earlier by the flower model: {', '.join(film['kinds'])}. Press Generate to draw your own."
    )

shown = recording.wish if recording else wish
show_code(shown.code, SAMPLERS[shown.preset.sampler], walk, generate)
