"""What a notebook calls: hints come one by one, predictions are played back, everything is kept and handed in."""

import json
import re

import pytest

from diffusion_edu.lessons import answered, check, course, fast, predict, predicted, quiz, record, report, start
from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Mistake
from diffusion_edu.lessons.questions.question import Choice, Question

DOUBLE = Exercise(
    title="Twice",
    answer=lambda x: 2 * x,
    means="Twice is twice.",
    draw=lambda random: (inputs.number(random, 2, 9),),
    mistakes=(Mistake("You took the square.", lambda x: x * x, "Look at the factor."),),
    line="Look at the factor.",
)
CHOICES = {"a": Choice("It grows.", "No <b>growth</b>."), "b": Choice("It shrinks.", "It does.")}
QUESTIONS = {name: Question("What `x` **happens**?", "b", CHOICES) for name in ("90.r1", "90.p1", "90.p2", "90.q1")}


def square(x):
    return x * x


def twice(x):
    return 2 * x


def by_seven(x):
    return x / 7 + 1


@pytest.fixture(autouse=True)
def lesson(tmp_path, monkeypatch):
    """A lesson of its own, with its answers in a folder of its own."""
    monkeypatch.setenv("LESSON_RECORDS", str(tmp_path))
    monkeypatch.delenv("LESSON_STRICT", raising=False)
    monkeypatch.setattr(record, "_open", {})
    table = {"90": (dict.fromkeys(("90.1", "90.2"), DOUBLE), QUESTIONS)}
    for name, place in (("exercises", 0), ("questions", 1)):
        monkeypatch.setattr(course, name, lambda number, place=place: table[number][place])
        monkeypatch.setattr(f"diffusion_edu.lessons.reporting.{name}", lambda number, place=place: table[number][place])
    return tmp_path


def reread():
    """Forget everything that is in memory, as a new kernel does."""
    record._open.clear()


def test_the_same_mistake_met_again_gets_the_next_hint():
    replies = [check("90.1", square).text for _ in range(3)]
    assert replies[0] == "You took the square.\nRun the check once more for another hint."
    assert "A case small enough" in replies[1] and "Look at" not in replies[1]
    assert "A case small enough" in replies[2] and "Look at the factor." in replies[2] and "Run" not in replies[2]
    reread()
    assert record.record_of("90").exercises["90.1"].hints == 3


def test_a_mistake_without_a_name_gets_the_probe_at_once():
    assert "A case small enough" in check("90.1", by_seven).text


def test_the_solution_is_offered_after_passing_or_after_three_different_attempts():
    assert "solution" not in check("90.1", square).text and "solution" not in check("90.1", square).text
    assert "solution" not in check("90.1", by_seven).text
    assert (
        "You have tried 3 ways. A solution is in the folder solutions of the course"
        in check("90.1", lambda x: x + 1).text
    )
    passed = check("90.2", twice)
    assert passed.status == "right" and passed.text.startswith("Twice is twice.\nOne solution is in the folder")


def test_a_quiz_replies_to_every_letter():
    assert [quiz("90.q1", letter).status for letter in (..., "a", " B) ", "z", 3)] == [
        *("open", "wrong", "right", "wrong", "wrong"),
    ]
    assert "There is no such choice; there are a, b." in quiz("90.q1", "z").text
    assert record.record_of("90").questions["90.q1"].letters == ["a", "b"]


def test_a_prediction_is_played_back_with_its_reason():
    assert predict("90.p1", ..., because=...).status == "open"
    assert predicted("90.p1", "It shrank.").status == "open"
    assert predict("90.p1", "a", because="I like it").text.startswith("You predict a) It grows.")
    reread()
    shown = predicted("90.p1", "It shrank by 3.")
    assert shown.status == "surprise"
    assert shown.text == "You said: a) It grows, because I like it.\nWhat happened: It shrank by 3.\nNo <b>growth</b>."
    assert "your first prediction stays: a" in predict("90.p1", "b").text
    predict("90.p2", "b")
    assert predicted("90.p2", "It shrank.").status == "as predicted"


def test_strict_lessons_raise_where_something_is_not_right(monkeypatch):
    monkeypatch.setenv("LESSON_STRICT", "1")
    assert quiz("90.q1", "b").status == check("90.1", twice).status == "right"
    for unfinished in (lambda: quiz("90.q1", ...), lambda: quiz("90.q1", "a"), lambda: check("90.1", ...)):
        with pytest.raises(AssertionError, match="Not"):
            unfinished()


@pytest.mark.parametrize(
    "call", [lambda name: check(name, 1), lambda name: quiz(name, "a"), lambda name: predict(name, "a")]
)
def test_an_unknown_name_is_answered_with_those_that_exist(call):
    with pytest.raises(ValueError, match="There is no '90.x' in this lesson; there are 90"):
        call("90.x")


def test_an_unknown_lesson_is_named(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(ValueError, match="no lesson '77'"):
        check("77.1", 1)


def test_what_is_left_to_do_is_recognised(monkeypatch):
    def dots(x):
        return x + ...

    assert answered(twice) and not answered(dots) and not answered(...) and not answered(None)
    monkeypatch.setenv("LESSON_FAST", "1")
    assert fast()
    monkeypatch.delenv("LESSON_FAST")
    assert not fast()


def test_answers_are_kept_in_a_file_and_a_broken_one_is_put_aside(lesson):
    assert "90.json" in start("90", seed=7, student="Ada").text
    check("90.1", square)
    reread()
    assert start("90").status == "noted"
    kept = record.record_of("90")
    assert (kept.student, kept.seed, kept.exercises["90.1"].status) == ("Ada", 7, "wrong")
    (lesson / "90.json").write_text("{broken")
    reread()
    assert record.record_of("90").student == "" and (lesson / "90.unreadable.json").read_text() == "{broken"


def test_a_folder_that_cannot_be_written_keeps_nobody_from_working(lesson, monkeypatch):
    (lesson / "file").write_text("")
    monkeypatch.setenv("LESSON_RECORDS", str(lesson / "file" / "below"))
    start("90")
    assert check("90.1", twice).status == "right" and record.record_of("90").exercises["90.1"].status == "right"


def test_a_report_holds_everything_and_is_safe_to_open(lesson):
    start("90", seed=3)
    predict("90.p1", "a", because="</script><script>alert(1)</script>")
    predicted("90.p1", "It shrank.")
    check("90.1", square), check("90.1", twice), quiz("90.q1", "a"), quiz("90.q1", "b")
    handed = report("Ada <3", folder=lesson)
    assert "1 of 2 exercises are right" in repr(handed) and "lesson_90_report.html" in handed._repr_html_()
    data = json.loads((lesson / "lesson_90_report.json").read_text())
    assert data["student"] == "Ada <3" and data["seed"] == 3 and data["summary"] == {"exercises": 2, "right": 1}
    first, second = data["exercises"]
    assert (first["status"], first["attempts"], first["hints"]) == ("right", 2, 1) and "2 * x" in first["code"]
    assert data["questions"][0]["question"] == data["predictions"][0]["question"] == "What x happens?"
    assert second["status"] == "open" and data["questions"][0]["letters"] == ["a", "b"]
    page = (lesson / "lesson_90_report.html").read_text()
    assert "Ada &lt;3" in page and "not as predicted" in page and page.count("<script") == 1
    inside = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.S)[1]
    assert json.loads(inside) == data


def test_a_report_without_a_lesson_says_what_to_do():
    with pytest.raises(ValueError, match="No lesson was started"):
        report()
