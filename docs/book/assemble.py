"""Gather the pages of the book in one folder, laid out as in the repository, so that links between them hold.

Links that lead out of the book, to code or to solutions, become plain words. Images come along.
"""

import json
import re
import shutil
from html import escape
from pathlib import Path

from docs.book import cards, exhibits, reference

ROOT = Path(__file__).parents[2]
SHOWN = r"(?:[^\[\]]|\[[^\]]*\])*"  # with an image in it, perhaps
LINK = re.compile(
    rf"^(?P<fence>`{{3,}}).*?^(?P=fence)[^\n]*$|`[^`\n]+`|(?P<image>!?)\[(?P<shown>{SHOWN})\]\((?P<address>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)  # code, which stays as it is, or a link
IMAGES = (".png", ".jpg", ".gif", ".svg", ".webp")


def pages():
    """List the files of the repository that are pages of the book, lessons in their order."""
    patterns = ("lessons/[0-9][0-9]_*.ipynb", "lessons/README.md", "docs/*.md", "docs/teaching/*.md")
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def assemble(target, rooms=None):
    """Write all pages of the book below a folder, with the images that they show."""
    found = pages()
    for path in found:
        goal = target / path.relative_to(ROOT)
        goal.parent.mkdir(parents=True, exist_ok=True)
        write = lesson if path.suffix == ".ipynb" else text
        goal.write_text(write(path, set(found), target), encoding="utf-8")
    cards.write(target / "cards", target)
    exhibits.write(target / "docs")
    reference.write(target / "reference", rooms)
    index = linked(front(found), ROOT / "index.md", set(found), target)
    (target / "index.md").write_text(index, encoding="utf-8")


def text(path, known, target):
    """Return a page in Markdown with its links as the book needs them."""
    return linked(path.read_text(encoding="utf-8"), path, known, target)


def lesson(path, known, target):
    """Return a notebook with the links of its words as the book needs them; hidden source stays hidden."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            cell["source"] = linked("".join(cell["source"]), path, known, target)
        elif "hide-source" in tags:
            cell["metadata"]["tags"] = [*tags, "remove-input"]
        for output in cell.get("outputs", []):
            show(output.get("data", {}), output.get("metadata", {}))
    return json.dumps(notebook, ensure_ascii=False)


def show(data, metadata):
    """Change one output in place: images get their alternative text, links to files of the student become words."""
    if "image/png" in data:
        alt = escape(metadata.get("image/png", {}).get("alt", ""))
        image = "".join(data.pop("image/png")).replace("\n", "")
        data["text/html"] = f'<img alt="{alt}" src="data:image/png;base64,{image}">'
    elif re.search(r'href="(?!https?:)', "".join(data.get("text/html", ""))):
        del data["text/html"]  # such as the report


def linked(words, path, known, target):
    """Change the links of a page: images are copied, what is not in the book becomes plain words."""

    def change(match):
        address = match["address"]
        if address is None:
            return match[0]
        shown = linked(match["shown"], path, known, target)  # an image inside a link
        place = (path.parent / address.split("#")[0]).resolve()
        if not re.match(r"[a-z]+:|#", address) and place not in known:
            if not (match["image"] or place.suffix in IMAGES):
                return shown
            copy(place, target)
        return f"{match['image']}[{shown}]({address})"

    return LINK.sub(change, words)


def copy(place, target):
    """Copy a file of the repository to the same place below a folder; raises ValueError if it is not there."""
    if not place.is_file():
        raise ValueError(f"{place} is shown on a page of the book and is missing: restore it, or change the page.")
    goal = target / place.relative_to(ROOT)
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(place, goal)


def front(found):
    """Return the first page: what the book is, and its contents."""
    names = [path.relative_to(ROOT).with_suffix("").as_posix() for path in found]
    lessons = [name for name in names if re.match(r"lessons/\d\d_", name)]
    teaching = ["lessons/README", *(name for name in names if name.startswith("docs/teaching/"))]
    parts = {
        "Lessons": lessons,
        "To look up": ["docs/glossary", "docs/pitfalls", "docs/museum", "docs/library"],
        "Models and results": ["docs/models", "cards/index", "docs/results", "docs/speed"],
        "For teachers": sorted(
            teaching, key=lambda name: (name != "lessons/README", not name.endswith("README"), name)
        ),
        "Reference": ["reference/index"],
    }
    left = [name for name in names if name not in sum(parts.values(), [])]
    trees = [
        "\n".join((f"```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n", *entries, "```\n"))
        for caption, entries in parts.items()
    ]
    hidden = "\n".join(("```{toctree}\n:hidden:\n", *left, "```\n")) if left else ""
    words = (Path(__file__).parent / "front.md").read_text(encoding="utf-8")
    return "\n".join((words, *trees, hidden))
