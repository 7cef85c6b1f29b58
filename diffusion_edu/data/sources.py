"""Which images there are, and what they are labelled with: of a folder, a parquet file, the hub, or a public set."""

import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from diffusion_edu.data.checksums import verify, verify_all
from diffusion_edu.data.columns import LABEL_NAMES, LABELS, TEXTS, column, plain
from diffusion_edu.data.labels import class_labels
from diffusion_edu.data.layouts import SPLITS, listing, split_of
from diffusion_edu.data.tables import hub, read_table

CACHE = Path.home() / ".cache" / "diffusion_edu"
# Of CelebA's forty attributes, those that can be seen in an image of 64 x 64.
_FACES = """
    male, young, smiling, mouth slightly open, eyeglasses, wearing hat, bangs, bald, black hair, blond hair, brown hair,
    gray hair, straight hair, wavy hair, no beard, mustache, goatee, wearing lipstick, wearing earrings, wearing necktie
"""
FACES = tuple(name.strip() for name in _FACES.split(","))
NO_CLASS = ("split", "subject", "category", "", "id", "index")  # columns that nobody takes for classes
OXFORD, FLOWERS = "Oxford Flowers 102", "hf:dpdl-benchmark/oxford_flowers102"
FIVE_FLOWERS = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"


@dataclass(frozen=True)
class Found:
    """A set of images by name: rows of (file, label, split or -1, words for the row), and what the labels mean.

    notes: sentences on what was taken for what and what was left out. declared: classes without images stay classes,
    because the set names them itself.
    """

    name: str
    rows: list
    classes: list
    attributes: list = ()
    notes: tuple = ()
    declared: bool = True


def listed(source):
    """List the images of a folder, a parquet file or a data set of the hub (see read_table); raises ValueError."""
    return found_in(read_table(source))


def found_in(table):
    """Find what the images of a Table are labelled with: a class, or attributes in columns of yes and no.

    Images without a label are left out where others have one. Raises ValueError, in one sentence, for wrong labels.
    """
    columns, count = table.columns, len(table.files)
    label = column(columns, LABELS) or next(iter(table.class_names), None)
    attributes = [] if label else [name for name, values in columns.items() if _yes_and_no(values)]
    classes, labels = [], [0] * count
    if attributes:
        labels = [
            [{True: 1, False: -1, None: 0}[has] for has in row]
            for row in zip(*(columns[name] for name in attributes), strict=True)
        ]
    elif label:
        labels, classes = class_labels(columns[label], table.class_names.get(label, ()), table.rows, label)
        if label not in table.class_names:
            classes = _named(classes, labels, columns.get(column(columns, LABEL_NAMES), ()))
    splits = [_split(split) for split in columns.get("split", [None] * count)]
    rows = list(zip(table.files, labels, splits, table.rows, strict=True))
    notes = list(table.notes)
    without = [name for _, found, _, name in rows if found is None]
    if len(without) == count:
        classes = []
    if classes and without:
        notes.append(f"Left out {len(without)} of {count} images without a label: {listing(without)}.")
        rows = [row for row in rows if row[1] is not None]
    if label and not classes:
        rows = [(file, 0, split, name) for file, _, split, name in rows]
    unused = [name for name in columns if plain(name) not in (*TEXTS, *NO_CLASS)]
    if not label and not attributes and unused:
        notes.append(f"No column is called label, so there are no classes; not used: {listing(unused)}.")
    names = [name.replace("_", " ") for name in attributes]
    return Found(table.name, rows, classes, names, tuple(notes), label in table.class_names)


def _named(classes, labels, names):
    """Name the classes as another column does, if it has one name for each: label 0, label_name cat."""
    said = {(label, name) for label, name in zip(labels, names, strict=False) if label is not None and name}
    of = dict(said)
    return [of[at] for at in sorted(of)] if len(said) == len(of) == len(set(of.values())) == len(classes) else classes


def _split(name):
    split = split_of(name) if isinstance(name, str) else None
    return SPLITS.index(split) if split else -1


def _yes_and_no(values):
    return {type(value) for value in values} - {type(None)} == {bool}


def oxford_flowers(tell):
    """Oxford Flowers 102 (Nilsback & Zisserman 2008), all splits, from the hub of `datasets` or else torchvision."""
    tell(f"Oxford Flowers 102: looking in the caches of datasets and in {CACHE}, downloading 350 MB the first time.")
    try:
        table = hub(FLOWERS)
        if len(table.files) != 8189 or len(table.class_names.get("label", ())) != 102:
            raise ValueError(f"{FLOWERS} is not the whole set")
        return found_in(replace(table, name=OXFORD))
    except ValueError as problem:
        tell(f"{problem} Trying torchvision instead.")
    rows, classes = [], []
    try:
        from torchvision.datasets import Flowers102

        for number, split in enumerate(("train", "val", "test")):  # "train" alone is 1,020 of the 8,189
            new = not (CACHE / "flowers-102").is_dir()
            flowers = Flowers102(CACHE, split=split, download=True)
            if new:
                verify_all(CACHE / "flowers-102")
            classes = getattr(flowers, "classes", None) or [f"flower {k}" for k in range(102)]
            rows += [
                (file, label, number, file.name)
                for file, label in zip(flowers._image_files, flowers._labels, strict=True)
            ]
    except (ImportError, OSError, RuntimeError) as problem:
        raise _out_of_reach(OXFORD, problem) from None
    return Found(OXFORD, rows, classes)


def celeba(tell):
    """CelebA (Liu et al. 2015), aligned faces with twenty of their attributes; non-commercial research only."""
    tell(f"CelebA: looking in {CACHE}, downloading 1.4 GB the first time.")
    try:
        from torchvision.datasets import CelebA

        new = not (CACHE / "celeba").is_dir()
        faces = CelebA(CACHE, split="all", target_type="attr", download=True)
        paths = [Path(faces.root) / faces.base_folder / "img_align_celeba" / name for name in faces.filename]
    except Exception as problem:  # what it downloads with fails in ways of its own
        raise _out_of_reach("CelebA", problem) from None
    if new:
        verify_all(CACHE / "celeba")
    known = [name.lower().replace("_", " ") for name in faces.attr_names]
    labels = 2 * faces.attr[:, [known.index(name) for name in FACES]] - 1
    rows = [(path, label, -1, path.name) for path, label in zip(paths, labels.tolist(), strict=True)]
    return Found("CelebA", rows, [], FACES)


def five_flowers(tell):
    """Five classes of flowers, 3,670 photographs of any size (the TensorFlow flowers, CC BY)."""
    photos = CACHE / "flower_photos"
    tell(f"Five flowers: looking in {CACHE}, downloading 220 MB the first time.")
    try:
        from torchvision.datasets.utils import download_url, extract_archive

        if not photos.is_dir():
            CACHE.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=CACHE) as part:  # what is stopped halfway must not pass for the whole set
                download_url(FIVE_FLOWERS, part)
                extract_archive(str(verify(Path(part, FIVE_FLOWERS.rsplit("/", 1)[1]))), part)
                Path(part, photos.name).rename(photos)
    except (ImportError, OSError, RuntimeError, tarfile.TarError) as problem:
        raise _out_of_reach("The five flowers", problem) from None
    return found_in(read_table(photos))


def _out_of_reach(name, problem):
    return ValueError(
        f"{name} could not be fetched ({problem}). "
        "Connect to the internet once, or name a folder or parquet file with --data."
    )


PUBLIC = {"flowers": oxford_flowers, "faces": celeba, "five flowers": five_flowers}
