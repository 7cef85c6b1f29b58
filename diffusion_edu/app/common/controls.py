"""Every control of every page: its key is the page's own, it is part of the link, and its value is one that it has.

    steps = control(st.slider, "Steps", 1, 100, 20, key="steps")

shows st.slider("Steps", 1, 100, 20) with the key "sampling.steps" on the page "sampling"; the link holds it under the
same name. A value from a link, from the session, or of other settings is fitted before Streamlit sees it: the
nearest that the control has, or its default.
"""

from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from diffusion_edu.app.common.accepted import accepted
from diffusion_edu.app.common.state import AFRESH, own


def control(widget, *args, key, linked=True, **options):
    """Show a control and return its value.

    `widget` is a function of Streamlit, such as st.slider or column.selectbox; the arguments are its own. `linked` says
    whether the value is part of the link to the page. Files, photos and buttons have no value to fit: theirs is the key
    `own(...)` alone.
    """
    key, known = own(key), accepted(widget.__name__, args, options)
    if st.session_state.get(AFRESH):
        set_link(key, [])
        st.session_state[key] = known.default
    else:
        if linked:
            _fit_link(key, known)
        _fit_session(key, known)
    return widget(*args, key=key, bind="query-params" if linked else None, **options)


def _fit_session(key, known):
    """Replace a value in the session that the control does not have."""
    if key not in st.session_state:
        return
    value = st.session_state[key]
    try:
        fitted = known.fit(value)
    except (TypeError, ValueError, OverflowError):
        fitted = known.default
    if fitted != value or type(fitted) is not type(value):
        st.session_state[key] = fitted


def _fit_link(key, known):
    """Replace a value in the link that the control does not have, or take it out."""
    given = st.query_params.get_all(key)
    if not given:
        return
    try:
        fitted = known.write(known.read(given))
    except (TypeError, ValueError, OverflowError):
        fitted = []
    if [*map(_plain, fitted)] != [*map(_plain, given)]:
        set_link(key, fitted)


def _plain(text):
    """Return a text as a number if it is one: "1" and "1.0" are the same."""
    try:
        return float(text)
    except ValueError:
        return text


def set_link(key, values):
    """Write the values of a control into the link: in the browser, and where Streamlit will read them for this run."""
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as link:
        if values:
            link.set_corrected_value(key, values if len(values) > 1 else values[0], "string_array_value")
        elif not link.remove_param(key):
            return
        everything = {name: link.get_all(name) for name in link}
        link.set_initial_query_params(urlencode(everything, doseq=True))
