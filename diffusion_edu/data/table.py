"""A table of images that are not decoded yet, and what is known about each."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """Images that are not decoded yet, and columns with what is known about each.

    files: a Path or a BytesIO for each image; rows: its name in messages; columns: {name: list of values}; class_names:
    {column: names} of the columns that hold the number of a class; notes: sentences on what was taken for what; texts:
    the text file beside each image, or None, or empty if there is none.
    """

    name: str
    files: list
    rows: list[str]
    columns: dict[str, list]
    class_names: dict[str, list[str]]
    notes: tuple[str, ...] = ()
    texts: tuple[Path | None, ...] | list[Path | None] = ()


def joined(name, tables):
    """Make one Table of several; raises ValueError if their classes differ. What a table does not say is None."""
    if len(tables) == 1:
        return tables[0]
    class_names = {}
    for table in tables:
        for column, names in table.class_names.items():
            if class_names.setdefault(column, names) != names:
                raise ValueError(
                    f"The files of {name!r} have different classes in the column {column!r}: name only one."
                )
    columns = {column: [] for table in tables for column in table.columns}
    for column, values in columns.items():
        for table in tables:
            values += table.columns.get(column, [None] * len(table.files))
    files, rows, notes = (
        [each for table in tables for each in getattr(table, part)] for part in ("files", "rows", "notes")
    )
    texts = [text for table in tables for text in table.texts or [None] * len(table.files)]
    return Table(name, files, rows, columns, class_names, tuple(notes), texts)
