"""What belongs to which page: every key in the session begins with the name of its page.

So no page sees a setting or a result of another, and a page can be started afresh by itself.
"""

import logging
from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps

import streamlit as st

LOG = logging.getLogger("diffusion_edu.app")
PAGE = "page"  # the key of the name of the page on screen
BROKEN = "broken"  # the key of a mark: a callback has failed
AFRESH = "afresh"  # the key of a mark: in this run all controls of the page return to their defaults
FAILED = (
    "Something on this page went wrong, and it was written to the log of the app. "
    "Start the page afresh; if that doesn't help, tell the person who runs this app."
)


def own(key: str) -> str:
    """Return the key of this page in the session, which is also its name in the link: "sampling.steps"."""
    page = st.session_state.get(PAGE)
    return f"{page}.{key}" if page else key


def set_controls(**values) -> None:
    """Set controls of this page, by their keys: for callbacks, and before the controls are shown."""
    st.session_state.update({own(key): value for key, value in values.items()})


@contextmanager
def guarded(place: str = ""):
    """Run a page, or a fragment of it: a failure goes to the log, and the person sees one sentence and a way out.

    `place` names a fragment. Streamlit's own control flow (stop, rerun, switch_page) passes.
    """
    try:
        if place and AFRESH in st.session_state:
            st.rerun()  # the whole page
        if st.session_state.pop(BROKEN, False):
            _say_failed("callback")
        yield
    except Exception:
        LOG.exception("Page %s failed", st.session_state.get(PAGE))
        _say_failed(place)


def callback(function: Callable) -> Callable:
    """Guard a callback of a control: a failure goes to the log, and the page says so where it runs next."""

    @wraps(function)
    def safe(*args, **options):
        try:
            function(*args, **options)
        except Exception:
            LOG.exception("A callback of page %s failed", st.session_state.get(PAGE))
            st.session_state[BROKEN] = True

    return safe


def _say_failed(place):
    st.error(FAILED)
    st.button("Start this page afresh", icon=":material/refresh:", on_click=start_afresh, key=own(f"afresh {place}"))


def start_afresh() -> None:
    """Forget what is the page's own: its settings, here and in the link, and its results; its work is cancelled."""
    for key in [key for key in st.session_state if str(key).startswith(own(""))]:
        cancel = getattr(st.session_state.pop(key), "cancel", None)
        if cancel is not None:
            cancel()
    st.session_state[AFRESH] = True
