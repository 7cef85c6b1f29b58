"""The training curve as a CSV file."""

import csv

COLUMNS = ("images", "seconds", "loss", "validation_loss", "lr")


class Log:
    """The training curve as a CSV file."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.csv"
        self.rows = list(csv.reader(self.path.open()))[1:] if self.path.exists() else []

    def drop_after(self, images):
        """Drop the rows after so many images: a killed training wrote them after its last save."""
        self.rows = [row for row in self.rows if int(row[0]) <= images]
        with self.path.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *self.rows])

    def __str__(self):
        return f"loss {float(self.rows[-1][2]):.4f}, validation {float(self.rows[-1][3]):.4f}"

    def add(self, row):
        """Append one row, with numbers rounded to six digits."""
        self.rows.append([str(row[0]), *(f"{value:.6g}" for value in row[1:])])
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(self.rows[-1])
