"""Read the reports that students hand in, JSON or HTML; what cannot be read is named in one sentence."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from diffusion_edu.lessons.record import FOLDER

LARGEST = 20_000_000  # bytes of a report with its figures
ENDINGS = {".json", ".html", ".htm"}
INSIDE = re.compile(r'<script type="application/json" id="report">(.*?)</script>', re.DOTALL)

Status = Literal["right", "wrong", "open"]
Count = Annotated[int, Field(ge=0, le=100_000)]
Words = Annotated[str, Field(max_length=100_000)]
Name = Annotated[str, Field(max_length=200)]


class Exercise(BaseModel):
    """An exercise of a report: how it stands, different attempts, the highest hint that was shown (0 to 3)."""

    name: Name
    title: Words = ""
    status: Status
    attempts: Count = 0
    hints: Annotated[int, Field(ge=0, le=3)] = 0
    code: Words = ""


class Prediction(BaseModel):
    """A prediction of a report: the letter, the reason, and whether it came true."""

    name: Name
    letter: Name
    because: Words = ""
    happened: Words = ""
    right: bool = False


class Choice(BaseModel):
    """A question of a report: all letters in the order in which they were tried."""

    name: Name
    letters: list[Name] = []
    status: Status


class Report(BaseModel):
    """What one student hands in for one lesson."""

    lesson: Annotated[str, Field(pattern=r"^\d\d$")]
    student: Name = ""
    seed: int = 0
    written: Name = ""
    exercises: list[Exercise]
    predictions: list[Prediction] = []
    questions: list[Choice] = []

    def count(self, status: str) -> int:
        """How many exercises stand like this: "right", "wrong" or "open"."""
        return sum(each.status == status for each in self.exercises)


@dataclass
class Collected:
    """The reports of a class, one for each student and lesson, and a sentence for each file left out."""

    reports: list[Report] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_report(path: Path) -> Report:
    """Read one report; raises ValueError, in one sentence that names the file, if it is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 10**6} MB")
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() != ".json":
            found = INSIDE.search(text)
            if not found:
                raise ValueError("this page holds no report; a report is named lesson_NN_report.html")
            text = found[1]
        return _report(json.loads(text))
    except OSError as problem:
        reason = problem.strerror
    except UnicodeDecodeError:
        reason = "it is no text in UTF-8"
    except (json.JSONDecodeError, RecursionError):
        reason = "it is broken or was cut off"
    except ValueError as problem:
        reason = str(problem)
    raise ValueError(f"{path} was left out: {reason}.")


def _report(data):
    if isinstance(data, dict) and isinstance(data.get("exercises"), dict):
        raise ValueError("these are the answers that a lesson keeps; ask for what report() writes")
    try:
        return Report.model_validate(data)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"it is no report of a lesson ({place}: {first['msg'].lower()})") from None


def collect(places: Iterable[Path], seeds: dict[str, int] | None = None) -> Collected:
    """Read all reports in files and folders; of a student and a lesson the one written last counts.

    seeds are those of the class list, {student: seed}: who handed in nothing, or a report with another seed, is named.
    Raises ValueError, in one sentence, for a place that is not there.
    """
    result, newest = Collected(), dict[tuple[str, str], Report]()
    older = 0
    for path in _files(places):
        try:
            report = read_report(path)
        except ValueError as problem:
            result.problems.append(str(problem))
            continue
        report.student = " ".join(report.student.split()) or f"no name ({path.parent.name or path.stem})"
        key = report.student.casefold(), report.lesson
        older += key in newest and newest[key].written != report.written
        if key not in newest or report.written >= newest[key].written:
            newest[key] = report
    result.reports = sorted(newest.values(), key=lambda each: (each.lesson, each.student.casefold()))
    if older:
        result.notes.append(f"Older reports of the same student and lesson that do not count: {older}.")
    result.notes += _about_seeds(result.reports, seeds)
    return result


def _files(places):
    """The files that may be reports; not the answers that a lesson keeps where its report is handed in too."""
    for place in places:
        if not place.exists():
            raise ValueError(f"{place} is not there: name the folder with the reports.")
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in found:
            kept = path.parent.name == FOLDER.name and any(path.parent.parent.glob("lesson_*_report.*"))
            if path.suffix.lower() in ENDINGS and path.name[0] != "." and path.is_file() and not kept:
                yield path


def _about_seeds(reports, seeds):
    """Sentences about seeds: of others than the list says, of two students at once, and of students without report."""
    said, owners = [], dict[int, set[str]]()
    for report in reports:
        if report.seed:
            owners.setdefault(report.seed, set()).add(report.student)
    said += [f"{' and '.join(sorted(names))} handed in the same copy (seed {seed})." for seed, names in owners.items()
             if len(names) > 1]  # fmt: skip
    if seeds is None:
        return said
    known = {name.casefold(): seed for name, seed in seeds.items()}
    for report in reports:
        if report.student.casefold() not in known:
            said.append(f"{report.student} (lesson {report.lesson}) is not in the list of the class.")
        elif report.seed != known[report.student.casefold()]:
            said.append(f"{report.student} (lesson {report.lesson}) did not work in the copy made for this name.")
    there = {report.student.casefold() for report in reports}
    said += [f"{name} has handed in nothing." for name in seeds if name.casefold() not in there]
    return said
