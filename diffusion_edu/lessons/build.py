"""Build the notebooks of a lesson from its text: `python -m diffusion_edu.lessons.build 04` (all without a number).

`lessons/source/NN_name.py` (jupytext's percent format) becomes `lessons/NN_name.ipynb` for students, run once and
stored with its outputs, and `lessons/solutions/NN_name.ipynb` with the answers.
"""

import argparse
import base64
import io
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
import numpy as np
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

from diffusion_edu.lessons.course import questions
from diffusion_edu.lessons.teaching.badges import opened, repository
from diffusion_edu.paths import LESSONS

APP = "http://localhost:8501"  # the address of the explorer in every link of a lesson
LARGE = 80_000  # characters of a PNG (base64) that is stored with fewer colours
INK = 0x75  # red, green and blue of the text in figures, still.INK
SETUP = """try:
{imports}
except ModuleNotFoundError as problem:
    raise SystemExit(
        f"This Python has no {{problem.name}}: start Jupyter with `make lab` or `diffusion-edu lab`."
    ) from None
{rest}"""
SOLUTION = re.compile(
    r"^( *)# BEGIN SOLUTION\n(?P<solved>.*?)^ *# END SOLUTION\n?(?P<student>(?:^ *# STUDENT ?[^\n]*\n?)*)", re.M | re.S
)
INLINE = re.compile(r"^(?P<student>.*?)  ## solution: (?P<solved>.*)$", re.M)
PNG = """
from diffusion_edu.figures.still import Captioned
from io import BytesIO
def _png(shown):
    file = BytesIO()
    shown.figure.savefig(file, format="png", transparent=True)
    return file.getvalue()
get_ipython().display_formatter.formatters["image/png"].for_type(Captioned, _png)
"""


def sources() -> list[Path]:
    """List the texts of all lessons, in order."""
    return sorted(Path(LESSONS, "source").glob("[0-9][0-9]_*.py"))


def notebook(source: Path, solved: bool, app: str = APP) -> NotebookNode:
    """Build one notebook, without outputs, from the text of a lesson."""
    text = jupytext.read(source, fmt="py:percent")
    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
    )
    for cell in text.cells:
        metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        cell_id = cell.metadata["id"]
        if cell.cell_type == "markdown":
            new = nbformat.v4.new_markdown_cell(_markdown(cell.source, source.name[:2], app))
        else:
            new = nbformat.v4.new_code_cell(_code(cell.source, solved))
            if cell_id == "setup":
                new.source = _setup(new.source)
            if "hide-source" in metadata.get("tags", []):
                metadata["jupyter"] = {"source_hidden": True}
        new.id, new.metadata = cell_id, nbformat.from_dict(metadata)
        made.cells.append(new)
    opened(made, source.stem, repository())  # links to Colab and Binder, if `make badges` was run
    nbformat.validate(made)
    return made


def _markdown(text, lesson, app):
    text = re.sub(r"^\{question (\S+)\}$", lambda found: _question(found[1], lesson), text, flags=re.M)
    return re.sub(r"\]\(app:([^)\s]*)\)", lambda found: f"]({app.rstrip('/')}/{found[1]})", text)


def _question(name, lesson):
    return questions(lesson)[name].markdown(name)


def _code(source, solved):
    """The code of a cell for students or with its solution."""

    def chosen(found):
        if solved:
            return found["solved"]
        lines = re.findall(r"^( *)# STUDENT ?(.*)$", found["student"], re.M) or [(found[1], "...")]
        return "".join(f"{indent}{line}\n" if line else "\n" for indent, line in lines)

    source = SOLUTION.sub(chosen, source + "\n").rstrip("\n")
    return INLINE.sub(lambda found: found["solved" if solved else "student"], source)


def _setup(source):
    """The setup cell: its imports in a `try`, so that a Python without the package says what to do."""
    lines = source.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("start("))
    imports = "\n".join(f"    {line}" if line else "" for line in lines[:start]).rstrip()
    return SETUP.format(imports=imports, rest="\n".join(lines[start:]))


def run(made: NotebookNode, folder: Path, seconds: int = 120) -> NotebookNode:
    """Run a notebook in a folder and store small outputs: figures as PNG with their caption and alternative text."""
    made.cells.insert(0, nbformat.v4.new_code_cell(PNG))
    NotebookClient(made, timeout=seconds, resources={"metadata": {"path": str(folder)}}).execute()
    del made.cells[0]
    made.metadata.language_info = {"name": "python"}  # not the version of the Python that ran it
    for number, cell in enumerate((cell for cell in made.cells if cell.cell_type == "code"), start=1):
        cell.outputs = [output for each in cell.outputs for output in _stored(each)]
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
        cell.metadata.pop("execution", None)
    return made


def _stored(output):
    """One output as it is stored: a figure becomes a small PNG and its caption, everything else stays."""
    if "image/png" not in output.get("data", {}):
        return [output]
    found = re.fullmatch(r"\[Figure: (.*?)\] (.*)", output.data["text/plain"], re.S)
    alt, caption = (found[1], found[2]) if found else (output.data["text/plain"], "")
    image = nbformat.v4.new_output(
        "display_data",
        {"image/png": _small(output.data["image/png"]), "text/plain": f"[Figure: {alt}]"},
        metadata={"image/png": {"alt": alt}},
    )
    words = nbformat.v4.new_output("display_data", {"text/markdown": f"*{caption}*", "text/plain": caption})
    return [image, words]


def _small(encoded):
    """A PNG (base64), with at most 256 colours if it is large: 240 fitted to its images, and 16 strengths of the ink.

    The image must not be half transparent except in its text, as figures of images are; others keep all colours.
    """
    if len(encoded) < LARGE:
        return encoded
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA"))
    strength = pixels[..., 3]
    text = (strength > 0) & (strength < 255)
    if np.abs(pixels[text][:, :3].astype(int) - INK).max(initial=0) > 8:
        return encoded
    fitted = Image.fromarray(pixels[..., :3]).quantize(240, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    colours = np.array(fitted)
    colours[strength < 255] = 240 + np.round(strength[strength < 255] / 17).astype(np.uint8)
    palette = ((fitted.getpalette() or []) + [0] * 720)[:720] + [INK] * 48
    image, file = Image.fromarray(colours), io.BytesIO()
    image.putpalette(palette)
    image.save(file, "png", optimize=True, transparency=bytes([255] * 240 + [17 * k for k in range(16)]))
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    """Build the lessons named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lessons", nargs="*", help="numbers such as 04; all if left out")
    parser.add_argument("--without-outputs", action="store_true", help="do not run them")
    args = parser.parse_args()
    for name in ("LESSON_RECORDS", "LESSON_STRICT", "LESSON_FAST"):
        os.environ.pop(name, None)  # what is stored is what a student sees
    for source in sources():
        if args.lessons and source.name[:2] not in args.lessons:
            continue
        _write(source, args.without_outputs)


def _write(source, without_outputs):
    for solved, folder in ((False, LESSONS), (True, LESSONS / "solutions")):
        made = notebook(source, solved)
        if not solved and not without_outputs:
            with TemporaryDirectory() as place:
                made = run(made, Path(place))
        folder.mkdir(exist_ok=True)
        nbformat.write(made, folder / f"{source.stem}.ipynb")
        size = (folder / f"{source.stem}.ipynb").stat().st_size
        print(f"{folder / source.stem}.ipynb: {len(made.cells)} cells, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
