"""Work that goes on beside a page: begun by a button, watched by a fragment, kept when it is over. Every page has a key of its own."""

import streamlit as st

from diffusion_edu.app.jobs.worker import Job


def begin(key, items, total, keep=lambda index: True, wanted=None):
    """Start to consume an iterator of about `total` items in the background; work still under way under this key is cancelled.

    wanted names what it is for, where a page begins by itself: see keep_up.
    """
    cancel(key)
    st.session_state[_of(key)] = Job(items, total, keep).start()
    st.session_state[f"begun:{key}"] = wanted


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
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    left = f", about {job.seconds_left:.0f} s left" if job.seconds_left is not None else ""
    row.progress(job.fraction, says(job) + left)
    if row.button("Cancel", icon=":material/stop_circle:", key=f"cancel:{key}"):
        cancel(key)
        st.rerun()
    if job.latest is not None:
        show(job.latest)


def keep_up(key, wanted, begin, watch, words):
    """See to it, without a click, that what is wanted, named by its id, is done; returns (what it was, what came of it, ...) of the last that was.

    begin(wanted) starts it under this key, watch(wanted, quiet) shows how far it is, and puts that tuple into the session under
    "done:KEY" when it is over. After Cancel a button with these words begins again.
    """
    done = st.session_state.get(f"done:{key}")
    if done and done[0].id == wanted.id:
        cancel(key)
        st.session_state[f"begun:{key}"] = wanted.id
        return done
    if st.session_state.get(f"begun:{key}") != wanted.id:
        begin(wanted)
    problem(key)
    if running(key):
        watch(wanted, quiet=done is not None)
    elif st.session_state.get(f"begun:{key}") == wanted.id and st.button(
        words, type="primary", icon=":material/play_circle:"
    ):
        begin(wanted)
        st.rerun()
    return done


def _of(key):
    return f"job:{key}"
