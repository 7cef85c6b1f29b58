"""Tables and texts as people write them: CSV with any separator, JSON, JSON lines, parquet, in any encoding."""

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

DELIMITERS = ",;\t|"
TABLES = (".csv", ".tsv", ".txt", ".token", ".json", ".jsonl", ".ndjson", ".parquet")
CODECS = ["cp1252", "cp1250", "cp1251", "cp1253", "koi8_r", "mac_roman", "shift_jis", "gb18030", "big5", "euc_kr"]
CODECS += ["euc_jp", "utf_16_le", "utf_16_be"]
MOST_CELL = 1_000_000  # characters: a cell may hold a long text, not a file
csv.field_size_limit(MOST_CELL)


@dataclass(frozen=True)
class Lines:
    """Rows of a table, each {column: value}, where each stands ("row 3"), and the columns. surplus: see read_csv."""

    columns: list[str]
    rows: list[dict]
    places: list[str]


def decode(data, name, tell=None):
    """Turn the bytes of a text file into text: UTF-8, or what its letters look like, with a sentence to tell.

    Raises ValueError, in one sentence, for what is no text.
    """
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    marked = next((codec for mark, codec in marks.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(marked)
        if "\0" not in text:
            return text
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=CODECS).best()
    text = "\0" if best is None else str(best)
    if "\0" in text or sum(ord(letter) < 32 and not letter.isspace() for letter in text) > len(text) / 100:
        raise ValueError(f"{name} is not a text file: save it as text, in the encoding UTF-8.")
    if tell:
        tell(f"{name} is not in UTF-8 and was read as {best.encoding}: save it as UTF-8 if letters look wrong.")
    return text


def read_lines(path, tell=None, known=None):
    """Read a table file as Lines. known(name) says whether a text names an image: so rows are told from titles.

    Raises ValueError, in one sentence that names the row.
    """
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        return _parquet(path)
    text = decode(path.read_bytes(), repr(path.name), tell)
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return _objects(path.name, text)
    return read_csv(path.name, text, known)


def read_csv(name, text, known=None):
    """Read CSV as Lines; the separator is the one that the first line has most of.

    A row with more cells than there are columns is joined where only one text can be meant, else refused by its place.
    """
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=lambda mark: first.count(mark))
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    rows, places, columns = [], [], []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns, titled = _titles(cells, known)
                if titled:
                    continue
            line = lines[reader.line_num - 1]
            cells = cells if '"' in line else line.split(delimiter)  # with the blanks after commas
            places.append(f"row {reader.line_num} of {name!r}")
            rows.append(_row(places[-1], columns, cells, delimiter, known))
    except csv.Error as problem:
        raise ValueError(
            f"Row {reader.line_num} of {name!r} cannot be read ({problem}): check its quotes, and double those inside "
            'a quoted text ("").'
        ) from None
    return Lines(columns, [_typed(row, booleans) for booleans in [_yes_no(columns, rows)] for row in rows], places)


def _titles(cells, known):
    """The titles of the columns, and whether the first line holds them: it does not if it names an image itself."""
    cells = [cell.strip() for cell in cells]
    if known is None or not any(known(cell) for cell in cells):
        return cells, True
    named = next(at for at, cell in enumerate(cells) if known(cell))
    texts = max((at for at in range(len(cells)) if at != named), key=lambda at: len(cells[at]), default=None)
    return [{named: "file_name", texts: "caption"}.get(at, f"column {at + 1}") for at in range(len(cells))], False


def _row(place, columns, cells, delimiter, known):
    """Make {column: cell} of a row, with the surplus cells of a text that has separators joined again."""
    surplus = len(cells) - len(columns)
    while surplus > 0 and not cells[-1].strip():  # empty columns at the end of a row
        cells, surplus = cells[:-1], surplus - 1
    if surplus > 0:
        at = _text_column(columns)
        joined = None
        if at is not None:
            text = delimiter.join(cells[at : at + surplus + 1])
            joined = [*cells[:at], text, *cells[at + surplus + 1 :]]
        if joined is None or not _only_text(columns, joined, at, known):
            raise ValueError(
                f"{place[0].upper()}{place[1:]} has {len(cells)} cells and {len(columns)} columns: "
                f"put a text with {NAMES[delimiter]} into double quotes."
            )
        cells = joined
    cells = [cell.strip() for cell in cells] + [""] * -surplus
    return dict(zip(columns, cells, strict=True))


NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def _text_column(columns):
    found = [at for at, name in enumerate(columns) if plain(name) in TEXTS]
    return found[0] if len(found) == 1 else None


def _only_text(columns, cells, text, known):
    """Whether every cell but the text is a file that is there, a number, yes, no or empty: none has commas."""
    for at, (name, cell) in enumerate(zip(columns, cells, strict=True)):
        if at == text or plain(name) in FILES and (known is None or known(cell)):
            continue
        if not re.fullmatch(r"\s*(true|false|[-+]?\d+(\.\d*)?|)\s*", cell.lower()):
            return False
    return True


TEXTS = ("caption", "text", "prompt", "captions", "texts", "sentence", "sentences", "description", "comment", "raw")
FILES = ("filename", "file", "image", "img", "path", "filepath", "imagepath", "imagename", "imagefile", "imageid", "id")
FILES += ("imgname", "imgpath", "name", "photo")


def plain(name):
    """Bring the name of a column to its plain letters: "File Name " and file_name are the same."""
    return re.sub(r"[\W_]+", "", str(name)).lower()


def column(columns, names):
    """Find the first of the plain names among columns, or None."""
    return next((column for name in names for column in columns if plain(column) == name), None)


def _yes_no(columns, rows):
    """The columns that hold yes and no in all rows."""
    cells = {name: {row[name].lower() for row in rows} for name in columns}
    return {name for name, found in cells.items() if found & {"true", "false"} and found <= {"true", "false", ""}}


def _typed(row, booleans):
    return {
        name: {"true": True, "false": False}.get(cell.lower()) if name in booleans else cell
        for name, cell in row.items()
    }


def _objects(name, text):
    """Read JSON lines, a list of objects, {file: text}, or {"images": [...], "annotations": [...]} as Lines."""
    try:
        found = json.loads(text)
        if isinstance(found, dict) and "annotations" not in found and _is_row(found):
            found = [found]
        places = None
    except json.JSONDecodeError:
        found, places = [], []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                places.append(f"row {number} of {name!r}")
                found.append(_line(places[-1], line))
    rows = [dict(row) for row in _rows(found, name)]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return Lines(columns, rows, places or [f"row {number} of {name!r}" for number in range(1, len(rows) + 1)])


def _line(place, line):
    try:
        return json.loads(line)
    except json.JSONDecodeError as problem:
        raise ValueError(f"{place[0].upper()}{place[1:]} is not JSON ({problem}): write one object a line.") from None


def _is_row(found):
    return any(plain(key) in FILES for key in found)


def _rows(found, name):
    if isinstance(found, dict) and isinstance(found.get("annotations"), list):  # as in COCO
        images = {each.get("id"): each for each in found.get("images", ()) if isinstance(each, dict)}
        texts = {}
        for each in found["annotations"]:
            texts.setdefault(each.get("image_id"), []).append(each.get("caption"))
        return [{**image, "caption": texts[key]} for key, image in images.items() if any(texts.get(key, ()))]
    if isinstance(found, dict) and isinstance(found.get("images"), list):  # as in the splits of Karpathy
        found = found["images"]
    if isinstance(found, dict):
        found = [
            {"file_name": key, **value} if isinstance(value, dict) else {"file_name": key, "caption": value}
            for key, value in found.items()
        ]
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


def texts_of(value):
    """List the texts that a cell holds: a text, a list of texts, a list of {"raw": text}, or a list written as text."""
    if isinstance(value, str) and re.fullmatch(r"\s*\[\s*(\".*\"|'.*')\s*\]\s*", value, re.DOTALL):
        value = _written_list(value)
    if isinstance(value, dict):
        value = next((value[key] for key in value if plain(key) in TEXTS), None)
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in texts_of(each)]
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return [text] if text else []


def _written_list(value):
    import ast

    for read in (json.loads, ast.literal_eval):
        try:
            found = read(value)
            return found if isinstance(found, list) else value
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value
