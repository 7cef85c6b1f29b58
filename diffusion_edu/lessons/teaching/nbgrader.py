"""Export to nbgrader: a course folder with one assignment for each lesson, https://nbgrader.readthedocs.io."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from diffusion_edu.lessons.teaching.notebooks import Task, graded, names, parts, read, without_outputs, write_text
from diffusion_edu.options import require_folder
from diffusion_edu.paths import LESSONS

STUB = "diffusion_edu_student"  # in a cell's metadata: what students get in the place of the solution
CONFIG = Path(__file__).with_name("nbgrader_config.py.txt")


def export(out: Path, seed: int, lessons: Sequence[str] = (), folder: Path = LESSONS) -> list[Path]:
    """Write a course for nbgrader into a folder: its settings, and source/lesson_NN for each lesson.

    The seed draws the trials of the hidden tests. Returns the notebooks; raises ValueError for an unknown lesson or
    a folder that cannot be written to.
    """
    require_folder(out)
    written = []
    for name in names(lessons, folder):
        notebook = convert(*read(name, folder), seed)
        target = out / "source" / f"lesson_{name[:2]}" / f"{name}.ipynb"
        written.append(write_text(target, nbformat.writes(notebook)))
    shutil.copyfile(CONFIG, out / "nbgrader_config.py")
    return written


def convert(student: NotebookNode, solved: NotebookNode, seed: int) -> NotebookNode:
    """Make the instructor's notebook: solutions in their cells, and a locked test after each answer."""
    made = without_outputs(student.copy())
    made.cells, cells = [], graded(student, solved)
    for cell, other, task in cells:
        if task is None:
            made.cells.append(cell)
            continue
        above, solution, stub, below = parts(cell.source, other.source)
        answer = other.copy()
        answer.source = "\n".join((*above, "### BEGIN SOLUTION", *solution, "### END SOLUTION", *below))
        answer.metadata = nbformat.from_dict({**other.metadata, STUB: "\n".join((*above, *stub, *below))})
        answer.metadata["nbgrader"] = _nbgrader(cell.id, solution=True)
        made.cells += [answer, test(cell.id, task, seed)]
    return made


def test(cell_id: str, task: Task, seed: int) -> NotebookNode:
    """Make the locked cell that grades an answer; students do not get its hidden part."""
    if task.call == "quiz":
        source = f'require_choice("{task.name}", {task.answer})'
        lines = ["# This cell grades your choice.", "### BEGIN HIDDEN TESTS", source, "### END HIDDEN TESTS"]
        needed = "require_choice"
    else:
        shown = f'require("{task.name}", {task.answer})'
        hidden = f'require("{task.name}", {task.answer}, seed={seed})'
        lines = [shown, "### BEGIN HIDDEN TESTS", hidden, "### END HIDDEN TESTS"]
        needed = "require"
    made = nbformat.v4.new_code_cell(
        "\n".join((f"from diffusion_edu.lessons.teaching.required import {needed}", "", *lines))
    )
    made.id = f"{cell_id}-test"
    made.metadata["nbgrader"] = _nbgrader(made.id, points=task.points)
    return made


def _nbgrader(name, solution=False, points=None):
    grading = {"grade": points is not None, "solution": solution, "locked": not solution, "task": False}
    scored = {} if points is None else {"points": points}
    return {"schema_version": 3, "grade_id": name, **grading, **scored}
