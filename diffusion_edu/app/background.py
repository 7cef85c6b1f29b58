"""Work that goes on beside a page: begun by a button, watched by a fragment, kept when it is over. Every page has a key of its own."""

import streamlit as st

from diffusion_edu.app.jobs import Job


def begin(key, items, total, keep=lambda index: True):
    """Start to consume an iterator of about `total` items in the background; work still under way under this key is cancelled."""
    cancel(key)
    st.session_state[_of(key)] = Job(items, total, keep).start()


def running(key):
    """Return the Job under way, or None."""
    return st.session_state.get(_of(key))


def cancel(key):
    """Stop the work under way, if there is any."""
    if job := st.session_state.pop(_of(key), None):
        job.cancel()


def problem(key):
    """Show, once, the sentence with which the last work under this key ended, if it could not be done."""
    if words := st.session_state.pop(f"problem:{key}", ""):
        st.error(words)


@st.fragment(run_every=0.4)
def watch(key, says, show, over):
    """Show the work while it is under way: a bar with the words says(job), Cancel, and show(item) of its latest item; in the end call over(job).

    over is not called for work that was cancelled or has failed. The whole page runs anew afterwards.
    """
    job = running(key)
    if job is None:
        return
    job.look()
    if job.finished:
        if job.problem:
            st.session_state[f"problem:{key}"] = job.problem
        elif not job.cancelled:
            over(job)
        st.session_state.pop(_of(key), None)
        st.rerun()
    bar, button = st.columns([5, 1], vertical_alignment="bottom")
    left = f", about {job.seconds_left:.0f} s left" if job.seconds_left is not None else ""
    bar.progress(job.share, says(job) + left)
    if button.button("Cancel", icon=":material/stop_circle:", width="stretch", key=f"cancel:{key}"):
        cancel(key)
        st.rerun()
    if job.latest is not None:
        show(job.latest)


def _of(key):
    return f"job:{key}"
