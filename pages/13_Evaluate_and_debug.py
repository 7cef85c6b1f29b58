"""Is it good, and why is it broken? Scores, samples, the dataset, a museum of real bugs, and a doctor for symptoms."""

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import page
from diffusion_edu.app.common.state import own
from diffusion_edu.app.evaluation import bug_museum, dataset, doctor, samples, scores

TABS = {
    "Scores": scores.show,
    "Samples": samples.show,
    "Dataset": dataset.show,
    "Bug museum": bug_museum.show,
    "Symptom doctor": doctor.show,
}
with page(
    "evaluate",
    "Evaluate and debug",
    "Is it good, and why is it broken? **A score alone says little: what do real images score, and what does noise?**",
    icon="🩺",
):
    first = "Bug museum" if own("exhibit") in st.query_params else "Scores"  # links to an exhibit name nothing else
    for tab, show in zip(control(st.tabs, list(TABS), default=first, key="tab"), TABS.values(), strict=True):
        if tab.open:
            with tab:
                show()
