"""Files with a row for each thing, whatever their format: CSV, JSON, JSON lines, parquet."""

import json
from pathlib import Path

from diffusion_edu.data.columns import FILES, plain
from diffusion_edu.data.csv_files import Lines, read_csv
from diffusion_edu.data.text_files import decode

TABLES = (".csv", ".tsv", ".txt", ".token", ".json", ".jsonl", ".ndjson", ".parquet")


def read_lines(path, tell=None, known=None):
    """Read a table file as Lines. known(name) says whether a text names an image: so rows differ from titles.

    Raises ValueError, in one sentence that names the row.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        return _parquet(path)
    text = decode(path.read_bytes(), repr(path.name), tell)
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return _objects(path.name, text)
    return read_csv(path.name, text, known)


def _objects(name, text):
    """Read JSON lines, a list of objects, {file: text}, or {"images": [...], "annotations": [...]} as Lines."""
    try:
        found = parsed(text)
        if isinstance(found, dict) and "annotations" not in found and _is_row(found):
            found = [found]
        places = None
    except ValueError:
        found, places = [], []
        for number, line in enumerate(text.split("\n"), 1):  # other ends of lines may stand inside a caption
            if line.strip():
                places.append(f"row {number} of {name!r}")
                found.append(_line(places[-1], line))
    rows = [dict(row) for row in _rows(found, name)]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return Lines(columns, rows, places or [f"row {number} of {name!r}" for number in range(1, len(rows) + 1)])


def parsed(text):
    """Read JSON; whatever is wrong with it, a number too long or brackets too deep, raises ValueError."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it has brackets inside of brackets, too deep to follow") from None


def _line(place, line):
    try:
        return parsed(line)
    except ValueError as problem:
        raise ValueError(f"{place[0].upper()}{place[1:]} is not JSON ({problem}): write one object a line.") from None


def _is_row(found):
    return any(plain(key) in FILES for key in found)


def _rows(found, name):
    if isinstance(found, dict) and isinstance(found.get("annotations"), list):  # as in COCO
        annotations, images = (_objects_in(found.get(key), name) for key in ("annotations", "images"))
        texts = {}
        for each in annotations:
            texts.setdefault(str(each.get("image_id")), []).append(each.get("caption"))
        said = [(image, texts.get(str(image.get("id")), [])) for image in images]
        return [{**image, "caption": captions} for image, captions in said if any(captions)]
    if isinstance(found, dict) and isinstance(found.get("images"), list):  # as in the splits of Karpathy
        found = found["images"]
    if isinstance(found, dict):
        found = [
            {"file_name": key, **value} if isinstance(value, dict) else {"file_name": key, "caption": value}
            for key, value in found.items()
        ]
    return _objects_in(found, name)


def _objects_in(found, name):
    """The objects of a list; raises ValueError if it is no list, or holds something else."""
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ValueError(f'{name!r} is no table: write objects such as {{"file_name": "a.jpg", "caption": "a fox"}}.')
    return found


def _parquet(path):
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowInvalid, OSError) as problem:
        raise ValueError(f"{path.name!r} is not a parquet file ({problem}).") from None
    rows = table.to_pylist()
    return Lines(table.column_names, rows, [f"row {number} of {path.name!r}" for number in range(1, len(rows) + 1)])
