"""The examination of a model, beside the page: generate a few images, predict on real ones, and measure."""

import streamlit as st
import torch

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.state import callback, own
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task, cancel, done, running, start, watch
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.doctor import examine, prediction_errors
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate

KEY = "doctor"
IMAGES, REAL_IMAGES, BATCH = 8, 16, 4  # generated; real ones that the network predicts, so many at a time


def offer(name, known, button, estimate):
    """Offer to examine a model; returns what was measured on it, as (Findings, image), or None."""
    task = running(KEY)
    if task and task.request != name:
        cancel(KEY)
    try:
        model = models.get(name)
        preset, guided = Preset(**model.card.sampling), bool(model.card.condition_names)
        seconds = timing.expected(model, preset, IMAGES, guided)
        seconds += timing.expected(model, Preset(steps=1), 2 * REAL_IMAGES, guiding=False)
    except (Unusable, ValueError) as problem:
        st.error(plain(problem))
        return None
    button.button(
        "Examine the model",
        key=own("examine"),
        icon=":material/stethoscope:",
        width="stretch",
        on_click=_start,
        args=(name, model, preset, known),
    )
    estimate.caption(
        f"Generates {IMAGES} images by the preset of its card and measures them: about {max(seconds, 1):.0f} s on this "
        "machine."
    )
    if watch(KEY):
        return None
    finished = done(KEY)
    return finished.result if finished and finished.request == name else None


@callback
def _start(name, model, preset, known):
    predicted = REAL_IMAGES // BATCH if trained_on_ours(model.card) else 0
    start(
        Task(
            KEY,
            name,
            lambda: examine_model(model, preset, known),
            preset.steps + 2 + predicted,
            name,
            progress=_progress,
            preview=_preview,
            keep=lambda index: False,
        )
    )


def trained_on_ours(card):
    """Return whether a model was trained on the subject and size of the images that come with the app."""
    flowers = image_picker.images()
    return card.size == flowers.images.shape[-1] and list(card.classes) == list(flowers.classes)


def examine_model(model, preset, known):
    """Generate images, measure predictions on real ones if the model was trained on such, and examine both.

    Yields States, then (Findings, image of the samples).
    """
    card, flowers = model.card, image_picker.images()
    first = None
    for state in generate(model, preset, range(IMAGES), card.labels_for(range(IMAGES))):
        first = state.x if first is None else first
        yield state
    real, errors = None, []
    if trained_on_ours(card):
        real, labels = to_signed(flowers.images[::4]), flowers.labels[::4]
        for rows in torch.arange(REAL_IMAGES).split(BATCH):
            x0, condition = model.compute.place(real[rows]), labels[rows].to(model.compute.device)
            seed, autocast = int(rows[0]), model.compute.autocast
            errors.append(prediction_errors(model.net, x0, condition, seed=seed, autocast=autocast))
            yield state
    sampled, noise, timesteps = state.x.cpu(), first.cpu(), preset.timesteps()
    measured = examine(known, sampled=sampled, start=noise, timesteps=timesteps, real=real, errors=errors)
    yield measured, grid(to_bytes(state.x.nan_to_num()), columns=4)


def _progress(job):
    if not job.latest:
        return WAITING
    is_sampling = isinstance(job.latest, State) and job.latest.t > 0
    return f"Sampling: timestep {job.latest.t}" if is_sampling else "Measuring"


def _preview(item):
    if isinstance(item, State):
        page = grid(to_bytes(item.x.nan_to_num()), columns=8)
        st.image(page, caption=f"Timestep {item.t}", alt=f"Noisy images at timestep {item.t}")
