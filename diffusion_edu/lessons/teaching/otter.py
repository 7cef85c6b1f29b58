"""Export to Otter-Grader: one notebook for `otter assign` for each lesson, https://otter-grader.readthedocs.io."""

import ast
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from diffusion_edu.lessons.teaching.notebooks import Task, graded, names, parts, read, without_outputs, write_text
from diffusion_edu.options import require_folder
from diffusion_edu.paths import LESSONS

CONFIG = """# ASSIGNMENT CONFIG
name: lesson_{number}
init_cell: true
check_all_cell: false
export_cell: false
generate:
  show_hidden: false
"""


def export(out: Path, seed: int, lessons: Sequence[str] = (), folder: Path = LESSONS) -> list[Path]:
    """Write lesson_NN/NN_name.ipynb for `otter assign` into a folder for each lesson, and return the notebooks.

    The seed draws the trials of the hidden tests. Raises ValueError for an unknown lesson or a folder that cannot be
    written to.
    """
    require_folder(out)
    written = []
    for name in names(lessons, folder):
        notebook = convert(*read(name, folder), name[:2], seed)
        target = out / f"lesson_{name[:2]}" / f"{name}.ipynb"
        written.append(write_text(target, nbformat.writes(notebook)))
    return written


def convert(student: NotebookNode, solved: NotebookNode, number: str, seed: int) -> NotebookNode:
    """Make the instructor's notebook: each answer becomes a question with its solution and its tests."""
    made = without_outputs(student.copy())
    made.cells = [_raw("config", CONFIG.format(number=number))]
    for cell, other, task in graded(student, solved):
        made.cells += [cell] if task is None else question(cell, other, task, seed)
    return made


def question(cell: NotebookNode, solved: NotebookNode, task: Task, seed: int) -> list[NotebookNode]:
    """Make the cells of one question: its name and points, the solution with the student's lines, and the tests."""
    answer = solved.copy()
    answer.source, answer.outputs, answer.execution_count = either(cell.source, solved.source), [], None
    name = "q" + task.name.replace(".", "_")
    config = f"# BEGIN QUESTION\nname: {name}\npoints: {task.points}\nall_or_nothing: true"
    return [
        _raw(f"{cell.id}-question", config),
        _raw(f"{cell.id}-solution", "# BEGIN SOLUTION"),
        answer,
        _raw(f"{cell.id}-solved", "# END SOLUTION"),
        _raw(f"{cell.id}-tests", "# BEGIN TESTS"),
        *(_code(f"{cell.id}-test-{k}", text) for k, text in enumerate(tests(task, seed))),
        _raw(f"{cell.id}-tested", "# END TESTS"),
        _raw(f"{cell.id}-end", "# END QUESTION"),
    ]


def tests(task: Task, seed: int) -> list[str]:
    """Return the tests of a question: one that students see, and a hidden one with other trials; a quiz is hidden."""
    place = "from diffusion_edu.lessons.teaching.required import"
    if task.call == "quiz":
        return [f'# HIDDEN\n{place} require_choice\nrequire_choice("{task.name}", {task.answer})']
    hidden = f'# HIDDEN\n{place} require\nrequire("{task.name}", {task.answer}, seed={seed})'
    return [f'{place} require\nrequire("{task.name}", {task.answer})', hidden]


def either(student: str, solved: str) -> str:
    """Write the solution with the student's lines above it, as a string that runs as nothing: Otter chooses one.

    Only the lines that differ are written twice, or the whole cell where a string cannot stand between them.
    """
    above, solution, stub, below = parts(student, solved)
    for frame in ((above, solution, stub, below), ([], solved.split("\n"), student.split("\n"), [])):
        for quotes in ('"""', "'''"):
            source = "\n".join((*frame[0], *_both(frame[1], frame[2], quotes), *frame[3]))
            with suppress(SyntaxError):
                ast.parse(source)
                return source
    raise ValueError(f"Otter cannot take this answer apart: {solved[:60]!r}.")


def _both(solution, stub, quotes):
    first = next((line for line in (*solution, *stub) if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    prompt = [f"{indent}{quotes} # BEGIN PROMPT", *stub, f"{indent}{quotes} # END PROMPT"]
    return [*prompt, f"{indent}# BEGIN SOLUTION NO PROMPT", *solution, f"{indent}# END SOLUTION"]


def _raw(name, source):
    cell = nbformat.v4.new_raw_cell(source)
    cell.id = name
    return cell


def _code(name, source):
    cell = nbformat.v4.new_code_cell(source)
    cell.id = name
    return cell
