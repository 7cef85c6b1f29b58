"""Exports to nbgrader and Otter-Grader: their format always, and the real tools where these are installed.

`pytest -m graders tests/lessons` tries the tools: `nbgrader` and `otter` must be on the path, in environments that
have diffusion_edu too.
"""

import ast
import csv
import json
import os
import re
import shutil
import subprocess

import nbformat
import pytest

from diffusion_edu.cli import main
from diffusion_edu.lessons.checks.grading import Grade
from diffusion_edu.lessons.course import exercises, questions
from diffusion_edu.lessons.teaching import nbgrader, otter, required
from diffusion_edu.lessons.teaching.notebooks import graded, is_answer, names, parts, read, task
from diffusion_edu.lessons.teaching.required import require, require_choice

SEED = 12345
NAMES = names()
FIRST = NAMES[0]


def right_answer(name):
    """The reference answer to an exercise."""
    return exercises(name[:2])[name].answer


def expected(name):
    """The names of everything that is graded in a lesson: exercises, recall and quiz, no predictions."""
    asked = {each for each in questions(name[:2]) if each[3] != "p"}
    return {*exercises(name[:2])} | asked


@pytest.mark.parametrize("name", NAMES)
def test_everything_but_predictions_is_graded_once(name):
    found = [each.name for *_, each in graded(*read(name)) if each]
    assert len(found) == len(set(found)) and set(found) == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_for_nbgrader_has_solutions_blanks_and_locked_tests(name):
    student, solved = read(name)
    made = nbgrader.convert(student, solved, SEED)
    nbformat.validate(made)
    marked = {cell.id: cell for cell in made.cells if "nbgrader" in cell.metadata}
    ids = [cell.metadata["nbgrader"]["grade_id"] for cell in marked.values()]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[a-zA-Z0-9_\-]+", each) for each in ids)
    tests = [cell for cell in marked.values() if cell.metadata["nbgrader"]["grade"]]
    assert len(tests) == len(expected(name))
    for cell in tests:
        settings = cell.metadata["nbgrader"]
        assert settings["locked"] and not settings["solution"] and settings["points"] in (0, 1, 2)
        assert cell.source.endswith("### END HIDDEN TESTS")
        shown = cell.source.split("### BEGIN HIDDEN TESTS")[0]
        assert str(SEED) not in shown and (f"seed={SEED}" in cell.source) == ("require_choice" not in cell.source)
    original = {cell.id: cell.source for cell in student.cells}
    for cell in marked.values():
        if cell.metadata["nbgrader"]["solution"]:
            assert "### BEGIN SOLUTION" in cell.source and "### END SOLUTION" in cell.source
            stub = cell.metadata[nbgrader.STUB]
            assert stub == original[cell.id] or (task(cell).call == "quiz" and "letter_" in stub and "= ...\n" in stub)
    assert not any(cell.get("outputs") for cell in made.cells)


def chosen_by_otter(source, solved):
    """What `otter assign` makes of the source of a solution cell."""
    lines, taken, inside = [], True, False
    for line in source.split("\n"):
        if line.endswith(("# BEGIN PROMPT", "# END PROMPT")):
            inside = line.endswith("# BEGIN PROMPT")
        elif line.endswith(("# BEGIN SOLUTION NO PROMPT", "# END SOLUTION")):
            taken = line.endswith("# END SOLUTION") or solved
        elif taken and not (inside and solved):
            lines.append(line)
    return "\n".join(lines)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_for_otter_has_a_question_with_tests_for_each_answer(name):
    student, solved = read(name)
    made = otter.convert(student, solved, name[:2], SEED)
    nbformat.validate(made)
    assert made.cells[0].cell_type == "raw" and made.cells[0].source.startswith("# ASSIGNMENT CONFIG\nname: lesson_")
    blocks = [cell.source.split("\n")[0] for cell in made.cells[1:] if cell.cell_type == "raw"]
    block = ["# BEGIN QUESTION", "# BEGIN SOLUTION", "# END SOLUTION", "# BEGIN TESTS", "# END TESTS", "# END QUESTION"]
    assert blocks == block * len(expected(name))
    for cell, other, each in graded(student, solved):
        if each:
            source = otter.either(cell.source, other.source)
            ast.parse(source)
            assert chosen_by_otter(source, solved=False) == cell.source
            assert chosen_by_otter(source, solved=True) == other.source
    hidden = [cell.source for cell in made.cells if cell.source.startswith("# HIDDEN\n")]
    assert len(hidden) == len(expected(name))
    assert not any(str(SEED) in cell.source for cell in made.cells if cell.source not in hidden)


@pytest.mark.parametrize(
    ("student", "solved"),
    [
        ("def f(x):\n    return (\n        ...\n    )", "def f(x):\n    return (\n        x\n        + 1\n    )"),
        ('def f(x):\n    """d"""\n    ...', 'def f(x):\n    """d"""\n    if x:\n        return 1\n    return 2'),
        ("for x in ...:\n    print(x)", "for x in y:\n    print(x)"),
        ("x = ...", "x = 1\ny = 2"),
        ("x = 1\ny = 2", "x = 1"),
    ],
)
def test_an_answer_is_taken_apart_so_that_both_versions_come_back(student, solved):
    source = otter.either(student, solved)
    ast.parse(source)
    assert chosen_by_otter(source, solved=False) == student and chosen_by_otter(source, solved=True) == solved


@pytest.mark.parametrize(
    ("student", "solved", "expected"),
    [
        ("a\n...\nz", "a\nb\nc\nz", (["a"], ["b", "c"], ["..."], ["z"])),
        ("a\nz", "a\na\nz", (["a"], ["a"], [], ["z"])),
        ("a", "a", (["a"], [], [], [])),
        ("...", "a", ([], ["a"], ["..."], [])),
    ],
)
def test_parts_put_together_are_the_cells_again(student, solved, expected):
    above, solution, stub, below = parts(student, solved)
    assert (above, solution, stub, below) == expected
    assert "\n".join((*above, *solution, *below)) == solved and "\n".join((*above, *stub, *below)) == student


def test_a_check_in_the_cell_after_its_answer_belongs_to_it():
    cells = [
        nbformat.v4.new_code_cell("def f():\n    ...", metadata={"tags": ["exercise"]}),
        nbformat.v4.new_markdown_cell("Now the check."),
        nbformat.v4.new_code_cell('check("00.1", f)'),
        nbformat.v4.new_code_cell("y = ...", metadata={"tags": ["exercise"]}),
        nbformat.v4.new_code_cell('predict("00.p1", "a")', metadata={"tags": ["exercise"]}),
        nbformat.v4.new_code_cell('check("00.2", f)'),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    found = [each for *_, each in graded(notebook, notebook)]
    assert [each and (each.call, each.name, each.answer) for each in found] == [("check", "00.1", "f"), *[None] * 5]
    assert sum(map(is_answer, cells)) == 3


def test_an_exercise_gives_two_points_a_question_one_and_an_optional_exercise_none():
    cells = [
        nbformat.v4.new_markdown_cell("### Exercise 00.1: one (free)"),
        nbformat.v4.new_code_cell('check("00.1", f)', metadata={"tags": ["exercise"]}),
        nbformat.v4.new_markdown_cell("Some words that are optional."),
        nbformat.v4.new_code_cell('quiz("00.q1", "a")', metadata={"tags": ["exercise"]}),
        nbformat.v4.new_markdown_cell("Well.\n\n### Exercise 00.2: two (Optional, harder)"),
        nbformat.v4.new_code_cell('check("00.2", g)', metadata={"tags": ["exercise"]}),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert [each.points for *_, each in graded(notebook, notebook) if each] == [2, 1, 0]


def test_a_right_answer_passes_silently_and_others_raise_the_hint():
    name = next(iter(exercises(FIRST[:2])))
    assert require(name, right_answer(name)) is None and require(name, right_answer(name), seed=SEED) is None
    with pytest.raises(AssertionError, match=rf"^{name}: \w"):
        require(name, lambda *inputs: 0.0)
    with pytest.raises(AssertionError, match=rf"^{name}: Write your answer"):
        require(name, ...)


def test_a_hidden_test_draws_three_times_as_many_trials(monkeypatch):
    seeds = []
    monkeypatch.setattr(required, "grade", lambda exercise, answer, seed: seeds.append(seed) or Grade("right", ()))
    require(f"{FIRST[:2]}.1", ...)
    require(f"{FIRST[:2]}.1", ..., seed=SEED)
    assert seeds == [0, SEED, SEED + 1, SEED + 2]


def test_a_letter_passes_if_it_is_the_right_one():
    name, question = next(iter(questions(FIRST[:2]).items()))
    assert require_choice(name, f" {question.right.upper()})") is None
    other = next(letter for letter in question.choices if letter != question.right)
    for letter, words in ((other, "not the right letter"), (..., "not answered yet"), ("z", "There is no such choice")):
        with pytest.raises(AssertionError, match=rf"^{name}: {words}"):
            require_choice(name, letter)


@pytest.mark.parametrize("grader", ["nbgrader", "otter"])
def test_the_command_writes_what_the_tool_reads_and_says_the_seed(grader, tmp_path, capsys):
    main(["lessons", "export", grader, str(tmp_path), "--lessons", FIRST[:2]])
    said = capsys.readouterr().out
    seed = re.search(r"1 assignments; the hidden tests have the seed (\d+)\.", said)[1]
    (path,) = tmp_path.rglob("*.ipynb")
    assert path.parent.name == f"lesson_{FIRST[:2]}" and f"seed={seed}" in path.read_text(encoding="utf-8")
    if grader == "nbgrader":
        compile((tmp_path / "nbgrader_config.py").read_text(encoding="utf-8"), "nbgrader_config.py", "exec")


def tool(name):
    """A function that runs a tool in a folder and returns what it says; the test is skipped without the tool."""
    place = shutil.which(name)
    if not place:
        pytest.skip(f"{name} is not installed")
    binaries = os.path.dirname(place)  # the kernel of its environment runs the notebooks
    environment = {**os.environ, "LESSON_FAST": "1", "OMP_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join((binaries, os.environ["PATH"]))

    def run(*words, cwd):
        done = subprocess.run([place, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=550)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.graders
@pytest.mark.timeout(1200)
def test_nbgrader_gives_full_marks_to_the_solution_and_none_to_blanks(tmp_path):
    run, lesson = tool("nbgrader"), f"lesson_{FIRST[:2]}"
    (source,) = nbgrader.export(tmp_path, SEED, [FIRST[:2]])
    run("generate_assignment", lesson, cwd=tmp_path)
    release = tmp_path / "release" / lesson / source.name
    released = {cell.id: cell.source for cell in nbformat.read(release, as_version=4).cells}
    for cell in read(FIRST)[0].cells:
        assert released[cell.id] == cell.source or "letter_" in released[cell.id]
    assert str(SEED) not in release.read_text(encoding="utf-8")
    for student, notebook in (("solved", source), ("blank", release)):
        place = tmp_path / "submitted" / student / lesson
        place.mkdir(parents=True)
        shutil.copy(notebook, place)
    run("autograde", lesson, cwd=tmp_path)
    run("export", cwd=tmp_path)
    with (tmp_path / "grades.csv").open(encoding="utf-8") as file:
        grades = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    most = float(len(expected(FIRST)) + len(exercises(FIRST[:2])))
    assert grades == {"solved": (most, most), "blank": (0.0, most)}


@pytest.mark.graders
@pytest.mark.timeout(1200)
def test_otter_gives_full_marks_to_the_solution_and_none_to_blanks(tmp_path):
    run = tool("otter")
    (source,) = otter.export(tmp_path, SEED, [FIRST[:2]])
    run("assign", source.name, "dist", cwd=source.parent)  # runs the tests on the solutions
    dist = source.parent / "dist"
    (tests,) = (dist / "autograder").glob("*.zip")
    student = nbformat.read(dist / "student" / source.name, as_version=4)
    given = [cell.source for cell in student.cells]
    assert all(cell.source in given for cell in read(FIRST)[0].cells if is_answer(cell) and task(cell).call == "check")
    for name, folder in (("solved", "autograder"), ("blank", "student")):
        shutil.copy(dist / folder / source.name, tmp_path / f"{name}.ipynb")
        run("run", "-a", str(tests), "-o", str(tmp_path), f"{name}.ipynb", cwd=tmp_path)
        scores = [
            (each["score"], each["max_score"])
            for each in json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["tests"]
            if "max_score" in each
        ]
        assert scores and all(score == (most if name == "solved" else 0) for score, most in scores), scores
