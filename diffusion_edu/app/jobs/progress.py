"""What a page shows while a task runs, unless the task says otherwise: a text, and images so far."""

from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from diffusion_edu.figures.grids import grid

WAITING = "Waiting for a turn"


@dataclass(frozen=True)
class Progress:
    """An item that only reports progress: a text, the number of items in all, and images so far, uint8 (n, 3, h, w), if
    any.
    """

    text: str
    total: int
    images: Tensor | None = None


def progress_text(job):
    """The default text of the progress bar: that of the latest Progress, else how many items are done."""
    if job.latest is None:
        return WAITING
    if isinstance(job.latest, Progress):
        job.total = job.latest.total
        return job.latest.text
    return f"{job.done} of {job.total}"


def preview_progress(item):
    """The default preview: the images of a Progress."""
    if isinstance(item, Progress) and item.images is not None:
        show_sheet(item.images, "So far")


def show_sheet(images, caption):
    """Show images uint8 (n, 3, h, w) in rows."""
    st.image(grid(images, columns=12 if images.shape[-1] <= 64 else 6), caption=caption, alt=f"{len(images)} images")
