"""What a student did in one lesson: answers, attempts, hints and predictions, kept in a file beside the notebook."""

import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from diffusion_edu.files import write_safely

FOLDER = Path("my_answers")  # in the folder of the notebook


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Attempted(_Entry):
    """An exercise: how it stands, different attempts, the highest hint shown (0 to 3), the latest answer's code."""

    status: str = "open"
    attempts: list[str] = []  # a fingerprint of each different answer
    hints: int = 0
    met: dict[str, int] = {}  # how often each mistake was met, by the concept of its hint
    said: str = ""
    code: str = ""


class Chosen(_Entry):
    """A question of a quiz: how it stands, and all letters in the order in which they were tried."""

    status: str = "open"
    letters: list[str] = []


class Predicted(_Entry):
    """A prediction: the letter, the reason, and what happened, once it has been shown."""

    letter: str
    because: str = ""
    happened: str = ""


class Record(_Entry):
    """Everything of one lesson, as it is handed in."""

    lesson: str
    student: str = ""
    seed: int = 0
    started: str = ""
    exercises: dict[str, Attempted] = {}
    questions: dict[str, Chosen] = {}
    predictions: dict[str, Predicted] = {}

    @property
    def path(self) -> Path:
        """The file that keeps it."""
        return Path(os.environ.get("LESSON_RECORDS") or FOLDER, f"{self.lesson}.json")

    def keep(self) -> None:
        """Write it to its file; where nothing can be written it lives as long as the notebook."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_safely(self.path, lambda part: part.write_text(self.model_dump_json(indent=2), encoding="utf-8"))
        except OSError:
            return


_open: dict[Path, Record] = {}


def record_of(lesson: str) -> Record:
    """Return the record of a lesson, for example "04": the one in use, the one in its file, or a new one.

    A file that cannot be read is put aside under another name, never written over.
    """
    fresh = Record(lesson=lesson, started=datetime.now().isoformat(timespec="seconds"))
    place = fresh.path.absolute()
    used = _open.pop(place) if place in _open else _read(place) or fresh
    _open[place] = used  # the one used last stands at the end
    return _open[place]


def _read(path):
    if not path.is_file():
        return None
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, OSError, UnicodeDecodeError):
        path.replace(path.with_suffix(".unreadable.json"))
        return None


def latest_lesson() -> str:
    """Return the lesson that was used last, for example "04", or an empty string."""
    return next(reversed(_open.values())).lesson if _open else ""
