"""A person at the app under Streamlit's own test: opens a page by a link, waits until its work is done, looks at what the player was given."""

import json
import time

import pytest

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
HOME = "streamlit_app.py"
WORKS = (
    "theatre",
    "bench",
    "once",
    "contest",
    "between",
    "playground",
    "playground walk",
    "cold",
    "museum",
    "clinic",
    "sweep",
    "vectors",
    "experts",
    "studio change",
    "studio fill",
    "studio sketch",
    "studio enlarge",
    "typed",
    "typed larger",
    "words heard",
    "words gone",
    "two prompts",
    "prompt vectors",
    "prompt scales",
    "latents walk",
    "nearest",
    "closely",
    "dataset",
)  # names of background work


def opened(page, **link):
    app = AppTest.from_file(f"../{HOME}", default_timeout=120)
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    if page != HOME:
        app.switch_page(page).run()
    return app


def healthy(app):
    assert not app.exception, [problem.value for problem in app.exception]
    return app


def finished(app, seconds=240):
    """Run the page again and again, as its polling fragment would, until no background work is under way."""
    end = time.monotonic() + seconds
    while any(f"job:{work}" in app.session_state for work in WORKS) and time.monotonic() < end:
        time.sleep(0.05)
        healthy(app.run())
    return healthy(app)


def film(app):
    """What the player was given."""
    return json.loads(app.get("bidi_component")[0].proto.json)
