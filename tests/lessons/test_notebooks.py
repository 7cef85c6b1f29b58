"""Every lesson, as students get it and solved: it runs, it keeps the limits of the frame, and what it links is there.

The runs are short here (LESSON_FAST=1); `make lessons` runs all of them in full, each with a kernel of its own.
"""

import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient
from notebooks import run

from diffusion_edu.lessons import build, course
from diffusion_edu.paths import LESSONS

SOURCES = build.sources()
NAMES = [source.stem for source in SOURCES]
OPTIONAL = {"00": 0, "13": 5}  # exercises beyond five; every other lesson may have one
LONGEST, SHORT = 90, 15  # seconds that a lesson may compute, in full and in the tests


def numbers_of(name):
    return course.exercises(name[:2]), course.questions(name[:2])


@cache
def read(name, solved):
    return nbformat.read((LESSONS / "solutions" if solved else LESSONS) / f"{name}.ipynb", as_version=4)


@cache
def source(name):
    return jupytext.read(LESSONS / "source" / f"{name}.py", fmt="py:percent")


def markdown(name):
    return [cell.source for cell in source(name).cells if cell.cell_type == "markdown"]


def calls(name, function, solved=True):
    """The names given to check, quiz, predict or predicted in a lesson."""
    code = "\n".join(cell.source for cell in read(name, solved).cells if cell.cell_type == "code")
    return re.findall(rf'\b{function}\(\s*"([^"]+)"', code)


def test_there_are_fourteen_lessons():
    assert [name[:2] for name in NAMES] == [f"{number:02}" for number in range(14)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("solved", [False, True], ids=["student", "solved"])
def test_a_lesson_runs_from_top_to_bottom_outside_the_repository(name, solved, tmp_path, monkeypatch):
    strict = {"LESSON_STRICT": "1"} if solved else {}
    done = run(read(name, solved), tmp_path, monkeypatch, **strict)
    exercises, questions = numbers_of(name)
    verdicts = [text for text in done.shown if text[0] in "✓✗○●!"]
    signs = Counter(text[0] for text in verdicts)
    assert not signs["✗"], verdicts
    asked = len(exercises) + sum(key[3] in "rq" for key in questions)
    if solved:
        assert signs["✓"] >= asked and not signs["○"], verdicts
    else:
        assert signs["○"] >= asked and not signs["✓"], verdicts
    assert (tmp_path / f"lesson_{name[:2]}_report.html").stat().st_size > 1000
    assert done.seconds < SHORT, f"{done.seconds:.0f} s"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("solved", [False, True], ids=["student", "solved"])
def test_a_lesson_runs_in_full_with_a_kernel_of_its_own(name, solved, tmp_path, monkeypatch):
    monkeypatch.setenv("LESSON_RECORDS", str(tmp_path))
    monkeypatch.delenv("LESSON_FAST", raising=False)
    if solved:
        monkeypatch.setenv("LESSON_STRICT", "1")
    notebook = read(name, solved)
    NotebookClient(notebook, timeout=LONGEST, resources={"metadata": {"path": str(tmp_path)}}).execute()
    stamps = [cell.metadata.execution for cell in notebook.cells if cell.cell_type == "code"]
    seconds = (_time(stamps[-1], "idle") - _time(stamps[0], "busy")).total_seconds()
    print(f"{name}: {seconds:.0f} s")
    assert seconds < LONGEST


def _time(stamp, state):
    from datetime import datetime

    return datetime.fromisoformat(stamp[f"iopub.status.{state}"].replace("Z", "+00:00"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("solved", [False, True], ids=["student", "solved"])
def test_the_notebooks_are_those_of_the_text(name, solved):
    """`python -m diffusion_edu.lessons.build` was run after the last change of the text or of a question."""
    built, kept = build.notebook(LESSONS / "source" / f"{name}.py", solved), read(name, solved)
    assert [(cell.id, cell.source) for cell in built.cells] == [(cell.id, cell.source) for cell in kept.cells]


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_keeps_the_limits_of_the_frame(name):
    cells = source(name).cells
    words = sum(len(re.sub(r"\$[^$]*\$|\{question .*?\}", " ", text).split()) for text in markdown(name))
    longest = max(len(cell.source.splitlines()) for cell in read(name, True).cells if cell.cell_type == "code")
    assert len(cells) <= 40 and words <= 1500 and longest <= 25, (len(cells), words, longest)
    assert len(numbers_of(name)[0]) <= 5 + OPTIONAL.get(name[:2], 1)
    assert len({cell.metadata["id"] for cell in cells}) == len(cells)


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_asks_everything_that_its_checks_know(name):
    exercises, questions = numbers_of(name)
    assert sorted(calls(name, "check")) == sorted(exercises)
    assert sorted(calls(name, "quiz")) == sorted(key for key in questions if key[3] in "rq")
    predictions = sorted(key for key in questions if key[3] == "p")
    assert predictions and sorted(calls(name, "predict")) == sorted(calls(name, "predicted")) == predictions
    shown = re.findall(r"^\{question (\S+)\}$", "\n".join(markdown(name)), re.M)
    assert sorted(shown) == sorted(questions), "every question stands in the text once"
    assert any("report()" in cell.source for cell in read(name, False).cells[-3:])


@pytest.mark.parametrize("name", NAMES)
def test_the_questions_are_fair(name):
    """Not one letter is right everywhere, every choice has a reply, and no text is there twice."""
    questions = numbers_of(name)[1]
    assert sum(key[3] == "r" for key in questions) == 2 and sum(key[3] == "q" for key in questions) == 6
    assert max(Counter(question.right for question in questions.values()).values()) <= 0.6 * len(questions)
    for question in questions.values():
        texts = [choice.text for choice in question.choices.values()]
        replies = [choice.reply for choice in question.choices.values()]
        assert len({*texts}) == len(texts) >= 3 and len({*replies}) == len(replies)
        assert all(len(reply) > 20 for reply in replies)


@pytest.mark.parametrize("name", NAMES)
def test_stored_outputs_are_small_and_every_figure_has_words(name):
    path = LESSONS / f"{name}.ipynb"
    assert path.stat().st_size < 400_000, f"{path.stat().st_size / 1000:.0f} kB"
    outputs = [output for cell in read(name, False).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert figures
    for figure in figures:
        alt = figure.metadata["image/png"]["alt"]
        assert len(alt) > 40 and "nan" not in alt.split(), alt
    assert not any(output.get("name") == "stderr" for output in outputs), "a warning is stored"
    text = "".join(str(output) for output in outputs)
    assert "my_answers" in text and "/home/" not in text and str(Path.cwd()) not in text and "/tmp/" not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_setup_cell_says_in_one_sentence_what_to_do(name, monkeypatch):
    setup = next(cell.source for cell in read(name, False).cells if cell.get("id") == "setup")
    monkeypatch.setitem(sys.modules, "diffusion_edu.lessons", None)  # importing it raises ModuleNotFoundError
    with pytest.raises(SystemExit, match=r"^This Python has no \S+: start Jupyter with `make lab` or [^\n]+\.$"):
        exec(setup, {})


@pytest.mark.parametrize("name", NAMES)
def test_links_to_other_lessons_lead_somewhere(name):
    for target in re.findall(r"\]\(([^):]+\.(?:ipynb|md))\)", "\n".join(markdown(name))):
        assert (LESSONS / target).exists() or target.removesuffix(".ipynb") in NAMES, target
