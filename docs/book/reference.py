"""The reference: a page for each part of the library, made by autodoc from docstrings and type hints."""

import ast
from pathlib import Path

from diffusion_edu.paths import PACKAGE

HIDDEN = {"app", "recipes", "cli", "museum"}  # an explorer, commands, and mistakes: nothing to call
ANSWERS = {"checks", "exercises", "questions", "figures"}  # of the lessons: what a reader shall find alone
FIRST = (
    *("core", "schedules", "spacings", "denoisers", "samplers", "degradations", "randomness", "generation"),
    *("checkpoints", "cards", "networks", "training"),
)
HEAD = """Reference
=========

All public functions and classes, with their type hints. Begin with :mod:`diffusion_edu.core`, which is one page long.

.. toctree::
   :maxdepth: 1

"""


def rooms():
    """List the parts of the library: single modules and packages, in the order in which one reads them."""
    names = [path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"]
    names += [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    return sorted(set(names) - HIDDEN, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def modules(room):
    """List the modules of a part, packages before what is in them, as (dotted name, path)."""
    place = PACKAGE / room
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    found = []
    for path in paths:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if room == "lessons" and parts[2] in ANSWERS:
            continue
        if path.stem != "__main__" and not any(part.startswith("_") for part in parts if part != "__init__"):
            found.append((".".join(part for part in parts if part != "__init__"), path))
    return sorted(found)


def write(folder, wanted=None):
    """Write a page for each part (or for those that are wanted), and the page that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = rooms() if wanted is None else list(wanted)
    for room in chosen:
        sections = [section(name, path, top=name.count(".") == 1) for name, path in modules(room)]
        (folder / f"{room}.rst").write_text("\n".join(sections), encoding="utf-8")
    entries = "".join(f"   {room} <{room}>\n" for room in chosen)
    (folder / "index.rst").write_text(HEAD + entries, encoding="utf-8")


def section(name: str, path: Path, top: bool):
    """Return the part of a page that describes one module; a package that only explains itself has no members."""
    title = name.removeprefix("diffusion_edu.")
    line = ("=" if top else "-") * len(title)
    has = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.parse(path.read_text("utf-8")).body)
    options = "" if has else "   :no-members:\n"
    return f"{title}\n{line}\n\n.. automodule:: {name}\n{options}"
