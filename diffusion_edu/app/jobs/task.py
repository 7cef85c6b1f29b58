"""Work beside a page: a Task says what to compute, the worker computes it, and the session keeps the result.

A click on any widget ends the script of a page, so a page never computes for long itself. It describes the work as a
Task:

    task = Task(
        key="sampling",                                    # one per panel: names its task, result and failure
        id=request.settings,                               # equal for equal choices
        request=request,                                   # kept beside the result
        models=["flowers_attention"],                      # loaded by name, and handed to run
        run=lambda model: generate(model, preset, seeds),  # an iterator
        total=21,                                          # its number of items, for the progress bar
        progress=lambda job: f"Step {job.done} of 20",     # the text of the progress bar
        preview=lambda state: show_state(state),           # shows the latest item while the task runs
        result=lambda job: Recording(request, job.kept),   # is made in the page's script when the Job has ended
    )

A page that computes without a click calls `keep_done(task)`. A page with a button calls `start(task)` on the click, and
then shows one of both:

    if watch(KEY):                                         # shows the progress, the preview and Cancel
        ...
    elif finished := done(KEY):
        show(finished.request, finished.result)

A failure is logged with its traceback (logger "diffusion_edu.app"); the person sees one sentence. Results belong to
the page (see `state.own`); the names of their keys are known to this package only: tests use `started_key` and
`done_key`.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import streamlit as st

from diffusion_edu.app.common import models as installed
from diffusion_edu.app.common.layout import show_images
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.state import guarded, own
from diffusion_edu.app.jobs.progress import preview_progress, progress_text
from diffusion_edu.app.jobs.worker import Job, sentence_of
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid

LOG = logging.getLogger("diffusion_edu.app")


@dataclass(frozen=True, eq=False)
class Task:
    """Work that a page wants done, see the example above.

    keep(index) says which items the Job keeps in `job.kept`; the latest item is always in `job.latest`. load finds a
    model by its name and raises Unusable; a name that is None is handed to run as None.
    """

    key: str
    id: Any  # compared with ==
    run: Callable[..., Iterator]
    total: int
    request: Any = None
    models: Sequence[str | None] = ()
    progress: Callable[[Job], str] = progress_text
    preview: Callable[[Any], None] = preview_progress
    result: Callable[[Job], Any] = lambda job: job.latest
    keep: Callable[[int], bool] = lambda index: True
    load: Callable[[str], Any] | None = None


class Done(NamedTuple):
    """A finished task: its request, its result, the seconds of computing, and its id."""

    request: Any
    result: Any
    seconds: float
    id: Any


def start(task, patience=0.0):
    """Start a task in the background; one that runs under the same key is cancelled. Returns whether it could be
    started.

    Shows one sentence if a model cannot be used or the choices do not go together. A task that ends within `patience`
    seconds is finished in this run of the page.
    """
    cancel(task.key)
    for key in (started_key(task.key), _failed_key(task.key)):
        st.session_state.pop(key, None)
    try:
        items = task.run(*(name and (task.load or installed.get)(name) for name in task.models))
    except (Unusable, ValueError) as problem:
        LOG.info("%s was refused", task.key, exc_info=True)
        st.error(plain(problem))
        return False
    job = Job(items, task.total, task.keep).start()
    values = {started_key(task.key): task.id, _job_key(task.key): job, _task_key(task.key): task}
    st.session_state.update(values)
    end = time.monotonic() + patience
    while not job.finished and time.monotonic() < end:
        time.sleep(0.01)
    if patience and job.finished:
        _finish(task, job)
    return True


def running(key):
    """Return the Task that runs under this key, or None."""
    return st.session_state[_task_key(key)] if _job_key(key) in st.session_state else None


def started(key):
    """Return the id of the task that was started last under this key, or None."""
    return st.session_state.get(started_key(key))


def done(key):
    """Return the Done of the last task that was finished under this key, or None."""
    return st.session_state.get(done_key(key))


def cancel(key):
    """Stop the task that runs under this key, if there is one."""
    if job := st.session_state.pop(_job_key(key), None):
        job.cancel()


def watch(key, quiet=False):
    """Show how far the task under this key is, unless quiet its preview, and Cancel; or, if it failed, why. Returns the
    Task if it runs.

    The page runs again when the task is finished.
    """
    if sentence := st.session_state.get(_failed_key(key)):
        st.error(plain(sentence))
    if task := running(key):
        _watch(task, quiet)
    return task


def keep_done(task, again="Continue", patience=0.0):
    """Start a task without a click where it is not done yet, and return the Done of the last one that is finished, or
    None.

    A task that was cancelled or has failed waits for a click on a button with the words `again`. While an earlier
    result is on the page, there is no preview. patience: see start.
    """
    if not _is_done(task) and started(task.key) != task.id and not start(task, patience):
        return done(task.key)
    if _is_done(task):
        cancel(task.key)
        st.session_state[started_key(task.key)] = task.id
        return done(task.key)
    if not watch(task.key, quiet=done(task.key) is not None) and st.button(
        again, type="primary", icon=":material/play_circle:", key=own(f"again:{task.key}")
    ):
        start(task)
        st.rerun()
    return done(task.key)


def _is_done(task):
    return done(task.key) is not None and done(task.key).id == task.id


@st.fragment(run_every=0.4)
def _watch(task, quiet):
    with guarded("watch"):
        _show_progress(task, quiet)


def _show_progress(task, quiet):
    job = st.session_state.get(_job_key(task.key))
    if job is None or running(task.key) is not task:
        return
    job.look()
    if job.finished:
        _finish(task, job)
        st.rerun()
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    text = task.progress(job)
    left = f", about {job.seconds_left:.0f} s left" if job.seconds_left is not None else ""
    row.progress(job.fraction, plain(text + left))
    if row.button("Cancel", icon=":material/stop_circle:", key=own(f"cancel:{task.key}")):
        cancel(task.key)
        st.rerun()
    if job.latest is not None and not quiet:
        task.preview(job.latest)


def _finish(task, job):
    """Keep the result of a finished Job, or the sentence that says why there is none."""
    if not job.problem and not job.cancelled:
        try:
            st.session_state[done_key(task.key)] = Done(task.request, task.result(job), job.seconds, task.id)
        except Exception as problem:
            job.problem = sentence_of(problem)
    if job.problem:
        st.session_state[_failed_key(task.key)] = job.problem
    st.session_state.pop(_job_key(task.key), None)


def animation_task(request, load=None):
    """Make the Task of a request whose result is (animation, caption).

    A request has a key, an id, the names of its `models`, run(*models), `total`, preview(item) -> (images in [-1, 1],
    caption) pairs, animation(items), caption(items) and, if not all items are kept, keep(index).
    """

    def preview(item):
        shown = ((grid(to_bytes(x), zoom=2, columns=len(x)), caption) for x, caption in request.preview(item))
        show_images((page, plain(caption), caption) for page, caption in shown)

    def result(job):
        return request.animation(job.kept), f"{request.caption(job.kept)} Computed in {job.seconds:.1f} s."

    return Task(
        request.key,
        request.id,
        request.run,
        request.total,
        request,
        request.models,
        lambda job: f"{job.done} of {job.total} timesteps",
        preview,
        result,
        getattr(request, "keep", lambda index: True),
        load,
    )


def started_key(key):
    """The key in the session of the id of the task that was started last."""
    return own(f"begun:{key}")


def done_key(key):
    """The key in the session of the last finished task."""
    return own(f"done:{key}")


def _job_key(key):
    return own(f"job:{key}")


def _task_key(key):
    return own(f"task:{key}")


def _failed_key(key):
    return own(f"problem:{key}")
