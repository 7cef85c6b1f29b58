"""Tasks beside a page: how they start and end, what the session keeps, and how a failure is shown and logged."""

import time
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest  # noqa: E402

from diffusion_edu.app.jobs import task as tasks  # noqa: E402
from diffusion_edu.app.jobs.worker import Job  # noqa: E402


def page():
    """A page with one task: it counts up to `count`, and fails at the item `bad`."""
    import streamlit as st

    from diffusion_edu.app.jobs.progress import Progress
    from diffusion_edu.app.jobs.task import Task, keep_done

    count, bad = st.session_state.get("count", 3), st.session_state.get("bad", 0)

    def run():
        for k in range(1, count + 1):
            if k == bad:
                raise ValueError(f"item {k} is bad")
            yield Progress(f"counted {k}", count)
        yield count

    def refused():
        raise ValueError("these choices do not go together")

    run = refused if st.session_state.get("refuse") else run
    task = Task("counting", (count, bad), run, count + 1, request=f"up to {count}")
    if finished := keep_done(task, "Try again", patience=st.session_state.get("patience", 0)):
        st.markdown(f"{finished.request}: {finished.result}")


def opened(**state):
    app = AppTest.from_function(page, default_timeout=20)
    for name, value in state.items():
        app.session_state[name] = value
    return app.run()


def until(app, reached, seconds=10):
    end = time.monotonic() + seconds
    while not reached(app) and time.monotonic() < end:
        time.sleep(0.05)
        app.run()
    assert reached(app)
    return app


def shows(words):
    return lambda app: words in [markdown.value for markdown in app.markdown]


def test_a_task_starts_without_a_click_and_its_result_stays():
    app = until(opened(), shows("up to 3: 3"))
    found = app.session_state[tasks.done_key("counting")]
    app.run()
    assert app.session_state[tasks.done_key("counting")] is found and found.id == (3, 0)


def test_another_id_starts_another_task_and_the_earlier_result_stays_meanwhile():
    app = until(opened(), shows("up to 3: 3"))
    app.session_state["count"] = 4
    app.run()
    assert shows("up to 3: 3")(app) or shows("up to 4: 4")(app)
    until(app, shows("up to 4: 4"))


def test_a_short_task_is_finished_in_the_run_that_starts_it():
    assert shows("up to 3: 3")(opened(patience=5))


def test_a_failure_is_one_sentence_with_a_button_and_its_traceback_is_in_the_log(caplog):
    app = until(opened(bad=2), lambda app: app.error)
    assert [error.value for error in app.error] == ["This could not be computed: item 2 is bad"]
    assert "Traceback" in caplog.text and 'raise ValueError(f"item {k} is bad")' in caplog.text
    assert app.button(key="again:counting").label == "Try again" and not app.exception
    app.button(key="again:counting").click().run()
    until(app, lambda app: app.error)
    app.session_state["bad"] = 0
    until(app, shows("up to 3: 3"))
    assert not app.error


def test_choices_that_do_not_go_together_are_refused_in_one_sentence(caplog, monkeypatch):
    monkeypatch.setattr(tasks.LOG, "isEnabledFor", lambda importance: True)
    app = opened(refuse=True)
    assert [error.value for error in app.error] == ["these choices do not go together"] and not app.exception
    assert "Traceback" in caplog.text


def test_running_out_of_memory_is_logged_too(caplog):
    def items():
        yield 1
        raise MemoryError

    job = Job(items(), 2).start()
    end = time.monotonic() + 10
    while not job.finished and time.monotonic() < end:
        time.sleep(0.01)
    assert "fewer images" in job.problem and "MemoryError" in caplog.text


def test_only_the_package_of_jobs_knows_the_keys_of_tasks_in_the_session():
    root = Path(__file__).parents[2]
    files = [*root.glob("pages/*.py"), *root.glob("diffusion_edu/app/**/*.py")]
    keys = [make("").rstrip() for make in (tasks.started_key, tasks.done_key, tasks._job_key, tasks._failed_key)]
    strangers = [
        (file.name, key)
        for file in files
        if file.parent.name != "jobs"
        for key in keys
        if f'"{key}' in file.read_text(encoding="utf-8")
    ]
    assert len(files) > 50 and strangers == []
