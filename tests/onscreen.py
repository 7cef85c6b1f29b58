"""Helpers for Streamlit's own test: open a page by a link, wait until its work is done, read the data of the player."""

import json
import time
from functools import cache

import pytest

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
from streamlit.components.v2 import manifest_scanner as scanner  # noqa: E402

HOME = "streamlit_app.py"
scanner.scan_component_manifests = cache(scanner.scan_component_manifests)  # reads all packages, once for each AppTest


def name_of(page):
    """The first part of the keys of a page, and of its parameters in links."""
    from diffusion_edu.app.common.layout import PAGES

    return PAGES[page][0]


def opened(page, session=(), **link):
    """Open a page by a link, whose parameters are given without the name of the page; session holds earlier session
    values as pairs.
    """
    app = AppTest.from_file(f"../{HOME}", default_timeout=120)
    for name, value in session:
        app.session_state[name] = value
    for name, value in link.items():
        app.query_params[f"{name_of(page)}.{name}"] = value
    return (app if page == HOME else app.switch_page(page)).run()


def healthy(app):
    from diffusion_edu.app.common.state import FAILED

    assert not app.exception, [problem.value for problem in app.exception]
    assert FAILED not in [problem.value for problem in app.error], "see the log"
    return app


def running_jobs(app):
    """The jobs that run beside the page."""
    return [job for name, job in app.session_state.items() if ".job:" in f".{name}"]


def finished(app, seconds=240):
    """Run the page again, as its fragment does, until no job is left."""
    end = time.monotonic() + seconds
    while jobs := running_jobs(app):
        while not any(job.latest or job.finished for job in jobs) and time.monotonic() < end:
            time.sleep(0.01)
        healthy(app.run())
        while not all(job.finished for job in jobs) and time.monotonic() < end:
            time.sleep(0.01)
        healthy(app.run())
        assert time.monotonic() < end, "The work beside the page did not end."
    return healthy(app)


def animation(app):
    """The data of the first component, usually the player."""
    return json.loads(app.get("bidi_component")[0].proto.json)


def plotly_figures(app):
    """List the plotly figures of a page, as plotly's JSON."""
    return [json.loads(element.proto.spec) for element in app.get("plotly_chart")]


def charts(app):
    """List the plotly charts of a page: title, and label, x, y and dash of each curve."""
    found = []
    for spec in plotly_figures(app):
        curves = [
            {"label": trace["name"], "x": trace["x"], "y": trace["y"], "dash": trace["line"]["dash"]}
            for trace in spec["data"]
        ]
        found.append({"title": spec["layout"]["title"]["text"], "series": curves})
    return found
