"""What is sampled beside a page and then shown: begun by itself, watched, and kept until something else is asked for.

A task has a key, an id that is the same for the same choices, the names of the models that it needs, draw(*models), an iterator of about
`total` items, under_way(item) that gives (images, words) to look at, animation(items) and words(items); if not all items are to be kept, keep(index).
"""

from functools import partial

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import show_images
from diffusion_edu.app.jobs import session
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid


def keep_up(task, get=models.get):
    """See to it that the task is done, without a click; returns (task, animation, words) of the last one that was, or None. get finds a model by name."""
    return session.keep_up(task.key, task, partial(_begin, get), _watch, "Go on")


def _begin(get, task):
    """Start to draw in the background. Shows one sentence if a model cannot be used."""
    try:
        items = task.draw(*(get(name) for name in task.needs))
    except (Unusable, ValueError) as problem:
        session.cancel(task.key)
        st.error(str(problem))
        return
    session.begin(task.key, items, task.total, getattr(task, "keep", lambda index: True), wanted=task.id)


def _watch(task, quiet):
    """Show how far the drawing is, and unless quiet the predictions under way; when it is over, keep the animation and show the page anew."""

    def show(item):
        show_images(
            (grid(to_bytes(images), zoom=2, columns=len(images)), words, words)
            for images, words in task.under_way(item)
        )

    def over(job):
        st.session_state[f"done:{task.key}"] = (
            task,
            task.animation(job.kept),
            f"{task.words(job.kept)} Computed in {job.seconds:.1f} s.",
        )

    session.watch(
        task.key, lambda job: f"{job.done} of {job.total} moments", (lambda item: None) if quiet else show, over
    )
