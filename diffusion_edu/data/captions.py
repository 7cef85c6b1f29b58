"""Images with captions: from a table, from text files beside the images, or made from class and colour."""

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.data.columns import TEXTS, column, plain, texts_of
from diffusion_edu.data.flower_captions import class_captions, flower_captions
from diffusion_edu.data.images import ImageSet, load_found, load_images, read_rows
from diffusion_edu.data.layouts import SPLITS, listing
from diffusion_edu.data.metadata import is_text, read_text_beside
from diffusion_edu.data.sources import PUBLIC, Found, found_in
from diffusion_edu.data.tables import gathered, read_table

HOW = (
    "put a text file of the same name beside each image (cat.jpg, cat.txt), or a file metadata.csv with the columns "
    "file_name and caption"
)


@dataclass(frozen=True)
class Captioned:
    """A set of images uint8 (n, 3, size, size), each with captions, a subject and a category ("" where unknown).

    captions holds a tuple of texts for each image: one, or several to choose from. made says that they were made of
    classes and colours, and nobody wrote them.
    """

    images: Tensor
    captions: tuple[tuple[str, ...], ...]
    subjects: tuple[str, ...]
    categories: tuple[str, ...]
    source: str
    made: bool = False

    def __len__(self):
        return len(self.images)


def load_captioned(source, size, tell, from_classes=False):
    """Read images with captions: a folder, a parquet file, a data set of the hub, or a set in PUBLIC.

    Captions are in columns such as caption or text, one or several for each image, or in a text file beside each
    image. Sets in PUBLIC, and with from_classes any set without captions, get some made from class and colour, and
    `tell` says so. Images that cannot be read or have no caption are left out, and `tell` gets a sentence. Raises
    ValueError, in one sentence, if nothing is left.
    """
    if source in PUBLIC and not Path(source).expanduser().exists():
        return _made(load_images(None, size, tell, source), flower_captions, ("flowers",), tell)
    table = read_table(source)
    if written := _written(table, tell):
        return _read(table, written, size, tell)
    if not from_classes:
        for note in table.notes:
            tell(note)
        columns = f" (its columns are {listing(table.columns, 20)})" if table.columns else ""
        advice = "--captions-from-classes makes captions of the names of classes"
        raise ValueError(f"{table.name} has no captions{columns}: {HOW}; {advice}.")
    return _made(load_found(found_in(table), size, tell), class_captions, ("",), tell)


def _made(dataset, make, category, tell):
    """Make captions of classes, and say so; raises ValueError if there are no classes."""
    if not dataset.classes:
        raise ValueError(f"{dataset.source} has neither captions nor classes: {HOW}.")
    captions, class_names = make(dataset)
    tell(f"Nobody wrote captions for {dataset.source}: they are made of its classes, for example {captions[0]!r}.")
    several = tuple((caption,) for caption in captions)
    return Captioned(dataset.images, several, class_names, category * len(captions), dataset.source, made=True)


def _written(table, tell):
    """List (captions, subject, category) of each image where somebody wrote captions, else nothing."""
    columns, nothing = table.columns, [None] * len(table.files)
    found = [name for name in columns if is_text(name) and any(texts_of(value) for value in columns[name])]
    first = min((_family(name) for name in found), key=TEXTS.index, default=None)
    chosen = [columns[name] for name in found if _family(name) == first]  # caption_0, caption_1, ...
    texts = [texts_of(each) for each in zip(*chosen, strict=True)] or nothing
    if table.texts:  # beside the images
        texts = [
            said or (read_text_beside(file, tell) if file else [])
            for said, file in zip(texts, table.texts, strict=True)
        ]
    subjects, categories = (columns.get(column(columns, (name,)), nothing) for name in ("subject", "category"))
    return list(zip(texts, subjects, categories, strict=True)) if any(texts) else []


def _family(name):
    return re.sub(r"\d+$", "", plain(name))


def load_subjects(sources, size, tell):
    """Read sets with captions, a list, as one of Images by their subjects: see by_subject."""
    if not sources:
        raise ValueError(
            "Images with captions and subjects are in no public set: name a parquet file or a folder with --data."
        )
    return by_subject([load_captioned(source, size, tell, from_classes=True) for source in gathered(sources)], tell)


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


def _read(table, written, size, tell):
    """Read the images of a table with (captions, subject, category) of each, and leave out those without a caption."""
    for note in table.notes:
        tell(note)
    named = zip(table.files, range(len(table.files)), table.rows, strict=True)
    rows = [(file, number, -1, name) for file, number, name in named if written[number][0]]
    if missing := [name for name, (texts, *_) in zip(table.rows, written, strict=True) if not texts]:
        of = f"{len(missing)} of {len(table.files)} images in {table.name}"
        tell(f"{of} have no caption and were left out: {listing(missing)}.")
    if not rows:
        raise ValueError(f"No image in {table.name} has a caption: {HOW}.")
    images, kept = read_rows(Found(table.name, rows, []), size, tell)
    captions, subjects, categories = zip(*(written[number] for number, _ in kept), strict=True)
    words = [tuple(next(iter(texts_of(each)), "") for each in every) for every in (subjects, categories)]
    return Captioned(images, tuple(map(tuple, captions)), *words, table.name)
