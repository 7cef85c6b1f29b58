"""Tasks beside a page: how they start and end, what the session keeps, and how a failure is shown and logged."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest  # noqa: E402

from diffusion_edu.app.jobs import task as tasks  # noqa: E402
from diffusion_edu.app.jobs import worker  # noqa: E402
from diffusion_edu.app.jobs.worker import Job, sentence_of  # noqa: E402


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

    def unmade(job):
        raise ValueError("no chart of it")

    result = {"result": unmade} if st.session_state.get("unmade") else {}
    task = Task("counting", (count, bad), run, count + 1, request=f"up to {count}", **result)
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


@pytest.mark.parametrize(
    "problem",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 48 bytes\nmore"),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
)
def test_running_out_of_memory_is_logged_too(caplog, problem):
    def items():
        yield 1
        raise problem

    job = Job(items(), 2).start()
    end = time.monotonic() + 10
    while not job.finished and time.monotonic() < end:
        time.sleep(0.01)
    assert "fewer images" in job.problem and type(problem).__name__ in caplog.text


def test_a_job_ends_quietly_when_python_does(caplog, monkeypatch):
    def ended(turn):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    job = Job(iter(range(5)), 5)
    monkeypatch.setattr(worker, "WORKER", SimpleNamespace(submit=ended))
    job._take_turn()
    assert job.finished and job.done == 1 and not job.problem and not caplog.text


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (RuntimeError("a long\nstory"), "This could not be computed: a long"),
        (KeyError(), "This could not be computed: KeyError"),
    ],
)
def test_a_problem_is_one_line(problem, sentence):
    assert sentence_of(problem) == sentence


def test_a_result_that_cannot_be_made_is_one_sentence_too():
    app = until(opened(unmade=True), lambda app: app.error)
    assert [error.value for error in app.error] == ["This could not be computed: no chart of it"] and not app.exception


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets: `clock.now`, in seconds."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: clock.now, perf_counter=lambda: clock.now))
    return clock


def advance(job, clock, intervals):
    """Let a job finish one item after each of the intervals, in seconds."""
    for interval in intervals:
        clock.now += interval
        assert job._advance()
    return job


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([1.0] * 10, 1.0),  # alone
        ([30.0] * 3, 30.0),  # thirty others from the beginning
        ([0.5] * 10 + [15.0] * 2, 15.0),  # thirty others come after half of the items
        ([0.5] * 10 + [0.5 + k for k in range(10)], 9.0),  # one after the other comes
        ([15.0] * 4 + [0.5] * 40, 0.5),  # the others are gone
        ([20.0, *[0.1] * 300], 0.1),  # a late first turn
    ],
)
def test_the_time_left_follows_the_recent_speed(clock, intervals, expected):
    job = advance(Job(iter(range(1000)), 1000), clock, intervals)
    assert job.seconds_left / (1000 - job.done) == pytest.approx(expected, rel=0.3)


def test_waiting_for_a_turn_makes_the_time_left_longer(clock):
    job = Job(iter(range(20)), 20)
    assert advance(job, clock, [0.5]).seconds_left is None
    advance(job, clock, [0.5] * 9)
    clock.now += 12
    assert job.seconds_left == pytest.approx(120)
    job.total = 5  # a job that has more items than it was thought to have
    assert job.seconds_left == 0


def test_the_time_left_is_right_while_thirty_take_turns(clock):
    """The worker computes one item of each job in turn; the others come when the first has done six of its items."""
    first, others = Job(iter(range(20)), 20), [Job(iter(range(20)), 20) for _ in range(29)]
    said = {}
    for done in range(20):
        for job in [first, *others] if done >= 6 else [first]:
            clock.now += 0.3
            job._advance()
            if job is first:
                said[clock.now] = first.seconds_left
    late = [seconds / (clock.now - 29 * 0.3 - at) for at, seconds in list(said.items())[10:-1]]
    assert all(0.8 < ratio < 1.25 for ratio in late), late


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


@pytest.mark.parametrize(
    ("free", "side", "fits"), [(8e9, 64, True), (0.5e9, 64, True), (0.5e9, 1024, False), (8e9, 1024, True)]
)
def test_a_layer_that_does_not_fit_the_memory_is_refused_before_it_is_computed(monkeypatch, free, side, fits):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=free))
    layer, computed = torch.nn.Conv2d(1, 32, 1), []
    layer.register_forward_hook(lambda *given: computed.append(True))
    try:
        layer(torch.zeros(1, 1, side, side))
    except MemoryError as problem:
        assert "not enough memory" in sentence_of(problem)
    assert bool(computed) == fits


def test_a_job_stops_before_the_memory_is_full(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1e8))
    job = Job(iter("abc"), 3)
    job._take_turn()
    assert job.finished and not job.kept and "not enough memory" in job.problem
