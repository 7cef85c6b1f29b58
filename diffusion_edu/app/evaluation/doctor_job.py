"""What the doctor does with a model: draw a few images beside the page, ask the network about real ones, and measure."""

import streamlit as st
import torch

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.jobs import session, timing
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.doctor import ask, examine
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate

KEY = "clinic"
IMAGES, ASKED, AT_ONCE = 8, 16, 4  # sampled, and real ones that the network is asked about, so many at a time
IMPORTS = "from diffusion_edu.app.evaluation.doctor_job import visit\nfrom diffusion_edu.checkpoints import load\nfrom diffusion_edu.generation import Preset\n"
CODE = 'model = load("{name}")\n*_, (findings, image) = visit(model, Preset(**model.card.sampling), findings)  # draws, asks, measures\n'


def offer(name, known, button, estimate):
    """Offer to draw with the model; returns what was measured, as (Findings, image), or None."""
    session.problem(KEY)
    if session.running(KEY) and st.session_state.get("doctor_patient") != name:
        session.cancel(KEY)
    try:
        model = models.get(name)
        preset, class_names = Preset(**model.card.sampling), bool(model.card.condition_names)
        seconds = timing.expected(model, preset, IMAGES, class_names) + timing.expected(
            model, Preset(sampling_steps=1), 2 * ASKED, guiding=False
        )
    except (Unusable, ValueError) as problem:
        st.error(str(problem))
        return None
    button.button(
        "Examine the model",
        key="examine",
        icon=":material/stethoscope:",
        width="stretch",
        on_click=_begin,
        args=(name, model, preset, known),
    )
    estimate.caption(
        f"Draws {IMAGES} images as its card says and measures them: about {max(seconds, 1):.0f} s on this machine."
    )
    if session.running(KEY):
        _watch()
    patient, *measured = st.session_state.get("doctor_examined", (None,))
    return measured if patient == name and not session.running(KEY) else None


def _begin(name, model, preset, known):
    asked = ASKED // AT_ONCE if ours(model.card) else 0
    session.begin(KEY, visit(model, preset, known), preset.sampling_steps + 2 + asked)
    st.session_state.doctor_patient = name


def ours(card):
    """Whether a model was trained on the images that come with the app."""
    flowers = image_picker.images()
    return card.size == flowers.images.shape[-1] and list(card.classes) == list(flowers.classes)


def visit(model, preset, known):
    """Draw, ask the network about real images if it was trained on ours, and measure: yields States, then the Findings and the samples."""
    card, flowers = model.card, image_picker.images()
    labels = card.labels_for(range(IMAGES))
    start = None
    for state in generate(model, preset, range(IMAGES), labels):
        start = state.x if start is None else start
        yield state
    real, answers = None, []
    if ours(card):
        real, class_names = to_signed(flowers.images[::4]), flowers.labels[::4]
        for rows in torch.arange(ASKED).split(AT_ONCE):
            x0, told = model.compute.place(real[rows]), class_names[rows].to(model.compute.device)
            answers.append(ask(model.net, x0, told, seed=int(rows[0]), autocast=model.compute.autocast))
            yield state
    measured = examine(
        known, sampled=state.x.cpu(), start=start.cpu(), timesteps=preset.timesteps(), real=real, answers=answers
    )
    yield measured, grid(to_bytes(state.x.nan_to_num()), columns=4)


def _watch():
    def says(job):
        drawing = isinstance(job.latest, State) and job.latest.t > 0
        return f"Drawing: timestep {job.latest.t}" if drawing else "Measuring" if job.latest else "Waiting for a turn"

    def look(item):
        if isinstance(item, State):
            page = grid(to_bytes(item.x.nan_to_num()), columns=8)
            st.image(page, caption=f"Timestep {item.t}", alt=f"Images under way at timestep {item.t}")

    def over(job):
        st.session_state.doctor_examined = (st.session_state.doctor_patient, *job.latest)

    session.watch(KEY, says, look, over)
