"""Reports of a class: thirty are read, broken ones are named, and the table is safe to open."""

import csv
import json

import pytest
from bs4 import BeautifulSoup

from diffusion_edu.cli import main
from diffusion_edu.lessons.record import Attempted, Chosen, Predicted, Record
from diffusion_edu.lessons.reporting import as_data, as_page
from diffusion_edu.lessons.teaching import reports, tables
from diffusion_edu.lessons.teaching.students import class_of

NAMES = [f"Student {k:02d}" for k in range(30)]


def made(student, lesson="00", seed=0, **changes):
    """What report() writes for a student who has one exercise right, one wrong, and has not begun the others."""
    record = Record(
        lesson=lesson,
        student=student,
        seed=seed,
        exercises={
            "00.1": Attempted(status="right", attempts=["a", "b"], hints=1, code="def to_signed(image): ..."),
            "00.2": Attempted(status="wrong", attempts=["a", "b", "c"], hints=3, said="no"),
        },
        questions={"00.r1": Chosen(status="right", letters=["a", "b"]), "00.r2": Chosen(status="right", letters=["c"])},
        predictions={"00.p1": Predicted(letter="a", because="=1+1 <b>", happened="it did")},
    )
    return as_data(record) | changes


def hand_in(folder, data, page=False, name=None):
    """Write a report as a student hands it in, in a folder of the student's own."""
    place = folder / (name or data["student"].replace(" ", "_") or "unknown")
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"lesson_{data['lesson']}_report.{'html' if page else 'json'}"
    path.write_text(as_page(data, ["<svg></svg>"]) if page else json.dumps(data), encoding="utf-8")
    return path


def rows(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_thirty_reports_become_a_table(tmp_path, capsys):
    for k, name in enumerate(NAMES):
        hand_in(tmp_path / "in", made(name), page=k % 2 == 0)
    main(["lessons", "collect", str(tmp_path / "in"), "--out", str(tmp_path / "out")])
    assert capsys.readouterr().out.startswith("30 reports of 30 students: ")
    table = rows(tmp_path / "out" / "class.csv")
    assert [row["student"] for row in table] == NAMES
    total = str(len(made("x")["exercises"]))
    expected = {"lesson": "00", "exercises": total, "right": "1", "wrong": "1", "open": str(int(total) - 2)}
    expected |= {"attempts": "5", "hints": "2", "highest hint": "3", "predictions": "1"}
    expected |= {"questions answered": "2", "questions right": "2", "questions right at once": "1"}
    assert all(expected.items() <= row.items() for row in table)
    each = rows(tmp_path / "out" / "class_each.csv")
    assert len(each) == 30 * (int(total) + 3)
    assert {row["hint"] for row in each if row["name"] == "00.2"} == {"3"}
    page = BeautifulSoup((tmp_path / "out" / "class.html").read_text(encoding="utf-8"), "html.parser")
    assert [cell.text for cell in page.find_all("th", scope="row")] == NAMES
    assert "30 of 30 who tried" in page.text and "✗ 3 / 3" in page.text


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", '{"lesson": "00"', "it is broken or was cut off"),
        ("a.json", "[" * 100_000, "it is broken or was cut off"),
        ("a.json", "[]", "it is no report of a lesson (the whole: "),
        ("a.json", "{}", "it is no report of a lesson (lesson: field required)"),
        ("a.json", '{"lesson": "00", "exercises": {}}', "these are the answers that a lesson keeps"),
        ("a.json", '{"lesson": "00", "exercises": [{"name": "00.1", "status": "perfect"}]}', "exercises.0.status: "),
        ("a.json", '{"lesson": "0", "exercises": []}', "it is no report of a lesson (lesson: "),
        ("a.html", "<html>Hello</html>", "this page holds no report; a report is named lesson_NN_report.html"),
        ("a.html", '<script type="application/json" id="report">{"les</script>', "it is broken or was cut off"),
        ("a.htm", b"\xff\xfe\x00", "it is no text in UTF-8"),
        ("a.json", b"", "it is broken or was cut off"),
    ],
)
def test_a_broken_report_is_named_in_one_sentence_and_the_others_count(name, content, reason, tmp_path):
    hand_in(tmp_path, made("Ada"))
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(content)
    found = reports.collect([tmp_path])
    assert [each.student for each in found.reports] == ["Ada"]
    assert len(found.problems) == 1 and "\n" not in found.problems[0]
    assert found.problems[0].startswith(f"{tmp_path / name} was left out: ") and reason in found.problems[0]


def test_a_report_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "LARGEST", 1_000_000)
    (tmp_path / "a.json").write_bytes(b" " * 1_000_001)
    assert reports.collect([tmp_path]).problems == [f"{tmp_path / 'a.json'} was left out: it is larger than 1 MB."]


def test_the_report_that_was_written_last_counts(tmp_path):
    hand_in(tmp_path, made("Ada", written="2026-01-02T10:00:00", seed=0), name="late")
    hand_in(tmp_path, made("ADA ", written="2026-01-01T10:00:00"), name="early", page=True)
    hand_in(tmp_path, made("Ada", written="2026-01-02T10:00:00"), name="late", page=True)
    found = reports.collect([tmp_path])
    assert [each.written for each in found.reports] == ["2026-01-02T10:00:00"]
    assert found.notes == ["Older reports of the same student and lesson that do not count: 1."]


def test_without_a_name_the_folder_says_who_it_is(tmp_path):
    hand_in(tmp_path, made(""), name="Grace Hopper")
    assert reports.collect([tmp_path]).reports[0].student == "no name (Grace Hopper)"


def test_a_list_of_the_class_tells_who_is_missing_and_who_has_the_copy_of_another(tmp_path):
    seeds = {each.name: each.seed for each in class_of(["Ada", "Bo", "Cem", "Dee"])}
    hand_in(tmp_path, made("Ada", seed=seeds["Ada"]))
    hand_in(tmp_path, made("Bo", seed=seeds["Ada"]))
    hand_in(tmp_path, made("Eve", seed=7))
    hand_in(tmp_path, made("Dee", seed=seeds["Dee"]))
    assert reports.collect([tmp_path], seeds).notes == [
        f"Ada and Bo handed in the same copy (seed {seeds['Ada']}).",
        "Bo (lesson 00) did not work in the copy made for this name.",
        "Eve (lesson 00) is not in the list of the class.",
        "Cem has handed in nothing.",
    ]


def test_what_students_write_is_no_formula_and_no_markup(tmp_path):
    name = "=HYPERLINK(1) <script>alert(1)</script>"
    hand_in(tmp_path / "in", made(name), page=True, name="x")
    tables.write_tables(reports.collect([tmp_path / "in"]), tmp_path)
    assert rows(tmp_path / "class.csv")[0]["student"] == f"'{name}"
    assert {row["because"] for row in rows(tmp_path / "class_each.csv")} == {"", "'=1+1 <b>"}
    page = (tmp_path / "class.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b>" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("cell", ["-1", "+1", "@x", " =1", "\t=1"])
def test_a_cell_that_looks_like_a_formula_gets_a_quote(cell):
    assert tables.safe(cell) == f"'{cell}"


def test_other_cells_stay_as_they_are():
    assert [tables.safe(cell) for cell in ("Ada", -1, "a=1", "")] == ["Ada", -1, "a=1", ""]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["nowhere"], "nowhere is not there: name the folder with the reports."), (["."], "no report was found: ")],
)
def test_a_folder_without_reports_is_one_sentence(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=rf"^diffusion-edu lessons: {sentence}"):
        main(["lessons", "collect", *words])


def test_a_whole_folder_may_be_handed_in(tmp_path):
    hand_in(tmp_path, made("Ada"))
    for name in ("Ada", "Bo"):
        (tmp_path / name / "my_answers").mkdir(parents=True)
        (tmp_path / name / "my_answers" / "00.json").write_text('{"lesson": "00", "exercises": {}}', encoding="utf-8")
    (said,) = reports.collect([tmp_path]).problems
    assert "Bo" in said and "ask for what report() writes" in said


def test_other_files_and_hidden_ones_are_passed_over(tmp_path):
    hand_in(tmp_path, made("Ada"))
    for name in (".copied.json", "notes.txt", "lesson.ipynb"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    assert reports.collect([tmp_path]).problems == []
