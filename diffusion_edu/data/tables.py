"""Tables of images and their columns, read by the `datasets` library: from a folder, a parquet file or its hub."""

import io
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HUB = "hf:"  # a source like hf:OWNER/NAME or hf:OWNER/NAME:SPLIT is a data set of the hub
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Table:
    """Images that are not decoded yet, and columns with what is known about each.

    files: a Path or a BytesIO for each image; rows: its name in messages; columns: {name: list of values}; class_names:
    {column: names} of the columns that hold the number of a class.
    """

    name: str
    files: list
    rows: list[str]
    columns: dict[str, list]
    class_names: dict[str, list[str]]


def read_table(source):
    """Read a folder of images, a parquet file, or `hf:OWNER/NAME[:SPLIT]`, or raise ValueError, in one sentence.

    A folder may have the layouts of imagefolder in `datasets`: one sub-folder per class, folders train, validation and
    test, and captions or other columns in metadata.csv, metadata.jsonl or metadata.parquet.
    """
    if str(source).startswith(HUB):
        return hub(str(source))
    path = Path(source).expanduser()
    if path.is_dir():
        return folder(path)
    if path.is_file():
        return parquet(path)
    raise ValueError(f"There is no file or folder {str(source)!r}: give a folder of images or a parquet file.")


def folder(path):
    """Read a folder as imagefolder in `datasets` does; the images are in the order of their paths."""
    library = _library(f"Folders of images need the package datasets to read {path.name!r}")
    with TemporaryDirectory() as cache:
        try:
            loaded = library.load_dataset("imagefolder", data_dir=str(path), cache_dir=cache)
        except (FileNotFoundError, library.exceptions.DataFilesNotFoundError):
            raise _without_files(path) from None
        except Exception as problem:  # whatever a metadata file makes the library say
            cause = problem.__cause__ or problem
            if "corresponds to no data" in str(cause):  # there are only other files
                raise _without_files(path) from None
            raise ValueError(
                f"The folder {path.name!r} cannot be read ({cause}): check its metadata file, with a column file_name."
            ) from None
        return _table(library, loaded, path.name, ordered=True)


def parquet(path):
    """Read a parquet file with a column of encoded images."""
    import pyarrow.parquet

    try:
        library, count = _library(""), pyarrow.parquet.read_metadata(path).num_rows
    except pyarrow.ArrowInvalid as problem:
        raise _not_parquet(path, problem) from None
    except ValueError:  # no `datasets` here
        return _plain_parquet(path)
    if not count:
        raise ValueError(f"{path.name!r} holds no image that can be read: it has no rows.")
    with TemporaryDirectory() as cache:
        try:
            loaded = library.load_dataset("parquet", data_files=str(path), split="train", cache_dir=cache)
        except Exception as problem:  # what a file that is no parquet file makes the library say
            raise _not_parquet(path, problem.__cause__ or problem) from None
        return _table(library, {"": loaded}, path.name)


def hub(source):
    """Read a data set of the hub, `hf:OWNER/NAME` (all splits) or `hf:OWNER/NAME:SPLIT`; it is downloaded once."""
    name, _, split = source.removeprefix(HUB).partition(":")
    library = _library(f"Data sets of the hub need the package datasets to read {name!r}")
    try:
        loaded = library.load_dataset(name, split=split or None)
    except Exception as problem:  # no network, no such name, no such split: the library's own words say which
        raise ValueError(
            f"The data set {name!r} could not be read ({problem}): check its name and the internet connection."
        ) from None
    return _table(library, {split: loaded} if split else loaded, name)


def _library(need):
    try:
        import datasets
    except ImportError:
        raise ValueError(f"{need}: install it with 'pip install datasets'.") from None
    datasets.disable_progress_bars()
    return datasets


def _table(library, splits, name, ordered=False):
    """Make one Table of data sets by split; labels and class names are those of the features."""
    files, columns, features = [], {}, next(iter(splits.values())).features
    image = next((key for key, feature in features.items() if isinstance(feature, library.Image)), "image")
    for split, data in splits.items():
        if image not in data.column_names:
            raise _without_images(name, data.column_names)
        data = data.cast_column(image, library.Image(decode=False))
        rows = data[:]
        files += [_opened(each) for each in rows.pop(image)]
        if len(splits) > 1 and "split" not in rows:
            rows["split"] = [split] * len(data)
        for key, values in rows.items():
            columns.setdefault(key, []).extend(values)
    names = {key: list(feature.names) for key, feature in features.items() if isinstance(feature, library.ClassLabel)}
    if ordered:
        order = sorted(range(len(files)), key=lambda row: str(files[row]))
        files, columns = [files[row] for row in order], {k: [v[row] for row in order] for k, v in columns.items()}
    return Table(name, files, [_named(file, row) for row, file in enumerate(files)], columns, names)


def _opened(image):
    if image and image["bytes"] is None and image["path"]:
        return Path(image["path"])
    return io.BytesIO((image or {}).get("bytes") or b"")


def _named(file, row):
    return file.name if isinstance(file, Path) else f"row {row}"


def _plain_parquet(path):
    """Read a parquet file without `datasets`, for training on a machine that has little more than torch."""
    import json

    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowInvalid as problem:
        raise _not_parquet(path, problem) from None
    if "image" not in table.column_names:
        raise _without_images(path.name, table.column_names)
    described = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    features = described.get("info", {}).get("features", {})
    columns = table.to_pydict()
    files = [_opened(image) for image in columns.pop("image")]
    names = {key: feature["names"] for key, feature in features.items() if feature.get("_type") == "ClassLabel"}
    return Table(path.name, files, [_named(file, row) for row, file in enumerate(files)], columns, names)


NOT_PARQUET = "{} is not a parquet file with a column 'image' of encoded images: {}"


def _not_parquet(path, problem):
    return ValueError(NOT_PARQUET.format(path.name, problem))


def _without_files(path):
    return ValueError(
        f"{path.name!r} holds no image that can be read; expected files such as flower.jpg or flower.png."
    )


def _without_images(name, columns):
    return ValueError(NOT_PARQUET.format(name, f"it has {', '.join(columns)}."))
