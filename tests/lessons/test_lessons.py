"""Every lesson runs as it is and solved, both notebooks agree, and a check survives whatever it is handed."""

import contextlib
import re
import sys
import threading
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
LESSONS = ROOT / "lessons"
sys.path.insert(0, str(LESSONS))

import checks  # noqa: E402 - found beside the notebooks, as the notebooks find it
from checks.exercise import Exercise, Mistake, Property, grade  # noqa: E402
from checks.guard import within  # noqa: E402

LONGEST = 90  # seconds that a cell may take
NAMES = sorted(path.stem for path in LESSONS.glob("*.ipynb"))
SUM = Exercise(
    draw=lambda random: (torch.rand(3, generator=random), torch.rand(3, generator=random)),
    answer=lambda a, b: a + b,
    means="Sums are sums.",
    mistakes=(Mistake("You subtracted.", lambda a, b: a - b),),
    properties=(Property("A sum of positive numbers is positive.", lambda result, a, b: bool((result > 0).all())),),
    seconds=0.3,
)


def both(name):
    """The lesson as students get it, and solved."""
    return [nbformat.read(folder / f"{name}.ipynb", as_version=4) for folder in (LESSONS, LESSONS / "solutions")]


def is_answer(cell):
    return "exercise" in cell.metadata.get("tags", [])


def verdicts(notebook):
    """What the checks of an executed notebook said, as plain text."""
    said = [
        output["data"]["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    return [text for text in said if text[0] in "✓✗○"]


def test_there_are_lessons_to_run():
    assert "01_adding_noise" in NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("solved", "folder", "opening"),
    [(False, LESSONS, "○ Not answered yet."), (True, LESSONS / "solutions", "✓ Right.")],
)
def test_a_lesson_runs_from_top_to_bottom(name, solved, folder, opening, monkeypatch):
    if solved:
        monkeypatch.setenv("LESSON_STRICT", "1")
    notebook = both(name)[solved]
    NotebookClient(notebook, timeout=LONGEST, resources={"metadata": {"path": str(folder)}}).execute()
    number = name[:2]
    expected = import_module(f"checks.lesson_{number}").EXERCISES, import_module(f"checks.quiz_{number}").QUESTIONS
    assert len(verdicts(notebook)) == sum(map(len, expected))
    assert all(text.startswith(opening) for text in verdicts(notebook)), verdicts(notebook)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", [ROOT, LESSONS, LESSONS / "solutions"], ids=lambda folder: folder.name)
def test_the_first_cell_finds_library_and_checks_from_every_folder(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    monkeypatch.setattr("importlib.util.find_spec", lambda package: True)
    exec(next(cell.source for cell in both(name)[0].cells if cell.cell_type == "code"), {})
    assert sys.path == [str(LESSONS), str(ROOT), "elsewhere"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("missing", ["", "torch", "matplotlib", "diffusion_edu"])
def test_the_first_cell_says_in_one_sentence_what_to_do(name, missing, monkeypatch, tmp_path):
    """Jupyter was started in a folder without lessons, or by a Python that lacks a package."""
    (tmp_path / "checks").mkdir()  # of somebody else
    monkeypatch.chdir(LESSONS if missing else tmp_path)
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None if package == missing else True)
    with pytest.raises(SystemExit, match=r"^[^\n]+: start Jupyter [^\n]+\.$") as end:
        exec(next(cell.source for cell in both(name)[0].cells if cell.cell_type == "code"), {})
    assert (f"has no {missing}" if missing else f"No lessons are in {tmp_path}") in end.value.code


@pytest.mark.parametrize("name", NAMES)
def test_student_and_solution_differ_in_the_answers_and_nowhere_else(name):
    student, solved = both(name)
    assert [cell.id for cell in student.cells] == [cell.id for cell in solved.cells]
    assert student.metadata == solved.metadata and student.metadata.kernelspec.name == "python3"
    for one, other in zip(student.cells, solved.cells, strict=True):
        assert is_answer(one) == is_answer(other) and one.metadata == other.metadata
        assert (one.source == other.source) != is_answer(one), one.id
        assert not one.get("outputs") and not one.get("execution_count") and not other.get("outputs")


@pytest.mark.parametrize("name", NAMES)
def test_every_question_offers_what_its_replies_answer(name):
    student, _ = both(name)
    text = "\n".join(cell.source for cell in student.cells if cell.cell_type == "markdown")
    for key, question in import_module(f"checks.quiz_{name[:2]}").QUESTIONS.items():
        block = re.search(rf"\*\*Question {key[-1]}\.\*\*.*?\n\n((?:- [a-z]\) .*\n?)+)", text)
        assert re.findall(r"^- ([a-z])\)", block[1], re.MULTILINE) == list(question.replies)
        for letter in question.replies:
            assert checks.quiz(key, f" {letter.upper()} ").status == ("right" if letter == question.right else "wrong")


@pytest.mark.parametrize("name", NAMES)
def test_every_image_of_a_lesson_has_a_caption_and_words(name):
    sources = [cell.source for cell in both(name)[1].cells if cell.cell_type == "code"]
    assert any("Captioned(" in source for source in sources)
    assert all(source.count("Captioned(") == source.count("caption=") == source.count("alt=") for source in sources)


def misses_a_loop_bound(a, b):
    while True:
        print("never", end="")


def swallows_exceptions(a, b):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def changes_its_input(a, b):
    a += b
    return a


def leaves(a, b):
    sys.exit()


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (lambda a, b: b + a, "right", "Sums are sums."),
        (lambda a, b: (a + b).numpy(), "right", "Sums"),
        (lambda a, b: [x + y for x, y in zip(a, b, strict=True)], "right", "Sums"),
        (lambda a, b: a - b, "wrong", "You subtracted."),
        (lambda a, b: -a - b, "wrong", "positive"),
        (lambda a, b: a + 2 * b, "wrong", "agree in 0 of"),
        (..., "open", "dots"),
        (None, "open", "dots"),
        (lambda a, b: ..., "open", "return"),
        (lambda a, b: None, "open", "return"),
        (lambda a, b: (_ for _ in ()).throw(NotImplementedError), "open", "not implemented"),
        (3.0, "wrong", "function itself"),
        (lambda a, b: 1 / 0, "wrong", "ZeroDivisionError in line"),
        (lambda a: a, "wrong", "TypeError"),
        (leaves, "wrong", "SystemExit"),
        (misses_a_loop_bound, "wrong", "did not finish within 0.3 seconds"),
        (swallows_exceptions, "wrong", "did not finish"),
        (lambda a, b: (a + b)[:2], "wrong", "shape (2,) where (3,)"),
        (lambda a, b: "a + b", "wrong", "of type str"),
        (lambda a, b: {"sum": a + b}, "wrong", "of type dict"),
        (lambda a, b: [[1], [2, 3]], "wrong", "of type list"),
        (lambda a, b: a + b + 1j, "wrong", "must be numbers"),
        (lambda a, b: (a - 2).sqrt() + b, "wrong", "NaN"),
        (changes_its_input, "wrong", "changes its own input"),
        (lambda a, b: a + b + torch.randn(3), "wrong", "random numbers of its own"),
    ],
)
def test_a_check_survives_and_says_what_is_wrong(answer, status, words, capsys):
    before, threads = torch.random.get_rng_state(), threading.active_count()
    verdict = grade(SUM, answer)
    assert verdict.status == status and words in verdict.text
    assert torch.equal(before, torch.random.get_rng_state())
    assert threading.active_count() == threads  # nothing goes on running
    assert capsys.readouterr().out == ""


def test_code_handed_out_to_be_repaired_counts_as_open():
    assert grade(replace(SUM, given=lambda a, b: a * b), lambda a, b: b * a).status == "open"


def test_an_exercise_may_ask_for_a_value():
    half = Exercise(answer=lambda: 0.5, means="A half.", mistakes=(Mistake("Twice too much.", lambda: 1.0),))
    assert [grade(half, value).status for value in (0.5, 1 / 2, 1.0, "0.5", ...)] == [
        "right",
        "right",
        "wrong",
        "wrong",
        "open",
    ]


def test_an_answer_that_is_too_slow_but_ends_is_stopped_in_time():
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.1, lambda: sum(k for k in range(10**10)))
    assert time.monotonic() - started < 2


def test_strict_lessons_raise_where_something_is_not_right(monkeypatch):
    assert checks.quiz("01.q1", ...).status == checks.check("01.1", ...).status == "open"
    monkeypatch.setenv("LESSON_STRICT", "1")
    assert checks.quiz("01.q2", "b").status == "right"
    for unfinished in (
        lambda: checks.quiz("01.q1", ...),
        lambda: checks.quiz("01.q1", "a"),
        lambda: checks.check("01.1", ...),
    ):
        with pytest.raises(AssertionError, match="Not"):
            unfinished()


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match="no '01.9' in this lesson; there are 01.1"):
        checks.check("01.9", ...)
    assert "There is no such choice; there are a, b, c." in checks.quiz("01.q1", "z").text


def test_a_verdict_shows_text_and_not_markup():
    shown = grade(SUM, lambda a, b: {}["<b>"])._repr_html_()
    assert "&lt;b&gt;" in shown and re.findall(r"solid|double|dotted", shown) == ["double"]  # not by colour
