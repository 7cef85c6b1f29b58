"""Is it good, and why is it broken? A museum of real mistakes, and a doctor for symptoms."""

import streamlit as st

from diffusion_edu.app import clinic, museum
from diffusion_edu.app.layout import page

page(
    "Evaluate and debug",
    "Why is it broken? Real mistakes from public code, drawn live: **which of them would you see, and which only a number?**",
    icon="🩺",
)
bugs, symptoms = st.tabs(["Bug museum", "Symptom doctor"], key="tab", bind="query-params")
if bugs.open:
    with bugs:
        museum.show()
if symptoms.open:
    with symptoms:
        clinic.show()
