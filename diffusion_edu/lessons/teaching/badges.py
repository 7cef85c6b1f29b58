"""Links that open the lessons in Colab and Binder, for whoever publishes the project on GitHub.

The name of the repository is kept in lessons/repository.json; whoever builds a lesson again gets the links again.
"""

import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from diffusion_edu.files import to_json
from diffusion_edu.lessons.teaching.notebooks import names, write_text
from diffusion_edu.paths import LESSONS, REPOSITORY

KEPT = "repository.json"
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")
BRANCH = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._/-]*")
LINE = re.compile(r"\n\n\*\*Open it\*\* in \[Colab\]\([^\n]*\Z")
INSTALL = """import sys

if "google.colab" in sys.modules:  # a fresh computer: install the package, and keep the torch that is there
    from importlib.metadata import version
    from pathlib import Path

    Path("keep.txt").write_text(f"torch=={{version('torch')}}\\n")
    get_ipython().run_line_magic("pip", "install --quiet --constraint keep.txt {address}")

"""
INSTALLED = re.compile(r"\Aimport sys\n\nif \"google\.colab\" in sys\.modules:.*?run_line_magic[^\n]*\n\n", re.DOTALL)
BINDER = {
    "runtime.txt": "python-3.11\n",
    "postBuild": """#!/bin/bash
# The CPU build of torch is a tenth of the size of the other; the lessons need nothing else.
set -e
python -m pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu
python -m pip install --no-cache-dir ".[lessons]"
""",
}


def links(name: str, repository: str, branch: str) -> str:
    """Return the links of a lesson as Markdown."""
    path = f"lessons/{name}.ipynb"
    colab = f"https://colab.research.google.com/github/{repository}/blob/{branch}/{path}"
    binder = f"https://mybinder.org/v2/gh/{repository}/{branch.replace('/', '%2F')}?urlpath=lab/tree/{path}"
    return f"[Colab]({colab}) or [Binder]({binder})"


def repository(folder: Path = LESSONS) -> dict | None:
    """Return what was written down about the repository, {"repository": ..., "branch": ...}; None if nothing was."""
    path = folder / KEPT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def opened(notebook: NotebookNode, name: str, kept: dict | None) -> NotebookNode:
    """Put the links into the title of a lesson and the installation into its setup, in place; without a repository
    take them out.
    """
    title = notebook.cells[0]
    setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
    title.source, setup.source = LINE.sub("", title.source), INSTALLED.sub("", setup.source)
    if kept:
        where, branch = kept["repository"], kept["branch"]
        title.source += f"\n\n**Open it** in {links(name, where, branch)}."
        setup.source = INSTALL.format(address=f"git+https://github.com/{where}@{branch}") + setup.source
    return notebook


def write_badges(where: str, branch: str = "main", root: Path = REPOSITORY) -> list[Path]:
    """Write the links into lessons/README.md and all notebooks, and the files that Binder needs; return the files.

    Raises ValueError, in one sentence, if this is no name of a repository, or if there is no clone of it.
    """
    if not NAME.fullmatch(where) or not BRANCH.fullmatch(branch):
        raise ValueError(f"{where!r}, branch {branch!r}, is no repository on GitHub: write owner/name.")
    folder = root / "lessons"
    if not (folder / "README.md").is_file():
        raise ValueError(f"There is no lessons/README.md in {root}: run this in a clone of the project.")
    kept = {"repository": where, "branch": branch}
    files = [write_text(folder / KEPT, to_json(kept, indent=2) + "\n")]
    for name in names(folder=folder):
        for path in (folder / f"{name}.ipynb", folder / "solutions" / f"{name}.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            files.append(write_text(path, nbformat.writes(opened(notebook, name, kept)) + "\n"))
    readme = (folder / "README.md").read_text(encoding="utf-8")
    files.append(write_text(folder / "README.md", with_links(readme, kept)))
    for name, text in BINDER.items():
        files.append(write_text(root / ".binder" / name, text))
    (root / ".binder" / "postBuild").chmod(0o755)
    return files


def with_links(readme: str, kept: dict) -> str:
    """Put the links behind the name of each lesson in the table of the README, in the place of earlier ones."""
    row = re.compile(r"^(\| \d+ \| \[[^\]]*\]\((\d\d_\w+)\.ipynb\))(?: · \[Colab\]\([^|]*)?( \|)", re.MULTILINE)

    def change(found):
        return f"{found[1]} · {links(found[2], kept['repository'], kept['branch'])}{found[3]}"

    return row.sub(change, readme)
