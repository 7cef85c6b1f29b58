"""Images with a caption each: of a parquet file, of a folder with text beside the images, or made of the class and the colour."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.data.flower_captions import flower_captions
from diffusion_edu.data.images import ImageSet, load_images, read_rows
from diffusion_edu.data.sources import PUBLIC, SPLITS, Found, images_in

TABLES = (
    "metadata.csv",
    "metadata.jsonl",
    "captions.csv",
    "captions.jsonl",
)  # the first two are those of imagefolder in `datasets`
FILES, TEXTS = ("file_name", "file", "image"), ("caption", "text")  # what their columns may be called
HOW = "put a text file of the same name beside each image (cat.jpg, cat.txt), or a file captions.csv with the columns file_name and caption"


@dataclass(frozen=True)
class Captioned:
    """A set of images uint8 (n, 3, size, size) with a caption each, what each shows and of which category that is ("" where nobody said).

    made says that the captions were made of classes and colours, and nobody wrote them.
    """

    images: Tensor
    captions: tuple[str, ...]
    subjects: tuple[str, ...]
    categories: tuple[str, ...]
    source: str
    made: bool = False

    def __len__(self):
        return len(self.images)


def load_captioned(source, size, tell):
    """Read a folder or a parquet file with captions, or one, or a set in PUBLIC, with classes of flowers: captions are made of class and colour.

    Images that cannot be read or have no caption are left out, and `tell` gets a sentence. Raises ValueError, in one
    sentence, if nothing is left.
    """
    path = Path(source).expanduser()
    public = source in PUBLIC and not path.exists()
    if path.is_dir() and (table_of(path) or any(file.with_suffix(".txt").is_file() for file in images_in(path))):
        return read_folder(path, size, tell)
    if path.is_file() and "caption" in columns(path):
        return read_parquet(path, size, tell)
    images = load_images(None if public else source, size, tell, source if public else "")
    if not images.classes:
        raise ValueError(f"{images.source} has neither captions nor classes: {HOW}.")
    captions, class_names = flower_captions(images)
    return Captioned(images.images, captions, class_names, ("flowers",) * len(captions), images.source, made=True)


def load_subjects(sources, size, tell):
    """Read sets with captions, a list, as one of Images by their subjects: see by_subject."""
    if not sources:
        raise ValueError(
            "Images with captions and subjects are in no public set: name a parquet file or a folder with --data."
        )
    return by_subject([load_captioned(source, size, tell) for source in sources], tell)


def by_subject(sets, tell):
    """Make one set of Images of sets of Captioned: its classes are their subjects, its categories the category of each, or the subject itself.

    Every eighth image of each set is for validation. Those whose subject nobody said are left out, and `tell` gets a sentence.
    """
    subjects, categories = (
        [each for some in sets for each in getattr(some, name)] for name in ("subjects", "categories")
    )
    said = {subject: category or subject for subject, category in zip(subjects, categories, strict=True) if subject}
    source, classes = " and ".join(some.source for some in sets), tuple(sorted(said))
    if not classes:
        raise ValueError(f"Nobody says of the images in {source} what they show: give them a column 'subject'.")
    if missing := subjects.count(""):
        tell(f"{missing} of {len(subjects)} images in {source} have no subject and were left out.")
    kept = torch.tensor([subject != "" for subject in subjects])
    labels = torch.tensor([classes.index(subject) if subject else -1 for subject in subjects])
    split = torch.cat(
        [
            torch.where(torch.arange(len(some)) % 8 == 4, SPLITS.index("validation"), SPLITS.index("train"))
            for some in sets
        ]
    )
    images = torch.cat([some.images for some in sets])
    return ImageSet(
        images, labels, classes, source, split, categories=tuple(said[subject] for subject in classes)
    ).take(kept)


def columns(path):
    """List the columns of a parquet file; none if it is no parquet file."""
    import pyarrow.parquet

    try:
        return pyarrow.parquet.read_schema(path).names
    except (pyarrow.ArrowInvalid, OSError):
        return []


def read_parquet(path, size, tell):
    """Read a parquet file with the columns image and caption, and perhaps subject and category."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    if "image" not in table.column_names:
        raise ValueError(f"{path.name} has captions and no column 'image' of encoded images: add it.")
    images = [image["bytes"] if image else b"" for image in table["image"].to_pylist()]
    told = [
        table[name].to_pylist() if name in table.column_names else [""] * len(images)
        for name in ("caption", "subject", "category")
    ]
    return read(path.name, [io.BytesIO(image) for image in images], list(zip(*told, strict=True)), size, tell)


def read_folder(path, size, tell):
    """Read a folder of images with captions: in one of the TABLES, or each in a text file of the same name."""
    table, files = table_of(path), images_in(path)
    listed = read_table(table, tell) if table else {}
    told = [
        listed.get(file.relative_to(path).as_posix(), ("", "", "")) if table else (text_beside(file), "", "")
        for file in files
    ]
    return read(path.name, files, told, size, tell)


def table_of(path):
    """Find the table of captions in a folder, None if there is none."""
    return next((path / name for name in TABLES if (path / name).is_file()), None)


def text_beside(file):
    """Read the text file beside an image, "" if there is none."""
    beside = file.with_suffix(".txt")
    return beside.read_text(encoding="utf-8-sig", errors="replace") if beside.is_file() else ""


def read_table(table, tell):
    """Read captions as {name of the image's file: (caption, subject, category)}."""
    text = table.read_text(encoding="utf-8-sig", errors="replace")
    try:
        rows = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if table.suffix == ".jsonl"
            else list(csv.DictReader(io.StringIO(text)))
        )
        there = set(rows[0])
    except (ValueError, LookupError, TypeError, csv.Error) as problem:
        raise ValueError(f"{table.name} cannot be read ({problem}): {HOW}.") from None
    file, caption = (next((name for name in names if name in there), None) for names in (FILES, TEXTS))
    if file is None or caption is None:
        raise ValueError(f"{table.name} needs the columns file_name and caption; it has {', '.join(map(str, there))}.")
    told = {
        str(row.get(file)): tuple(str(row.get(name) or "") for name in (caption, "subject", "category")) for row in rows
    }
    if absent := [name for name in told if not (table.parent / name).is_file()]:
        tell(f"{table.name} names {len(absent)} images that are not there, for example {absent[0]}.")
    return told


def read(source, files, told, size, tell):
    """Read image files with what is told of each, (caption, subject, category), and leave out those without a caption."""
    told = [tuple(" ".join((part or "").split()) for part in row) for row in told]
    rows = [
        (file, number, -1, f"image {getattr(file, 'name', number)}")
        for number, file in enumerate(files)
        if told[number][0]
    ]
    if missing := len(files) - len(rows):
        tell(f"{missing} of {len(files)} images in {source} have no caption and were left out.")
    if not rows:
        raise ValueError(f"No image in {source} has a caption: {HOW}.")
    images, kept = read_rows(Found(source, rows, []), size, tell)
    captions, subjects, categories = zip(*(told[number] for number, _ in kept), strict=True)
    return Captioned(images, captions, subjects, categories, source)
