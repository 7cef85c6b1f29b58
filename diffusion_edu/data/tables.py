"""Tables of images and what is known about each: from a folder, an archive, parquet files, or a data set of the hub."""

import io
import os
from dataclasses import replace
from pathlib import Path

from diffusion_edu.data.archives import is_archive, unpacked
from diffusion_edu.data.file_formats import SUFFIXES
from diffusion_edu.data.folders import files_of, folder_of_images, is_image
from diffusion_edu.data.layouts import listing
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
    paths = [path for each in source for path in located(each)] if isinstance(source, tuple) else located(source)
    first = paths[0]
    if isinstance(first, str):
        return hub(first)
    if len(paths) > 1:
        return folder(paths, Path(os.path.commonpath([path.parent for path in paths])).name)
    return _file(first) if first.is_file() and not is_image(first) else folder(paths, first.name or str(first))


def gathered(sources):
    """Put the single images of a list, which a terminal makes of *.jpg, together as one source for read_table."""
    images = tuple(source for source in sources if Path(source).suffix.lower() in SUFFIXES)
    rest = [source for source in sources if source not in images]
    return [*rest, images] if len(images) > 1 else list(sources)


def _file(path):
    """Read one file that is no image."""
    if is_archive(path):
        return replace(folder([unpacked(path)], path.name), name=path.name)
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
    if images:
        return folder_of_images(name, root, images, others, notes, whole=all(path.is_dir() for path in paths))
    if shards := [file for file in others if file.suffix.lower() in SHARDS]:
        return read_shards(name, root, shards)
    if archives := [file for file in others if is_archive(file)]:
        return joined(name, [_file(file) for file in archives])
    there = [file.relative_to(root).as_posix() for file in others]
    raise ValueError(NO_IMAGE.format(name) + (f", and found {listing(there)}." if there else "."))


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
