"""The frame of pages: sources are read once, plotly.js is served once, and pages and lessons know each other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("streamlit")

from onscreen import healthy, opened  # noqa: E402
from streamlit.runtime.scriptrunner import get_script_run_ctx  # noqa: E402

from diffusion_edu.app.common import layout  # noqa: E402
from diffusion_edu.app.common.source_code import read_once, source_of  # noqa: E402
from diffusion_edu.app.components import plotly_script  # noqa: E402
from diffusion_edu.paths import LESSONS  # noqa: E402


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
    assert source_of(layout.show_lessons).startswith("def show_lessons(names):")


def test_plotly_is_handed_over_once_and_belongs_to_no_session():
    added = []

    class Files:
        def add(self, path, kind, place):
            added.append((path, get_script_run_ctx(suppress_warning=True)))
            return "/media/plotly.js"

    files = Files()
    assert [plotly_script._served(files) for _ in range(3)] == 3 * ["/media/plotly.js"]
    assert added == [(str(plotly_script.PLOTLY_SCRIPT), None)]


def test_every_lesson_is_named_on_a_page_and_every_page_names_lessons():
    names = {name for name, _, _ in layout.PAGES.values()} - {"home"}
    assert layout.LESSONS.keys() == names
    assert {lesson for lessons in layout.LESSONS.values() for lesson in lessons} == {
        source.stem for source in LESSONS.glob("source/*.py")
    }


def test_a_page_says_which_lessons_build_what_it_shows():
    app = healthy(opened("pages/4_Compare.py"))
    assert [caption.value for caption in app.caption if "Build it yourself" in caption.value] == [
        "Build it yourself in the course: `04_ddpm.ipynb`, `05_ddim_and_fast_solvers.ipynb`. "
        "The command `diffusion-edu lab` opens it."
    ]
