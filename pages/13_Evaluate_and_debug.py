"""Is it good, and why is it broken? Scores, a close look at samples and at data, a museum of real mistakes, and a doctor for symptoms."""

import streamlit as st

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.evaluation import bug_museum, dataset, doctor, samples, scores

page(
    "Evaluate and debug",
    "Is it good, and why is it broken? **A score alone says nothing: where do real images stand, and where does noise?**",
    icon="🩺",
)
SHOW = {
    "Scores": scores.show,
    "Look closely": samples.show,
    "Data": dataset.show,
    "Bug museum": bug_museum.show,
    "Symptom doctor": doctor.show,
}
first = "Bug museum" if "exhibit" in st.query_params else "Scores"  # links to an exhibit hold nothing else
for tab, show in zip(st.tabs(list(SHOW), default=first, key="tab", bind="query-params"), SHOW.values(), strict=True):
    if tab.open:
        with tab:
            show()
