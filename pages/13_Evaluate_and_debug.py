"""Is it good, and why is it broken? Scores, a close look at drawings and at data, a museum of real mistakes, and a doctor for symptoms."""

import streamlit as st

from diffusion_edu.app import clinic, closely, dataset, museum, scores
from diffusion_edu.app.layout import page

page(
    "Evaluate and debug",
    "Is it good, and why is it broken? **A score alone says nothing: where do real pictures stand, and where does noise?**",
    icon="🩺",
)
SHOW = {
    "Scores": scores.show,
    "Look closely": closely.show,
    "Data": dataset.show,
    "Bug museum": museum.show,
    "Symptom doctor": clinic.show,
}
first = "Bug museum" if "exhibit" in st.query_params else "Scores"  # links to an exhibit hold nothing else
for tab, show in zip(st.tabs(list(SHOW), default=first, key="tab", bind="query-params"), SHOW.values(), strict=True):
    if tab.open:
        with tab:
            show()
