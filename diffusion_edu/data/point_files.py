"""Points of the plane in text files, as spreadsheets, numpy and R write them."""

import csv
import json
import re

from diffusion_edu.data.columns import plain
from diffusion_edu.data.points import from_coordinates
from diffusion_edu.data.text_files import decode

PAIRS = (("x", "y"), ("x1", "x2"), ("x0", "x1"), ("lon", "lat"), ("longitude", "latitude"))
INDEX = ("", "index", "id", "unnamed0", "nr", "no", "row", "number")
IDENTITY = r"(?:^|[\W_])id$|[a-z]I[dD]$"  # user_id, userId
CLASS = (
    "label",
    "class",
    "kind",
    "category",
    "cluster",
    "group",
    "colour",
    "color",
    "target",
    "species",
    "type",
    "name",
)


def read_points(data, **options):
    """Read a CSV, text or JSON file (bytes): two coordinates a line, and maybe a class; options: see from_coordinates.

    Separators are commas, semicolons (also with decimal commas), tabs or blanks. A first line of titles says which
    columns are x, y and the class; without it they are the first three, or those behind an index. Raises ValueError,
    in words that name the line.
    """
    lines = _cells(decode(data, "This file"))
    titles = lines.pop(0)[1] if lines and not any(map(_is_number, lines[0][1])) else []
    if not lines:
        return from_coordinates([], **options)
    titled = len(titles) in _widths(lines)
    x, y, label = _titled(titles, lines) if titled else _untitled(lines, len(titles))
    points, labels = [], []
    for number, cells in lines:
        found = [cells[at] if at < len(cells) else "" for at in (x, y)]
        if not all(map(_is_number, found)):
            where = (
                "does not begin with two numbers" if (x, y) == (0, 1) else f"has no numbers in columns {x + 1}, {y + 1}"
            )
            raise ValueError(f"Line {number} {where}: {','.join(cells)[:40]!r}.")
        points.append([_number(cell) for cell in found])
        labels.append(_class(cells[label]) if label is not None and label < len(cells) else "")
    _no_coordinates(labels, label, titled and label is not None and plain(titles[label]) not in CLASS)
    return from_coordinates(points, [name or "none" for name in labels] if any(labels) else None, **options)


def _cells(text):
    """List (line number, cells) of all lines that are not empty; of remarks the last at the start, if it has titles."""
    if text.lstrip().startswith(("[", "{")):
        return _in_json(text)
    remark, lines = [], []
    texts = [(number, line.strip(" ")) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    mark = next((mark for mark in "\t;,|" if any(mark in line for _, line in texts if not line.startswith("#"))), None)
    for number, line in texts:
        cells = _parted(line.lstrip("# "), mark)
        if line.startswith("#"):
            remark = remark if lines else [(number, cells)]
        elif any(cells):
            lines.append((number, cells))
    titled = remark and lines and len(remark[0][1]) == len(lines[0][1])  # numpy writes its titles as a remark
    titled = titled and any(map(_is_number, lines[0][1])) and not any(map(_is_number, remark[0][1]))
    return remark + lines if titled else lines


def _parted(line, mark):
    """The cells of a line between marks or else blanks, where quotes may hold a mark."""
    mark = mark if mark and mark in line else " "
    try:
        cells = next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])
    except csv.Error:  # a cell without an end
        cells = line.split(mark)
    return [cell.strip(" \"'") for cell in cells]


def _in_json(text):
    """List (number, cells) of pairs or objects in JSON, as _cells does of lines."""
    try:
        rows = json.loads(text)
        if isinstance(rows, dict):  # {"points": [...]}
            [rows] = [each for each in rows.values() if isinstance(each, list)]
        if all(isinstance(row, dict) for row in rows):
            titles = list(dict.fromkeys(title for row in rows for title in row))
            rows = [titles, *([row.get(title, "") for title in titles] for row in rows)]
        return [(number, ["" if cell is None else str(cell) for cell in row]) for number, row in enumerate(rows, 1)]
    except (ValueError, TypeError, RecursionError):
        raise ValueError(
            "This file looks like JSON, but not like points: write a list such as [[0, 1], [2.5, 3]], "
            'or of objects such as {"x": 0, "y": 1}.'
        ) from None


def _widths(lines):
    return {len(lines[0][1])}


def _titled(titles, lines):
    """The columns of x, y and the class by their titles, or else the first two that hold numbers, and the next one."""
    names = [plain(title) for title in titles]
    columns = [at for at, name in enumerate(names) if name not in INDEX and not re.search(IDENTITY, titles[at])]
    numbers = [at for at in columns if _is_number(lines[0][1][at])]
    x, y = next(
        ([names.index(name) for name in pair] for pair in (*PAIRS, *_pairs(names)) if set(pair) <= set(names)),
        (numbers + [0, 1])[:2],
    )
    others = [at for at in columns if at not in (x, y)]
    classes = [at for name in CLASS for at in others if names[at] == name]
    return x, y, next(iter(classes + others), None)


def _pairs(names):
    """Names that differ in one letter, x and y: x_pos and y_pos, "pos x" and "pos y"."""
    return [(name, f"{name[:at]}y{name[at + 1 :]}") for name in names for at in range(len(name)) if name[at] == "x"]


def _untitled(lines, titles):
    """The columns of x, y and the class by what they hold: an index comes first, a class first or third."""
    rows = [cells for _, cells in lines]
    if titles and len(rows[0]) == titles + 1 or _is_index(rows):  # R leaves out the title of the index
        return 1, 2, 3
    if len(rows[0]) > 2 and not _is_number(rows[0][0]) and all(map(_is_number, rows[0][1:3])):
        return 1, 2, 0
    if len(rows[0]) > 3 and all(map(_is_number, rows[0])):
        raise ValueError(
            f"Line {lines[0][0]} holds {len(rows[0])} numbers: write decimals with points, "
            "or say in a first line of titles which columns are x, y and label."
        )
    return 0, 1, 2


def _is_index(rows):
    """Whether the first column counts the lines, and the third cannot be a class, because it holds fractions."""
    if len(rows) < 3 or not all(len(cells) > 2 and all(map(_is_number, cells[:3])) for cells in rows):
        return False
    counts = [_number(cells[0]) for cells in rows]
    counted = counts in ([*range(len(rows))], [*range(1, len(rows) + 1)])
    return counted and any(_number(cells[2]) % 1 for cells in rows)


def _no_coordinates(labels, column, other):
    """Refuse classes that are fractions, or numbers in a column with another title: a third coordinate, most likely."""
    if fractions := [name for name in labels if _is_number(name) and "." in name]:
        found = f"Column {column + 1} holds numbers such as {fractions[0][:20]}"
        raise ValueError(
            f"{found}, which are no classes: give two coordinates and, if there are any, names of classes."
        )
    if other and any(labels) and all(_is_number(name) for name in labels if name):
        raise ValueError(f"Column {column + 1} holds numbers: leave it out, or call it label if they are classes.")


def _class(cell):
    """The name of a class: 1.0 and 1 are the same."""
    return str(int(_number(cell))) if _is_number(cell) and abs(_number(cell)) < 1e9 and not _number(cell) % 1 else cell


def _is_number(cell):
    return re.fullmatch(r"[-+]?(\d+[.,]?\d*|[.,]\d+)(e[-+]?\d+)?|[-+]?(inf|infinity|nan)", cell.lower()) is not None


def _number(cell):
    return float(cell.replace(",", "."))
