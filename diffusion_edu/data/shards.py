"""Parquet and arrow files with a column of encoded images: one, or the shards of a data set."""

import base64
import binascii
import io
import json
import re
from pathlib import Path

from diffusion_edu.data.columns import column
from diffusion_edu.data.layouts import listing, split_of
from diffusion_edu.data.table import Table, joined

SHARDS = (".parquet", ".pq", ".arrow", ".feather")
IMAGES = ("image", "img", "images", "imagebytes", "imgbytes", "bytes", "jpg", "jpeg", "png", "webp", "photo")
ENCODED = re.compile(r"(large_|fixed_size_)?binary|struct<.*\b(bytes|path):")  # types of columns that hold image files
NUMBERS = re.compile(r"(large_)?list<\w+: u?int\d+>")
PATHS = ("image", "img", "imagepath", "filename", "filepath", "path", "file", "imagefile")


def read_shards(name, root, paths):
    """Read parquet and arrow files as one Table; the names of files and folders (train-00000-of-00002) are splits.

    Raises ValueError, in one sentence, if one is no such file, has no images, or if they do not belong together.
    """
    tables = [_read(path, path.name if len(paths) > 1 else "") for path in paths]
    if not any(table.files for table in tables):
        raise ValueError(f"{name!r} holds no image that can be read: it has no rows.")
    if len(tables) == 1:
        return tables[0]
    columns = {path.name: sorted(table.columns) for path, table in zip(paths, tables, strict=True) if table.files}
    if len({tuple(each) for each in columns.values()}) > 1:
        first, other = next((a, b) for a in columns for b in columns if columns[a] != columns[b])
        raise ValueError(
            f"The files of {name!r} have different columns ({first}: {listing(columns[first])}; {other}: "
            f"{listing(columns[other])}): name only those that belong together."
        )
    splits = [_split(path.relative_to(root)) for path in paths]
    if len(set(splits)) > 1:
        for table, split in zip(tables, splits, strict=True):
            table.columns.setdefault("split", [split] * len(table.files))
    return joined(name, tables)


def _split(path):
    """The split that the name of a file or of a folder above it says, the nearest first."""
    words = [word for part in reversed(path.parts) for word in re.findall("[a-z]+", part.lower())]
    return next((split_of(word) for word in words if split_of(word)), None)


def is_shard(path):
    """Whether a file is a parquet or arrow file by its name, or a parquet file by its first bytes.

    Raises ValueError, in one sentence, if it cannot be opened.
    """
    if path.suffix.lower() in SHARDS:
        return True
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"PAR1"
    except OSError as problem:
        raise ValueError(f"{path.name!r} cannot be read ({problem.strerror}): name another file or folder.") from None


def _read(path, shard):
    table = _arrow(path)
    if not table.num_rows:
        return Table(path.name, [], [], {}, {})
    features = _features(table.schema)
    key = _image_column(path, table.schema, features)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    files = [_opened(value, path.parent) for value in columns.pop(key)]
    names = {name: feature["names"] for name, feature in features.items() if isinstance(feature.get("names"), list)}
    rows = [f"row {row} of {shard}" if shard else f"row {row}" for row in range(len(files))]
    return Table(path.name, files, rows, columns, {name: names[name] for name in names if name in columns})


def _features(schema):
    """What the library `datasets` wrote about each column, {name: {"_type": ...}}; nothing where that is damaged."""
    try:
        found = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {name: each for name, each in found.items() if isinstance(each, dict)} if isinstance(found, dict) else {}


def _arrow(path):
    """Read a file as an arrow table, whichever of the formats it has."""
    import pyarrow
    import pyarrow.feather
    import pyarrow.parquet

    def stream(file):
        with pyarrow.OSFile(str(file)) as source:
            return pyarrow.ipc.open_stream(source).read_all()

    readers = [pyarrow.feather.read_table, stream] if path.suffix.lower() in (".arrow", ".feather") else []
    for read in readers or [pyarrow.parquet.read_table]:
        try:
            return read(path)
        except (pyarrow.ArrowException, OSError) as found:  # ArrowInvalid, ArrowNotImplementedError
            problem = found
    why = str(problem).splitlines()[0].rstrip(".")
    raise ValueError(f"{path.name!r} is not a {path.suffix.lower()[1:] or 'parquet'} file that can be read ({why}).")


def _image_column(path, schema, features):
    """The column with the images: declared as such, called so, or the only one that can hold them."""
    types = {name: str(schema.field(name).type) for name in schema.names}
    declared = [name for name in types if features.get(name, {}).get("_type") == "Image"]
    holding = [name for name, type_name in types.items() if ENCODED.match(type_name)]
    numbers = [name for name, type_name in types.items() if NUMBERS.fullmatch(type_name)]
    texts = [name for name, type_name in types.items() if "string" in type_name and "<" not in type_name]
    for among, names in ((declared, IMAGES), (holding, IMAGES), (numbers, IMAGES), (texts, PATHS)):
        if found := column(among, names):
            return found
    if declared or len(holding) == 1:
        return (declared or holding)[0]
    there = listing(
        [
            f"{name} ({type_name if len(type_name) < 30 else type_name[:27] + '...'})"
            for name, type_name in types.items()
        ],
        20,
    )
    raise ValueError(f"{path.name!r} is not a parquet file with a column 'image' of encoded images: it has {there}.")


def _opened(value, folder):
    """Make a file of a cell: of bytes, of {"bytes", "path"}, of a path, or of bytes written as text."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, str):
        return _file_or_text(value, folder)
    try:
        return io.BytesIO(bytes(value or b""))
    except (TypeError, ValueError):
        return io.BytesIO(b"")


def _file_or_text(value, folder):
    if value.startswith("data:") or len(value) > 1000:
        try:
            return io.BytesIO(base64.b64decode(value.split(",", 1)[-1], validate=True))
        except binascii.Error:
            return io.BytesIO(b"")
    path = Path(value.replace("\\", "/"))
    return path if path.is_absolute() else folder / path
