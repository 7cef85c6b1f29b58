"""Copies of the lessons for the students of a class: each has the student's name and a seed of its own."""

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nbformat

from diffusion_edu.files import write_safely
from diffusion_edu.lessons.teaching.notebooks import APP, names, read, without_outputs, write_text
from diffusion_edu.options import require_folder
from diffusion_edu.paths import LESSONS

START = re.compile(r'start\("(\d\d)"\)')
LIST = "students.csv"  # in the folder: who got which seed
MOST = 1000  # students of a list


@dataclass(frozen=True)
class Student:
    """A student: the name as it is in the list, the folder of the copies, and the seed of the checks."""

    name: str
    folder: str
    seed: int


def read_names(path: Path) -> list[str]:
    """Read a list of names, one a line; empty lines and lines that begin with # are left out.

    Raises ValueError, in one sentence, for a list without names, with a name twice, or that is no text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8: save the names as a plain text file, one a line.") from None
    found = [" ".join(line.split()) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not found:
        raise ValueError(f"{path} holds no names: write one a line.")
    if len(found) > MOST:
        raise ValueError(f"{path} holds {len(found):,} names, and {MOST:,} are the most: is it the right file?")
    if twice := [name for name in found if found.count(name) > 1]:
        raise ValueError(f"{path} holds the name {twice[0]!r} twice: add something that tells the two apart.")
    if unprintable := [name for name in found if not name.isprintable() or len(name) > 100]:
        raise ValueError(f"{path} holds a line that is no name ({unprintable[0][:40]!r}): write one name a line.")
    return found


def seed_of(name: str) -> int:
    """Compute the seed of a student from the name, 1 to 2**31 - 1: the same whenever copies are made."""
    return 1 + int(hashlib.sha256(name.encode()).hexdigest()[:12], 16) % (2**31 - 1)


def class_of(found: Sequence[str]) -> list[Student]:
    """Give each name a folder that every system can write, and a seed; equal folders get a number."""
    students, taken = [], set[str]()
    for name in found:
        plain = re.sub(r"[^\w-]+", "_", name).strip("_") or "student"
        folder = next(
            each for each in (plain, *(f"{plain}_{k}" for k in range(2, len(found) + 2))) if each.lower() not in taken
        )
        taken.add(folder.lower())
        students.append(Student(name, folder, seed_of(name)))
    return students


def make_copies(
    found: Sequence[str], out: Path, lessons: Sequence[str] = (), app: str = APP, source: Path = LESSONS
) -> tuple[list[Student], list[Path]]:
    """Write each student's copies below a folder, and the list of seeds; return the students and the files kept.

    A file that is there already may hold a student's work: it is kept. Raises ValueError, in one sentence, for an
    unknown lesson or a folder that cannot be written to.
    """
    require_folder(out)
    chosen, students, kept = names(lessons, source), class_of(found), []
    for name in chosen:
        notebook, _ = read(name, source)
        setup = next((cell for cell in without_outputs(notebook).cells if START.search(cell.source)), None)
        if setup is None:
            raise ValueError(f"The lesson {name} has no line start(...): build it again.")
        plain = setup.source
        for cell in notebook.cells:
            cell.source = cell.source.replace(APP, app.rstrip("/"))
        for student in students:
            setup.source = START.sub(partial(_started, student), plain)
            target = out / student.folder / f"{name}.ipynb"
            if target.exists():
                kept.append(target)
                continue
            write_text(target, nbformat.writes(notebook))
    _write_list(out / LIST, students)
    return students, kept


def _started(student, found):
    return f'start("{found[1]}", seed={student.seed}, student={student.name!r})'


def _write_list(path, students):
    def write(part):
        with part.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("student", "folder", "seed"))
            rows.writerows((each.name, each.folder, each.seed) for each in students)

    write_safely(path, write)


def read_list(path: Path) -> dict[str, int]:
    """Read the list of seeds that `make_copies` wrote, {student: seed}; raises ValueError if it is not such a list."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"student", "seed"} <= set(rows.fieldnames or ()):
                raise ValueError("other columns")
            return {row["student"]: int(row["seed"]) for row in rows}
    except (ValueError, TypeError):
        raise ValueError(f"{path} is not the list {LIST} that 'diffusion-edu lessons students' wrote.") from None
