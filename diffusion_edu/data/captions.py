"""Images with captions: from a table, from text files beside the images, or made from class and colour."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.data.flower_captions import flower_captions
from diffusion_edu.data.images import ImageSet, load_found, load_images, read_rows
from diffusion_edu.data.sources import PUBLIC, Found, found_in
from diffusion_edu.data.tables import SPLITS, read_table

CAPTIONS = ("caption", "text")  # what the column of captions may be called
HOW = (
    "put a text file of the same name beside each image (cat.jpg, cat.txt), or a file metadata.csv with the columns "
    "file_name and caption"
)


@dataclass(frozen=True)
class Captioned:
    """A set of images uint8 (n, 3, size, size), each with a caption, a subject and a category ("" where unknown).

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
    """Read images with captions: a folder, a parquet file, a data set of the hub, or a set in PUBLIC.

    Captions are in a column caption or text, or in a text file beside each image. A set without any gets captions
    made from class and colour. Images that cannot be read or have no caption are left out, and `tell` gets a
    sentence. Raises ValueError, in one sentence, if nothing is left.
    """
    if source in PUBLIC and not Path(source).expanduser().exists():
        return _captions_from_classes(load_images(None, size, tell, source))
    table = read_table(source)
    if written := _written(table):
        return _read(table, written, size, tell)
    return _captions_from_classes(load_found(found_in(table), size, tell))


def _captions_from_classes(dataset):
    """Make captions from class and colour; raises ValueError if there are no classes."""
    if not dataset.classes:
        raise ValueError(f"{dataset.source} has neither captions nor classes: {HOW}.")
    captions, class_names = flower_captions(dataset)
    return Captioned(dataset.images, captions, class_names, ("flowers",) * len(captions), dataset.source, made=True)


def _written(table):
    """List (caption, subject, category) of each image where somebody wrote captions, else nothing."""
    column = next((name for name in CAPTIONS if name in table.columns), None)
    if column:
        empty = [""] * len(table.files)
        return list(zip(*(table.columns.get(name, empty) for name in (column, "subject", "category")), strict=True))
    beside = [text_beside(file) for file in table.files]
    return [(text, "", "") for text in beside] if any(beside) else []


def load_subjects(sources, size, tell):
    """Read sets with captions, a list, as one of Images by their subjects: see by_subject."""
    if not sources:
        raise ValueError(
            "Images with captions and subjects are in no public set: name a parquet file or a folder with --data."
        )
    return by_subject([load_captioned(source, size, tell) for source in sources], tell)


def by_subject(sets, tell):
    """Make one ImageSet of several Captioned: the classes are the subjects, each with its category or else the subject.

    Every eighth image of each set is for validation. Images without a subject are left out, and `tell` gets a sentence.
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


def text_beside(file):
    """Read the text file beside an image, "" if there is none."""
    beside = file.with_suffix(".txt") if isinstance(file, Path) else None
    return beside.read_text(encoding="utf-8-sig", errors="replace") if beside and beside.is_file() else ""


def _read(table, written, size, tell):
    """Read the images of a table with (caption, subject, category) of each, and leave out those without a caption."""
    written = [tuple(" ".join(str(part or "").split()) for part in row) for row in written]
    named = zip(table.files, range(len(table.files)), table.rows, strict=True)
    rows = [(file, number, -1, name) for file, number, name in named if written[number][0]]
    if missing := len(table.files) - len(rows):
        tell(f"{missing} of {len(table.files)} images in {table.name} have no caption and were left out.")
    if not rows:
        raise ValueError(f"No image in {table.name} has a caption: {HOW}.")
    images, kept = read_rows(Found(table.name, rows, []), size, tell)
    captions, subjects, categories = zip(*(written[number] for number, _ in kept), strict=True)
    return Captioned(images, captions, subjects, categories, table.name)
