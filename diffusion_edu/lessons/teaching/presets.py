"""The links of the lessons into the explorer, as presets: `presets.json` for each lesson, made from its text."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat

from diffusion_edu.files import to_json
from diffusion_edu.lessons.teaching.notebooks import APP, names, write_text
from diffusion_edu.options import require_folder
from diffusion_edu.paths import LESSONS

LINK = re.compile(rf"\[([^\]]*)\]\({re.escape(APP)}/?([^)\s]*)\)")


def presets(name: str, app: str = APP, folder: Path = LESSONS) -> dict:
    """Return the presets of a lesson: every link into the explorer with its title, page and settings."""
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    links = [found for cell in notebook.cells if cell.cell_type == "markdown" for found in LINK.findall(cell.source)]
    title = next(line.lstrip("# ") for cell in notebook.cells for line in cell.source.splitlines() if line[:2] == "# ")
    return {
        "lesson": name[:2],
        "title": title,
        "presets": [_preset(text, target, app) for text, target in dict.fromkeys(links)],
    }


def _preset(title, target, app):
    address = urlsplit(target)
    settings = {key: values[0] if len(values) == 1 else values for key, values in parse_qs(address.query).items()}
    return {"title": title, "page": address.path, "settings": settings, "link": f"{app.rstrip('/')}/{target}"}


def write_presets(out: Path, lessons: Sequence[str] = (), app: str = APP, folder: Path = LESSONS) -> list[Path]:
    """Write NN_name/presets.json below a folder for each lesson, and return the files."""
    require_folder(out)
    written = []
    for name in names(lessons, folder):
        text = to_json(presets(name, app, folder), indent=2) + "\n"
        written.append(write_text(out / name / "presets.json", text))
    return written
