"""What happens to an image when noise is added? Choose one, drag the bar, watch what vanishes first."""

import streamlit as st

from diffusion_edu.analysis.measures import histogram, snr_decibels, spectrum
from diffusion_edu.app.common import image_picker
from diffusion_edu.app.common.layout import lesson, page, show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.schedules import SCHEDULES, Schedule

page(
    "Adding noise",
    "What happens to an image? Drag the bar from right to left: **which vanishes first, the fine detail or the coarse shape?**",
    icon="🌫️",
)
subject, mixed = image_picker.ask()
for terminal_snr_note in mixed.leftovers:
    st.info(terminal_snr_note, icon=":material/info:")
play(mixed.animation, key="noising")
st.caption(
    f"{subject.class_name.capitalize()}, 64x64 as models see it. The line beside a schedule's name is how its curves are sampled. {' '.join(subject.notes)}"
)
lesson("01_adding_noise")
schedules = [SCHEDULES[schedule.name] for schedule in mixed.schedules]
show_code(image_picker.code(subject, mixed), Schedule.corrupt, *schedules, snr_decibels, histogram, spectrum)
