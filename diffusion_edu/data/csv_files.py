"""CSV as people write it: with any separator, with or without titles, with commas that nobody quoted."""

import csv
import io
import re
from dataclasses import dataclass

from diffusion_edu.data.columns import FILES, LABELS, TEXTS, plain

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
WEAK = {":": "colons", " ": "blanks"}  # separators only where they part an image from its caption
csv.field_size_limit(1_000_000)  # characters: a cell may hold a long text, not a file
REMARK = re.compile(r"\s*(# .*|sep=.\s*)?$")  # empty, a remark, or a setting of Excel

SAID = re.compile("caption|text|prompt|description", re.IGNORECASE)  # files so called hold captions, even short ones


@dataclass(frozen=True)
class Lines:
    """The columns of a table, its rows, each {column: value}, and where each stands ("row 3 of 'metadata.csv'")."""

    columns: list[str]
    rows: list[dict]
    places: list[str]


def read_csv(name, text, known=None):
    """Read CSV as Lines; the separator is the one that parts known titles or files, or of which there are most.

    A row with more cells than there are columns is joined where only one text can be meant, else refused by its place.
    """
    text = text.removeprefix("\ufeff")
    lines = list(io.StringIO(text, newline=""))
    skipped = next((at for at, line in enumerate(lines) if not REMARK.match(line)), 0)
    lines = lines[skipped:]
    delimiter = _delimiter(lines[0] if lines else "", known)
    reader = csv.reader(
        lines, delimiter=delimiter, skipinitialspace=True, strict=True, quoting=_quotes(lines, delimiter)
    )
    rows, places, columns, titled = [], [], [], False
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns, titled = _titles(cells, known)
                if titled:
                    continue
            parts = lines[reader.line_num - 1].split(delimiter)
            if len(parts) == len(cells) and not any("\n" in cell for cell in cells) and '"' not in _starts(parts):
                cells = parts  # with the blanks after commas
            places.append(f"row {reader.line_num + skipped} of {name!r}")
            rows.append(_row(places[-1], columns, cells, delimiter, known))
    except csv.Error as problem:
        advice = 'check its quotes, and double those inside a quoted text ("")'
        raise ValueError(f"Row {reader.line_num + skipped} of {name!r} cannot be read ({problem}): {advice}.") from None
    if not titled and "caption" in columns and not SAID.search(name) and _are_labels([row["caption"] for row in rows]):
        columns = ["label" if name == "caption" else name for name in columns]
        rows = [dict(zip(columns, row.values(), strict=True)) for row in rows]
    return Lines(columns, _typed(columns, rows), places)


def _quotes(lines, delimiter):
    """How quotes are read: between tabs as plain letters, unless all of them are those of CSV."""
    if delimiter == "\t":
        try:
            list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error:
            return csv.QUOTE_NONE
    return csv.QUOTE_MINIMAL


def _are_labels(cells):
    """Whether a column without a title holds classes: whole numbers, or names of few words that come again."""
    cells = [cell for cell in cells if cell]
    if all(re.fullmatch(r"-?\d+", cell) for cell in cells):
        return bool(cells)
    return 2 * len(set(cells)) <= len(cells) and all(len(cell.split()) <= 3 for cell in cells)


def _starts(parts):
    return {part.lstrip()[:1] for part in parts}


def _delimiter(first, known):
    """Choose the separator by the first line."""

    def files(mark):
        return known is not None and sum(known(cell.strip()) for cell in first.split(mark))

    def titles(mark):
        return sum(plain(cell) in (*TEXTS, *FILES) for cell in first.split(mark))

    best = max(DELIMITERS, key=lambda mark: (files(mark), titles(mark), first.count(mark)))
    name = first.split()[0] if first.split() else ""
    weak = {":": name.endswith(":"), " ": "." in name and known is not None and known(name)}
    return best if files(best) else next((mark for mark in WEAK if weak[mark] and files(mark)), best)


def _titles(cells, known):
    """The titles of the columns, and whether the first line holds them: it does not if it names an image itself."""
    cells = [cell.strip() for cell in cells]
    if known is None or not any(known(cell) for cell in cells):
        return [name if name not in cells[:at] else f"{name} {at}" for at, name in enumerate(cells)], True
    if not known(cells[0]):
        return ["caption", "file_name"], False
    numbers = next((at for at, cell in enumerate(cells[1:]) if not cell.isdigit()), 0)
    return ["file_name", *(f"number {at}" for at in range(numbers)), "caption"], False


def _row(place, columns, cells, delimiter, known):
    """Make {column: cell} of a row, with the surplus cells of a text that has separators joined again."""
    _check_quotes(place, columns, cells, delimiter, known)
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
            raise _unquoted(place, delimiter, f"has {len(cells)} cells and {len(columns)} columns")
        cells = joined
    cells = [cell.strip() for cell in cells] + [""] * -surplus
    return dict(zip(columns, cells, strict=True))


def _check_quotes(place, columns, cells, delimiter, known):
    """Raise ValueError where a text may go on in the next column, or where a quoted one holds rows of the table."""
    at = _text_column(columns)
    if at and len(cells) == len(columns) > at + 1 and not cells[at].startswith(" ") and cells[at + 1].startswith(" "):
        raise _unquoted(place, delimiter, f"may have a part of the text in the column {columns[at + 1]!r}")
    rows = [line for cell in cells for line in cell.splitlines()[1:]]
    if known is not None and any(known(line.split(delimiter)[0].strip()) for line in rows):
        raise ValueError(f"{place[0].upper()}{place[1:]} ends a quoted text that holds other rows: check the quotes.")


def _unquoted(place, delimiter, what):
    advice = f"put a text with {(DELIMITERS | WEAK)[delimiter]} into double quotes"
    return ValueError(f"{place[0].upper()}{place[1:]} {what}: {advice}.")


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


def _typed(columns, rows):
    """Turn columns of true and false, and labels that are numbers, into what they are; what is empty there is None."""
    readers = {}
    for name in columns:
        cells = {row[name].lower() for row in rows} - {""}
        if cells and cells <= {"true", "false"}:
            readers[name] = lambda cell: cell.lower() == "true"
        elif plain(name) in LABELS and all(re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", cell) for cell in cells):
            readers[name] = float
    return [{name: _read(cell, readers.get(name)) for name, cell in row.items()} for row in rows]


def _read(cell, reader):
    return cell if reader is None else reader(cell) if cell else None
