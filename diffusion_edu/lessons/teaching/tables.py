"""The table of a class: one row for each student and lesson, as CSV and as a page."""

import csv
import re
from pathlib import Path
from statistics import median

from jinja2 import Environment, FileSystemLoader

from diffusion_edu.files import write_safely
from diffusion_edu.lessons.teaching.notebooks import write_text
from diffusion_edu.lessons.teaching.reports import Collected, Report
from diffusion_edu.options import require_folder

SIGNS = {"right": "✓", "wrong": "✗", "open": "○"}
COLUMNS = (
    *("student", "lesson", "exercises", "right", "wrong", "open", "attempts", "hints", "highest hint"),
    *("predictions", "as predicted", "questions answered", "questions right", "questions right at once"),
    *("seed", "written"),
)
EACH = ("student", "lesson", "what", "name", "status", "attempts", "hint", "letters", "because")


def row(report: Report) -> tuple:
    """One row of the table: COLUMNS for a report; hints is how many exercises needed one."""
    hints = [each.hints for each in report.exercises]
    return (
        *(report.student, report.lesson, len(report.exercises)),
        *map(report.count, ("right", "wrong", "open")),
        *(sum(each.attempts for each in report.exercises), sum(map(bool, hints)), max(hints, default=0)),
        *(len(report.predictions), sum(each.right for each in report.predictions)),
        sum(each.status != "open" for each in report.questions),
        sum(each.status == "right" for each in report.questions),
        sum(each.status == "right" and len(set(each.letters)) == 1 for each in report.questions),
        *(report.seed, report.written),
    )


def rows_of_each(report: Report) -> list[tuple]:
    """The rows of the long table: EACH for every exercise, question and prediction of a report."""
    head = report.student, report.lesson
    return [
        *((*head, "exercise", e.name, e.status, e.attempts, e.hints, "", "") for e in report.exercises),
        *((*head, "question", q.name, q.status, len(q.letters), "", " ".join(q.letters), "") for q in report.questions),
        *((*head, "prediction", p.name, _outcome(p), "", "", p.letter, p.because) for p in report.predictions),
    ]


def _outcome(prediction):
    if not prediction.happened:
        return "not looked at"
    return "as predicted" if prediction.right else "not as predicted"


def write_tables(collected: Collected, out: Path) -> list[Path]:
    """Write class.csv, class_each.csv and class.html into a folder, and return the files."""
    require_folder(out)
    files = [out / name for name in ("class.csv", "class_each.csv", "class.html")]
    _write_csv(files[0], COLUMNS, map(row, collected.reports))
    _write_csv(files[1], EACH, (line for report in collected.reports for line in rows_of_each(report)))
    write_text(files[2], page(collected))
    return files


def _write_csv(path, head, rows):
    def write(part):
        with part.open("w", newline="", encoding="utf-8-sig") as file:  # the mark lets spreadsheets read UTF-8
            lines = csv.writer(file)
            lines.writerow(head)
            lines.writerows([safe(cell) for cell in line] for line in rows)

    write_safely(path, write)


def safe(cell: object) -> object:
    """Return a cell that no spreadsheet runs as a formula: words that begin like one get a quote in front."""
    return f"'{cell}" if isinstance(cell, str) and re.match(r"\s*[=+\-@\t\r]", cell) else cell


def page(collected: Collected) -> str:
    """Write the page of a class: for each lesson its students, exercise by exercise, and what was difficult."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    lessons = {lesson: _lesson(collected, lesson) for lesson in sorted({each.lesson for each in collected.reports})}
    return environment.get_template("class.html.j2").render(
        lessons=lessons, notes=collected.notes, problems=collected.problems, signs=SIGNS, outcome=_outcome
    )


def _lesson(collected, lesson):
    """What the page shows of one lesson: its reports, and for each exercise how many were right and how hard it was."""
    reports = [report for report in collected.reports if report.lesson == lesson]
    titles = {each.name: each.title for report in reports for each in report.exercises}
    exercises = []
    for name in sorted(titles):
        found = [each for report in reports for each in report.exercises if each.name == name]
        tried = [each for each in found if each.status != "open"]
        exercises.append(
            {
                "name": name,
                "title": titles[name],
                "right": sum(each.status == "right" for each in found),
                "tried": len(tried),
                "attempts": f"{median(each.attempts for each in tried):g}" if tried else "",
                "last_hint": sum(each.hints == 3 for each in tried),
            }
        )
    by_name = [(report, {each.name: each for each in report.exercises}, row(report)) for report in reports]
    return {"reports": by_name, "exercises": exercises, "columns": {name: k for k, name in enumerate(COLUMNS)}}
