"""Run a notebook in this process, cell by cell: quicker than a kernel of its own, for every run of the tests."""

import os
import time
from dataclasses import dataclass

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


@dataclass
class Run:
    """What the cells of a notebook showed, as plain text, and how much time of the processor they took (seconds)."""

    shown: list[str]
    seconds: float


def run(notebook, folder, monkeypatch, **environment):
    """Run all code cells in a folder; the first that raises is named in an AssertionError."""
    monkeypatch.chdir(folder)
    for name, value in {"LESSON_RECORDS": str(folder), "LESSON_FAST": "1"}.items() | environment.items():
        monkeypatch.setenv(name, value)
    os.environ.pop("LESSON_STRICT", None) if "LESSON_STRICT" not in environment else None
    shell, shown, began = InteractiveShell(), [], time.process_time()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        with capture_output():
            result = shell.run_cell(cell.source, store_history=True)
        problem = result.error_before_exec or result.error_in_exec
        assert problem is None, f"cell {cell.id}: {type(problem).__name__}: {problem}"
        if result.result is not None:
            shown.append(repr(result.result))
    return Run(shown, time.process_time() - began)
