"""The report of a lesson: predictions, answers, attempts, hints and figures as one HTML file and one JSON file."""

from datetime import datetime
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from diffusion_edu.figures.still import Captioned
from diffusion_edu.files import to_json, write_safely
from diffusion_edu.lessons.course import exercises, questions
from diffusion_edu.lessons.record import Record, latest_lesson, record_of

SIGNS = {"right": "✓ right", "wrong": "✗ not yet", "open": "○ open"}


class Handed:
    """Where a report lies; a notebook shows it as links."""

    def __init__(self, page: Path, data: Path, summary: str) -> None:
        self.page, self.data, self.summary = page, data, summary

    def __repr__(self) -> str:
        return f"{self.summary} Hand in {self.page} (or {self.data})."

    def _repr_html_(self) -> str:
        link = '<a href="{0}" target="_blank">{0}</a>'
        page, data = (link.format(escape(path.as_posix())) for path in (self.page, self.data))
        return f"<p>{escape(self.summary)} Hand in {page} (or {data}).</p>"


def report(student: str = "", lesson: str = "", folder: str | Path = ".") -> Handed:
    """Write lesson_NN_report.html and .json into a folder: everything of the lesson in use, to hand in.

    `lesson` is the one that was started last if it is left out. The HTML holds the JSON too, so either is enough.
    Raises ValueError if no lesson was started, OSError if nothing can be written there.
    """
    record = record_of(lesson or _latest())
    record.student = student or record.student
    record.keep()
    page, data = (Path(folder, f"lesson_{record.lesson}_report.{ending}") for ending in ("html", "json"))
    everything = as_data(record)
    write_safely(data, lambda part: part.write_text(to_json(everything, indent=2), "utf-8"))
    write_safely(page, lambda part: part.write_text(as_page(everything, _figures()), "utf-8"))
    done = everything["summary"]
    summary = f"Lesson {int(record.lesson)}: {done['right']} of {done['exercises']} exercises are right."
    return Handed(page, data, summary)


def _latest():
    if not (lesson := latest_lesson()):
        raise ValueError('No lesson was started: run the setup cell, or name one, for example report(lesson="04").')
    return lesson


def as_data(record: Record) -> dict:
    """Return a record with the titles and texts of its exercises and questions, open ones included."""
    tasks, asked = exercises(record.lesson), questions(record.lesson)
    rows = []
    for name, exercise in tasks.items():
        entry = record.exercises.get(name)
        rows.append(
            {
                "name": name,
                "title": exercise.title,
                "status": entry.status if entry else "open",
                "attempts": len(entry.attempts) if entry else 0,
                "hints": entry.hints if entry else 0,
                "code": entry.code if entry else "",
            }
        )
    return {
        "lesson": record.lesson,
        "student": record.student,
        "seed": record.seed,
        "started": record.started,
        "written": datetime.now().isoformat(timespec="seconds"),
        "summary": {"exercises": len(rows), "right": sum(row["status"] == "right" for row in rows)},
        "exercises": rows,
        "predictions": [
            {
                "name": name,
                "question": _plain(asked[name].text),
                "choice": _plain(asked[name].choices[said.letter].text),
            }
            | said.model_dump()
            | {"right": said.letter == asked[name].right}
            for name, said in record.predictions.items()
            if name in asked
        ],
        "questions": [
            {"name": name, "question": _plain(question.text), "letters": chosen.letters, "status": chosen.status}
            for name, question in asked.items()
            if (chosen := record.questions.get(name))
        ],
    }


def _plain(text):
    """A text without the marks of Markdown for bold and code."""
    return text.replace("**", "").replace("`", "")


def as_page(everything: dict, figures: list[str]) -> str:
    """Write the data of a report as a page of HTML, with the figures (HTML) of the notebook."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    inside = to_json(everything).replace("<", "\\u003c")  # so that no </script> ends it
    return environment.get_template("report.html.j2").render(
        **everything, signs=SIGNS, figures=[Markup(each) for each in figures], data=Markup(inside)
    )


def _figures():
    """The figures that the notebook has shown, as HTML, in order."""
    try:
        from IPython import get_ipython
    except ImportError:
        return []
    shell = get_ipython()
    shown = shell.user_ns.get("Out", {}).values() if shell else ()
    return [each._repr_html_() for each in shown if isinstance(each, Captioned)]
