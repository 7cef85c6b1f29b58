"""The frame of pages: sources are read once, plotly.js is served once, and a lesson is opened as it can be opened."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("streamlit")

from streamlit.runtime.scriptrunner import get_script_run_ctx  # noqa: E402

from diffusion_edu.app.common import layout  # noqa: E402
from diffusion_edu.app.common.source_code import read_once, source_of  # noqa: E402
from diffusion_edu.app.components import plotly_script  # noqa: E402


def test_a_source_is_read_once_and_by_one_thread_at_a_time():
    reading, calls = threading.Lock(), []

    def read(name):
        assert reading.acquire(blocking=False)
        calls.append(name)
        threading.Event().wait(0.01)
        reading.release()
        return f"source of {name}"

    once = read_once(read)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(once, ["a", "b"] * 20))
    assert found == ["source of a", "source of b"] * 20 and sorted(calls) == ["a", "b"]


def test_every_page_shows_the_source_that_python_has():
    assert source_of(layout.lesson).startswith("def lesson(name):")


def test_plotly_is_handed_over_once_and_belongs_to_no_session():
    added = []

    class Files:
        def add(self, path, kind, place):
            added.append((path, get_script_run_ctx(suppress_warning=True)))
            return "/media/plotly.js"

    files = Files()
    assert [plotly_script._served(files) for _ in range(3)] == 3 * ["/media/plotly.js"]
    assert added == [(str(plotly_script.PLOTLY_SCRIPT), None)]


@pytest.mark.parametrize(("installed", "words"), [(False, "`jupyter lab lessons/01"), (True, "`diffusion-edu lab`")])
def test_a_lesson_is_opened_as_it_can_be_opened_here(installed, words, monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(layout.st, "caption", said.append)
    if installed:
        monkeypatch.setattr(layout, "ROOT", tmp_path)
    layout.lesson("01_adding_noise")
    assert words in said[0]
