"""The training curve as a CSV file."""

import csv
import io

from diffusion_edu.recipes.writing import put_text

COLUMNS = ("images", "seconds", "loss", "validation_loss", "lr")


class Log:
    """The training curve: rows of text, written as one CSV file."""

    def __init__(self, path=None, images=0):
        """Read the rows of a file up to so many images: a killed training wrote the rest after its last save."""
        self.rows = [row for row in read_rows(path) if int(row[0]) <= images] if path and path.exists() else []

    def __str__(self):
        return f"loss {float(self.rows[-1][2]):.4f}, validation {float(self.rows[-1][3]):.4f}"

    def add(self, row):
        """Add one row, with numbers rounded to six digits."""
        self.rows.append([str(row[0]), *(f"{value:.6g}" for value in row[1:])])

    def write(self, path):
        """Write all rows, atomically: rows that a full disk did not take are in the next file."""
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *self.rows])
        put_text(path, file.getvalue())


def read_rows(path):
    """Read the rows of a log, without torn or foreign ones."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [row for row in (line.split(",") for line in lines) if is_row(row)]


def is_row(row):
    """Say whether a row is as many numbers as there are columns, the first one whole."""
    try:
        return len([float(value) for value in row]) == len(COLUMNS) and int(row[0]) >= 0
    except ValueError:
        return False
