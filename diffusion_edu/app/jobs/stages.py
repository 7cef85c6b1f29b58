"""Work beside a page that says in words what it is doing, and may end with a sentence in the place of what was wanted."""

from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from diffusion_edu.app.jobs import session
from diffusion_edu.figures.grids import grid


@dataclass(frozen=True)
class Stage:
    """What is being done, how many items there will be in all, and the images under way, uint8 (n, 3, h, w), if there are any."""

    words: str
    total: int
    images: Tensor | None = None


def begin(key, wanted, items, total):
    """Start in the background on items of about `total`: Stages, and what came of it at last; wanted has an id."""
    session.begin(key, or_words(items), total, lambda index: False, wanted=wanted.id)
    st.session_state[f"asked:{key}"] = wanted


def or_words(items):
    """Yield the items; where one cannot be had, the sentence that says why."""
    try:
        yield from items
    except (ValueError, OSError) as problem:
        yield str(problem)


def watch(key):
    """Show how far it is, and the images under way; when it is over, "done:KEY" holds (what was wanted, what came of it)."""

    def says(job):
        if isinstance(job.latest, Stage):
            job.total = job.latest.total
        return job.latest.words if isinstance(job.latest, Stage) else "Waiting for a turn"

    def under_way(item):
        if isinstance(item, Stage) and item.images is not None:
            sheet(item.images, "Under way")

    def over(job):
        st.session_state[f"done:{key}"] = st.session_state[f"asked:{key}"], job.latest

    session.watch(key, says, under_way, over)


def sheet(images, words):
    """Show images uint8 (n, 3, h, w) in rows."""
    page = grid(images, columns=12 if images.shape[-1] <= 64 else 6)
    st.image(page, caption=words, alt=f"{len(images)} samples")


def done(key):
    """Return (what was wanted, what came of it) of the last that was done, or None; a sentence in its place is shown."""
    found = st.session_state.get(f"done:{key}")
    if found and isinstance(found[1], str):
        st.error(found[1])
        return None
    return found
