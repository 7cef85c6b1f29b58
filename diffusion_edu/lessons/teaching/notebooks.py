"""The notebooks of the course as pairs, for students and solved, and what their cells ask for."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from diffusion_edu.files import write_safely
from diffusion_edu.paths import LESSONS

APP = "http://localhost:8501"  # the address of the explorer in the lessons as they come

EXERCISE, QUIZ = 2, 1  # points


@dataclass(frozen=True)
class Task:
    """What a cell hands in: the function that is called ("check", "quiz"), its name, and the answer as code."""

    call: str
    name: str
    answer: str
    points: int = 0


def names(wanted: Sequence[str] = (), folder: Path = LESSONS) -> list[str]:
    """List the lessons as names of files without ending; `wanted` are numbers such as "04" (none: all).

    Raises ValueError, in one sentence, for a number without a lesson.
    """
    found = sorted(path.stem for path in folder.glob("[0-9][0-9]_*.ipynb"))
    numbers = [f"{int(each):02d}" if each.isdigit() else each for each in wanted]
    if missing := [each for each in numbers if not any(name.startswith(f"{each}_") for name in found)]:
        known = ", ".join(name[:2] for name in found)
        raise ValueError(f"There is no lesson {missing[0]!r}; there are {known}.")
    return [name for name in found if not numbers or name[:2] in numbers]


def read(name: str, folder: Path = LESSONS) -> tuple[NotebookNode, NotebookNode]:
    """Read a lesson as students get it, and solved; both have the same cells."""
    student, solved = (nbformat.read(place / f"{name}.ipynb", as_version=4) for place in (folder, folder / "solutions"))
    if [cell.id for cell in student.cells] != [cell.id for cell in solved.cells]:
        raise ValueError(f"The lesson {name} and its solution have different cells: build both again.")
    return student, solved


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    """Drop what the cells have shown, in place: students run them themselves."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def write_text(path: Path, text: str) -> Path:
    """Write a file, whole or not at all, with the folders that lead to it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_safely(path, lambda part: part.write_text(text, encoding="utf-8"))
    return path


def is_answer(cell: NotebookNode) -> bool:
    """Whether students write in this cell."""
    return cell.cell_type == "code" and "exercise" in cell.metadata.get("tags", [])


def task(cell: NotebookNode) -> Task | None:
    """Return the check, the quiz or the prediction that is the last line of a cell; None if there is none."""
    if cell.cell_type != "code":
        return None
    try:
        last = ast.parse(cell.source).body[-1]
    except (SyntaxError, IndexError):
        return None
    call = last.value if isinstance(last, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or len(call.args) < 2:
        return None
    name = call.args[0]
    if call.func.id not in ("check", "quiz", "predict") or not isinstance(name, ast.Constant):
        return None
    return Task(call.func.id, str(name.value), ast.unparse(call.args[1]))


def graded(student: NotebookNode, solved: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode, Task | None]]:
    """Yield (cell, solved cell, what is graded) for each cell; a check may stand in the cell after its answer.

    The letter of a quiz gets a name, so that a grader can look at it. An optional exercise gives no points.
    """
    optional = False
    tasks = [task(cell) for cell in solved.cells]
    for index, (cell, other) in enumerate(zip(student.cells, solved.cells, strict=True)):
        mine = tasks[index]
        if heading := re.search(r"^#+ .*", cell.source if cell.cell_type == "markdown" else "", re.MULTILINE):
            optional = "optional" in heading[0].lower()
        if is_answer(cell) and mine is None:
            later = range(index + 1, len(tasks))
            end = next((k for k in later if is_answer(student.cells[k])), len(tasks))
            mine = next((tasks[k] for k in range(index + 1, end) if tasks[k]), None)
        if not is_answer(cell) or mine is None or mine.call == "predict":
            yield cell, other, None
        elif mine.call == "quiz":
            letter = f"letter_{mine.name.replace('.', '_')}"
            blank = task(cell) or mine
            yield (
                _with_letter(cell, blank, letter),
                _with_letter(other, mine, letter),
                Task("quiz", mine.name, letter, QUIZ),
            )
        else:
            yield cell, other, replace(mine, points=0 if optional else EXERCISE)


def _with_letter(cell: NotebookNode, asked: Task, letter: str) -> NotebookNode:
    """A copy of the cell of a quiz: its letter gets a name first, then the quiz is asked about it."""
    above = cell.source.split("\n")[: ast.parse(cell.source).body[-1].lineno - 1]
    copied = cell.copy()
    copied.source = "\n".join((*above, f"{letter} = {asked.answer}", f'quiz("{asked.name}", {letter})'))
    return copied


def parts(student: str, solved: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """Split the source of a cell into lines: equal ones above, the solution, the student's lines, equal ones below."""
    mine, theirs = student.split("\n"), solved.split("\n")
    shortest = min(len(mine), len(theirs))
    above = next((k for k in range(shortest) if mine[k] != theirs[k]), shortest)
    below = next((k for k in range(shortest - above) if mine[-1 - k] != theirs[-1 - k]), shortest - above)
    ends = len(mine) - below, len(theirs) - below
    return theirs[:above], theirs[above : ends[1]], mine[above : ends[0]], theirs[ends[1] :]
