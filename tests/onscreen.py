"""A person at the app under Streamlit's own test: opens a page by a link, waits until its work is done, looks at what the player was given."""

import json
import time

import pytest

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
HOME = "streamlit_app.py"


def opened(page, session=(), **link):
    """Open a page by a link; session may hold what was there before, as pairs."""
    app = AppTest.from_file(f"../{HOME}", default_timeout=120)
    for name, value in session:
        app.session_state[name] = value
    for name, value in link.items():
        app.query_params[name] = value
    return (app if page == HOME else app.switch_page(page)).run()


def healthy(app):
    assert not app.exception, [problem.value for problem in app.exception]
    return app


def under_way(app):
    """The work that goes on beside the page."""
    return [job for name, job in app.session_state.items() if name.startswith("job:")]


def finished(app, seconds=240):
    """Look at the page as its polling fragment would, while work is under way and when it is over, until there is none."""
    end = time.monotonic() + seconds
    while jobs := under_way(app):
        while not any(job.latest or job.finished for job in jobs) and time.monotonic() < end:
            time.sleep(0.01)
        healthy(app.run())
        while not all(job.finished for job in jobs) and time.monotonic() < end:
            time.sleep(0.01)
        healthy(app.run())
        assert time.monotonic() < end, "Work beside the page did not come to an end."
    return healthy(app)


def animation(app):
    """What the player was given."""
    return json.loads(app.get("bidi_component")[0].proto.json)
