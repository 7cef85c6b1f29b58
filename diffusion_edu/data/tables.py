"""Tables of images and what is known about each: from a folder, an archive, parquet files, or a data set of the hub."""

import io
import os
import re
from dataclasses import replace
from pathlib import Path

from diffusion_edu.data.archives import is_archive, unpacked
from diffusion_edu.data.columns import LABELS, column
from diffusion_edu.data.file_formats import SUFFIXES
from diffusion_edu.data.folders import files_of, folder_of_images, is_image
from diffusion_edu.data.layouts import listing, split_folders
from diffusion_edu.data.places import HUB, located
from diffusion_edu.data.row_files import TABLES
from diffusion_edu.data.shards import SHARDS, is_shard, read_shards
from diffusion_edu.data.table import Table, joined

NO_IMAGE = "{!r} holds no image that can be read; expected files such as flower.jpg or flower.png"


def read_table(source):
    """Read a folder of images, an archive, parquet files or `hf:OWNER/NAME[:SPLIT]` as a Table, or raise ValueError.

    A folder may have the layouts of imagefolder in `datasets`: one sub-folder per class, folders train, validation and
    test, and captions or other columns in metadata.csv, metadata.jsonl or metadata.parquet. places.located says how a
    source may be written; a tuple of files is one source.
    """
    several = isinstance(source, tuple)
    paths = [path.absolute() for each in source for path in located(each)] if several else located(source)
    first = paths[0]
    if isinstance(first, str):
        return hub(first)
    if len(paths) > 1:
        name = Path(os.path.commonpath([path.parent for path in paths])).name
        if all(is_archive(path) for path in paths) and not _numbered(paths):
            paths = unpacked(*paths)
        return _said(folder(paths, name)) if any(path.is_dir() for path in paths) else folder(paths, name)
    return _file(first) if first.is_file() and not is_image(first) else folder(paths, first.name or str(first))


def gathered(sources):
    """Put together what a terminal makes of a pattern, as one source for read_table: single images, or class folders.

    Folders or archives side by side are classes or splits where none of them has classes inside, or all are splits.
    """
    images = tuple(source for source in sources if Path(source).suffix.lower() in SUFFIXES)
    alike = [tuple(each for each in sources if kind_of(each) == kind) for kind in ("folder", "archive")]
    groups = [_with_tables(group, sources) for group in (*filter(_side_by_side, alike), images)]
    groups = [group for group in groups if len(group) > 1]
    together = {source for group in groups for source in group}
    return [*(source for source in sources if source not in together), *groups]


def kind_of(source):
    """Whether a source is one "folder", "archive" or "table" (not of parquet) of this computer, or else None."""
    try:
        [path] = located(source)
    except ValueError:  # nothing is there, or several are
        return None
    if isinstance(path, str):
        return None
    if path.is_dir() or is_archive(path):
        return "folder" if path.is_dir() else "archive"
    return "table" if path.suffix.lower() in TABLES and path.suffix.lower() != ".parquet" else None


def _with_tables(group, sources):
    """Add the tables among the sources that lie beside a group of them, and would else stand for the whole folder."""
    beside = {Path(os.path.expanduser(each)).absolute().parent for each in group}
    return *group, *(
        each for each in sources if kind_of(each) == "table" and located(each)[0].absolute().parent in beside
    )


def _side_by_side(sources):
    """Whether folders or archives of images are the classes or the splits of one set."""
    paths = [path for source in sources for path in located(source)]
    if len(paths) < 2 or len({path.absolute().parent for path in paths}) > 1:
        return False
    if is_archive(paths[0]) and _numbered(paths):
        return False
    tables = [read_table(path) for path in paths]
    if not all(isinstance(file, Path) for table in tables for file in table.files):  # of parquet files
        return False
    splits = split_folders([path.name.split(".")[0] for path in paths])
    return len(splits) == len(paths) or not any(column(table.columns, LABELS) for table in tables)


def _numbered(archives):
    """Whether archives are the parts of one set: 00000.tar, 00001.tar."""
    return len({re.sub(r"\d+", "", path.name) for path in archives}) == 1


def _said(table):
    """Say which folders of several were taken for classes or splits."""
    label = column(table.columns, LABELS)
    said = [("splits", table.columns.get("split", ())), ("classes", table.columns[label] if label else ())]
    names = [(what, sorted({str(each) for each in values if each is not None})) for what, values in said]
    notes = [f"Read as {what}: {listing(found)}." for what, found in names if found]
    return replace(table, notes=(*table.notes, *(note for note in notes if note not in table.notes)))


def _file(path):
    """Read one file that is no image."""
    if is_archive(path):
        return replace(folder(unpacked(path), path.name), name=path.name)
    if path.suffix.lower() in TABLES and path.suffix.lower() != ".parquet":  # metadata.csv stands for its folder
        return folder([path.parent], path.parent.name)
    if is_shard(path):
        return read_shards(path.name, path.parent, [path])
    raise ValueError(
        f"{path.name!r} is not a parquet file, an archive or an image: name a folder of images, or such a file."
    )


def folder(paths, name):
    """Read what lies below folders: images, or else the shards or the archives of a data set."""
    root, images, others, notes = files_of(paths)
    shards = [file for file in others if file.suffix.lower() in SHARDS]
    if images and (table := _more_in_shards(name, root, images, shards)):
        return table
    if images:
        return folder_of_images(name, root, images, others, notes, whole=all(path.is_dir() for path in paths))
    if shards:
        return read_shards(name, root, shards)
    if archives := [file for file in others if is_archive(file)]:
        if _numbered(archives):
            return joined(name, [_file(file) for file in archives])
        return _said(folder(unpacked(*archives), name))
    there = [file.relative_to(root).as_posix() for file in others]
    raise ValueError(NO_IMAGE.format(name) + (f", and found {listing(there)}." if there else "."))


def _more_in_shards(name, root, images, shards):
    """Read the shards of a folder if they hold more images than lie beside them, which are left out; or None."""
    try:
        shards = [file for file in shards if file.stem.lower() != "metadata"]
        table = read_shards(name, root, shards) if shards else None
    except ValueError:  # tables without images, which may be about the others
        return None
    if table is None or len(table.files) <= len(images) or any(isinstance(file, Path) for file in table.files):
        return None
    left = listing(file.relative_to(root).as_posix() for file in images)
    return replace(table, notes=(*table.notes, f"Left out what lies beside the parquet files: {left}."))


def hub(source):
    """Read a data set of the hub, `hf:OWNER/NAME` (all splits) or `hf:OWNER/NAME:SPLIT`; it is downloaded once."""
    name, _, split = source.removeprefix(HUB).partition(":")
    try:
        import datasets
    except ImportError:
        raise ValueError(
            f"Data sets of the hub need the package datasets to read {name!r}: install it with 'pip install datasets'."
        ) from None
    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_dataset(name, split=split or None)
    except Exception as problem:  # no network, no such name, no such split: the library's own words say which
        raise ValueError(
            f"The data set {name!r} could not be read ({problem}): check its name and the internet connection."
        ) from None
    splits = {split: loaded} if split else loaded
    tables = [_table(datasets, name, part, data) for part, data in splits.items()]
    if len(tables) > 1:
        for part, table in zip(splits, tables, strict=True):
            table.columns.setdefault("split", [part] * len(table.files))
    return joined(name, tables)


def _table(library, name, split, data):
    """Make a Table of one split; class names are those of the features."""
    image = next((key for key, feature in data.features.items() if isinstance(feature, library.Image)), None)
    if image is None:
        raise ValueError(f"The data set {name!r} has no column of images: it has {listing(data.column_names, 20)}.")
    columns = data.cast_column(image, library.Image(decode=False))[:]
    files = [_opened(each) for each in columns.pop(image)]
    names = {key: list(each.names) for key, each in data.features.items() if isinstance(each, library.ClassLabel)}
    rows = [file.name if isinstance(file, Path) else f"row {row}" for row, file in enumerate(files)]
    return Table(name, files, rows, columns, names)


def _opened(image):
    if image and image["bytes"] is None and image["path"]:
        return Path(image["path"])
    return io.BytesIO((image or {}).get("bytes") or b"")
