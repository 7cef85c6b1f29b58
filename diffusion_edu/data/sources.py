"""Where images come from: a folder, a parquet file, or a public set that is downloaded once. Here they are only listed, not yet read."""

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

SPLITS = ("train", "validation", "test")
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
CACHE = Path.home() / ".cache" / "diffusion_edu"
FACES = (  # of CelebA's forty attributes, those that can be seen in an image of 64 x 64
    *(
        "male",
        "young",
        "smiling",
        "mouth slightly open",
        "eyeglasses",
        "wearing hat",
        "bangs",
        "bald",
        "black hair",
        "blond hair",
        "brown hair",
    ),
    *(
        "gray hair",
        "straight hair",
        "wavy hair",
        "no beard",
        "mustache",
        "goatee",
        "wearing lipstick",
        "wearing earrings",
        "wearing necktie",
    ),
)
FIVE_FLOWERS = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"


@dataclass(frozen=True)
class Found:
    """A set of images by name: rows of (file, label, split or -1, words for the row), and what the labels mean."""

    name: str
    rows: list
    classes: list
    attributes: list = ()


def listed(source):
    """List the images of a folder or a parquet file; raises ValueError if it is neither."""
    path = Path(source)
    if path.is_dir():
        return folder(path)
    if path.is_file():
        return parquet(path)
    raise ValueError(f"There is no file or folder {str(source)!r}: give a folder of images or a parquet file.")


def images_in(path):
    """List all images under a folder, in order."""
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())


def folder(path):
    """List all images under a folder; its sub-folders are the classes if every image lies in one and there are at least two."""
    files = images_in(path)
    classes = sorted({f.relative_to(path).parts[0] for f in files if f.parent != path})
    if len(classes) < 2 or any(f.parent == path for f in files):
        classes = []
    return Found(
        path.name,
        [(f, classes.index(f.relative_to(path).parts[0]) if classes else 0, -1, f.name) for f in files],
        classes,
    )


def parquet(path):
    """List the rows of a parquet file with a column `image`; the classes are in `label`, or the attributes in columns of yes and no."""
    import pyarrow.parquet  # not needed by those who read folders

    try:
        table = pyarrow.parquet.read_table(path)
        images = [image["bytes"] if image else b"" for image in table["image"].to_pylist()]
    except (KeyError, TypeError, pyarrow.ArrowInvalid) as problem:
        raise ValueError(
            f"{path.name} is not a parquet file with a column 'image' of encoded images: {problem}"
        ) from None
    described = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    classes = described.get("info", {}).get("features", {}).get("label", {}).get("names", [])
    attributes = (
        [] if "label" in table.column_names else [field.name for field in table.schema if field.type == pyarrow.bool_()]
    )
    labels = table["label"].to_pylist() if "label" in table.column_names else [0] * len(images)
    if attributes:
        columns = (table[name].to_pylist() for name in attributes)
        labels = [[{True: 1, False: -1, None: 0}[has] for has in row] for row in zip(*columns, strict=True)]
    elif not classes and "label" in table.column_names:
        classes = [str(k) for k in range(max(labels, default=-1) + 1)]
    splits = table["split"].to_pylist() if "split" in table.column_names else [None] * len(images)
    rows = enumerate(zip(images, labels, splits, strict=True))
    rows = [(io.BytesIO(image), label, _split(split), f"row {n}") for n, (image, label, split) in rows]
    return Found(path.name, rows, classes, [name.replace("_", " ") for name in attributes])


def _split(name):
    return SPLITS.index(name) if name in SPLITS else -1


def oxford_flowers(tell):
    """Oxford Flowers 102 (Nilsback & Zisserman 2008), all three splits."""
    tell(f"Oxford Flowers 102: looking in {CACHE}, downloading 350 MB the first time.")
    rows, classes = [], []
    try:
        from torchvision.datasets import (
            Flowers102,  # only here: a download with checksums is all that is needed of torchvision
        )

        for number, split in enumerate(("train", "val", "test")):  # "train" alone is 1,020 of the 8,189
            flowers = Flowers102(CACHE, split=split, download=True)
            classes = getattr(flowers, "classes", None) or [f"flower {k}" for k in range(102)]
            rows += [
                (file, label, number, file.name)
                for file, label in zip(flowers._image_files, flowers._labels, strict=True)
            ]
    except (ImportError, OSError, RuntimeError) as problem:
        raise _out_of_reach("Oxford Flowers 102", problem) from None
    return Found("Oxford Flowers 102", rows, classes)


def celeba(tell):
    """CelebA (Liu et al. 2015), aligned faces with twenty of their attributes; non-commercial research only."""
    tell(f"CelebA: looking in {CACHE}, downloading 1.4 GB the first time.")
    try:
        from torchvision.datasets import CelebA

        faces = CelebA(CACHE, split="all", target_type="attr", download=True)
        paths = [Path(faces.root) / faces.base_folder / "img_align_celeba" / name for name in faces.filename]
    except Exception as problem:  # what it downloads with fails in ways of its own
        raise _out_of_reach("CelebA", problem) from None
    known = [name.lower().replace("_", " ") for name in faces.attr_names]
    labels = 2 * faces.attr[:, [known.index(name) for name in FACES]] - 1
    rows = [(path, label, -1, path.name) for path, label in zip(paths, labels.tolist(), strict=True)]
    return Found("CelebA", rows, [], FACES)


def five_flowers(tell):
    """Five kinds of flowers, 3,670 photographs of any size (the TensorFlow flowers, CC BY)."""
    photos = CACHE / "flower_photos"
    tell(f"Five flowers: looking in {CACHE}, downloading 220 MB the first time.")
    try:
        from torchvision.datasets.utils import download_and_extract_archive

        if not photos.is_dir():
            CACHE.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(
                dir=CACHE
            ) as part:  # a download that is stopped halfway must not pass for the whole set
                download_and_extract_archive(FIVE_FLOWERS, part)
                (Path(part) / photos.name).rename(photos)
    except (ImportError, OSError, RuntimeError, tarfile.TarError) as problem:
        raise _out_of_reach("The five flowers", problem) from None
    return folder(photos)


def _out_of_reach(name, problem):
    return ValueError(
        f"{name} could not be fetched ({problem}). Connect to the internet once, or name a folder or parquet file with --data."
    )


PUBLIC = {"flowers": oxford_flowers, "faces": celeba, "five flowers": five_flowers}
