"""Copies for students, presets for the explorer, and links to Colab and Binder."""

import ast
import contextlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from diffusion_edu.cli import main
from diffusion_edu.lessons.teaching import badges, presets, students
from diffusion_edu.lessons.teaching.notebooks import APP, names, read
from diffusion_edu.paths import LESSONS

ROOT = Path(__file__).parents[2]
FIRST = names()[0]
ODD = ["Ada Lovelace", 'O\'Brien, "Pat" \\', "Žofie", "../../etc", "ada lovelace", "{x} \\1"]


@pytest.fixture
def listed(tmp_path):
    """A list of names, as an editor on Windows writes it."""
    path = tmp_path / "names.txt"
    path.write_text("\ufeff# class 12b\r\n" + "\r\n".join(["  Ada   Lovelace ", "", *ODD[1:]]), encoding="utf-8")
    return path


def copy(folder, student):
    return nbformat.read(folder / student / f"{FIRST}.ipynb", as_version=4)


def test_every_student_gets_a_copy_with_a_name_and_a_seed(listed, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--out", str(out), "--app", "https://pc7.example:8501/", "--lessons", FIRST[:2]]
    main(["lessons", "students", str(listed), *words])
    assert capsys.readouterr().out == f"{out}: copies for 6 students; students.csv has their seeds.\n"
    folders = ["Ada_Lovelace", "O_Brien_Pat", "Žofie", "etc", "ada_lovelace_2", "x_1"]
    assert sorted(path.name for path in out.iterdir()) == sorted([*folders, "students.csv"])
    seeds = students.read_list(out / "students.csv")
    assert list(seeds) == ODD and len(set(seeds.values())) == 6
    for name, folder in zip(ODD, folders, strict=True):
        setup = next(cell.source for cell in copy(out, folder).cells if "start(" in cell.source)
        call = ast.parse(re.search(r"^start\(.*$", setup, re.MULTILINE)[0]).body[0].value
        found = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
        assert found == {"seed": seeds[name], "student": name} and call.args[0].value == FIRST[:2]


def test_a_copy_has_no_solution_no_outputs_and_the_links_of_the_class(listed, tmp_path):
    students.make_copies(students.read_names(listed), tmp_path / "out", [FIRST[:2]], "https://pc7.example/x")
    mine, (student, _) = copy(tmp_path / "out", "etc"), read(FIRST)
    assert [cell.id for cell in mine.cells] == [cell.id for cell in student.cells]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in mine.cells)
    for one, other in zip(mine.cells, student.cells, strict=True):
        same = other.source.replace(APP, "https://pc7.example/x")
        assert one.source == same or "start(" in same
    words = "".join(cell.source for cell in mine.cells)
    assert APP not in words and ("https://pc7.example/x/" in words) == (APP in "".join(c.source for c in student.cells))


def test_all_lessons_have_a_line_that_starts_them(tmp_path):
    made, _ = students.make_copies(["Ada"], tmp_path)
    assert sorted(path.stem for path in (tmp_path / made[0].folder).iterdir()) == names()


def test_what_a_student_has_begun_is_kept(tmp_path, listed, capsys):
    out = tmp_path / "out"
    words = ["lessons", "students", str(listed), "--out", str(out), "--lessons", FIRST[:2]]
    main(words)
    work = out / "etc" / f"{FIRST}.ipynb"
    work.write_text("my work", encoding="utf-8")
    capsys.readouterr()
    main(words)
    assert work.read_text(encoding="utf-8") == "my work"
    assert f"{work} is there already and was kept.\n" in capsys.readouterr().out


def test_the_seed_of_a_student_is_the_same_every_time():
    assert students.seed_of("Ada Lovelace") == 35062782
    assert all(1 <= students.seed_of(name) < 2**31 for name in map(str, range(1000)))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no names: write one a line."),
        (b"# only this\n", "holds no names"),
        (b"Ada\nBo\nAda\n", "holds the name 'Ada' twice"),
        (b"\xff\xfeA\x00", "is no text in UTF-8"),
        (b"Ada\x07\n", "holds a line that is no name"),
        (b"x" * 101, "holds a line that is no name"),
        (b"\n".join(b"%d" % k for k in range(1001)), "holds 1,001 names, and 1,000 are the most"),
    ],
)
def test_a_list_that_is_none_is_one_sentence(content, sentence, tmp_path):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(SystemExit) as left:
        main(["lessons", "students", str(path), "--out", str(tmp_path / "out")])
    assert f"{path} {sentence}" in left.value.code and "\n" not in left.value.code


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["students", "names.txt", "--out", "x", "--lessons", "77"], "There is no lesson '77'; there are 00, "),
        (["students", "nobody.txt", "--out", "x"], "No such file"),
        (["students", "names.txt", "--out", "names.txt"], "is no folder to write into"),
        (["export", "otter", "names.txt"], "is no folder to write into"),
        (["collect", "in", "--students", "names.txt"], "is not the list students.csv that"),
        (["badges", "name"], "'name', branch 'main', is no repository on GitHub: write owner/name."),
        (["badges", "a/b", "--branch", "x y"], "is no repository on GitHub"),
    ],
)
def test_bad_options_end_in_one_sentence(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("Ada\n", encoding="utf-8")
    (tmp_path / "in").mkdir()
    with pytest.raises(SystemExit) as left:
        main(["lessons", *words])
    assert str(left.value.code).startswith("diffusion-edu lessons: ") and sentence in left.value.code


def test_presets_are_the_links_of_the_lessons(tmp_path, capsys):
    main(["lessons", "presets", "--out", str(tmp_path), "--app", "https://pc7.example/"])
    assert f"presets of {len(names())} lessons" in capsys.readouterr().out
    pages = {path.stem.split("_", 1)[1] for path in ROOT.glob("pages/*.py")} | {""}
    for name in names():
        found = json.loads((tmp_path / name / "presets.json").read_text(encoding="utf-8"))
        linked = sum(cell.source.count(f"]({APP}") for cell in read(name)[0].cells if cell.cell_type == "markdown")
        assert found["lesson"] == name[:2] and found["title"].strip() and len(found["presets"]) <= linked
        assert bool(found["presets"]) == bool(linked)
        assert all(each["title"] and each["page"] in pages for each in found["presets"]), name
        assert all(each["link"].startswith(f"https://pc7.example/{each['page']}") for each in found["presets"])


def test_the_settings_of_a_preset_are_those_of_its_link():
    link = "Sampling?sampling.sampler=DDPM&sampling.steps=50&x=1&x=2"
    expected = {"sampling.sampler": "DDPM", "sampling.steps": "50", "x": ["1", "2"]}
    assert presets._preset("50 steps", link, "https://a.example") == {
        "title": "50 steps",
        "page": "Sampling",
        "settings": expected,
        "link": f"https://a.example/{link}",
    }


@pytest.fixture
def clone(tmp_path):
    """A clone of the project with two lessons."""
    for name in names()[:2]:
        for place in ("", "solutions"):
            (tmp_path / "lessons" / place).mkdir(parents=True, exist_ok=True)
            shutil.copy(LESSONS / place / f"{name}.ipynb", tmp_path / "lessons" / place)
    shutil.copy(LESSONS / "README.md", tmp_path / "lessons")
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_badges_link_every_lesson_and_its_line_in_the_readme(clone):
    badges.write_badges("owner/some.name", "dev/1", clone)
    readme = (clone / "lessons" / "README.md").read_text(encoding="utf-8")
    colab = "https://colab.research.google.com/github/owner/some.name/blob/dev/1/lessons"
    binder = "https://mybinder.org/v2/gh/owner/some.name/dev%2F1?urlpath=lab/tree/lessons"
    for name in names(folder=clone / "lessons"):
        notebook, solved = read(name, clone / "lessons")
        line = f"**Open it** in [Colab]({colab}/{name}.ipynb) or [Binder]({binder}/{name}.ipynb)."
        assert notebook.cells[0].source.endswith(f"\n\n{line}") and solved.cells[0].source.endswith(line)
        assert f"({name}.ipynb) · [Colab]({colab}/{name}.ipynb) or [Binder]({binder}/{name}.ipynb) |" in readme


def test_in_colab_the_setup_installs_the_package_and_keeps_torch(clone):
    before = {name: next(c for c in read(name)[0].cells if c.cell_type == "code").source for name in names()[:2]}
    badges.write_badges("owner/name", "main", clone)
    for name, plain in before.items():
        setup = next(cell for cell in read(name, clone / "lessons")[0].cells if cell.cell_type == "code").source
        assert setup.endswith(plain) and 'if "google.colab" in sys.modules' in setup
        assert installed(setup.removesuffix(plain), clone) == [
            ("pip", "install --quiet --constraint keep.txt git+https://github.com/owner/name@main")
        ]
        assert re.fullmatch(r"torch==\d[\w.+]+\n", (clone / "keep.txt").read_text(encoding="utf-8"))


def installed(source, folder):
    """Run what comes before a setup cell as Colab does, in a folder, and return the magics that it ran."""
    ran = []
    shell = SimpleNamespace(run_line_magic=lambda *words: ran.append(words))
    with contextlib.chdir(folder):
        exec(source.replace('"google.colab" in sys.modules', "True"), {"get_ipython": lambda: shell})
    return ran


def test_badges_again_change_nothing_and_another_repository_takes_their_place(clone):
    badges.write_badges("first/name", "main", clone)
    once = contents(clone)
    badges.write_badges("first/name", "main", clone)
    assert contents(clone) == once
    badges.write_badges("other/course", "main", clone)
    assert not any(b"first/name" in content for content in contents(clone).values())


def test_without_a_repository_a_lesson_has_no_links(clone):
    plain = [cell.source for cell in read(FIRST)[0].cells]
    badges.write_badges("owner/name", "main", clone)
    notebook, _ = read(FIRST, clone / "lessons")
    assert badges.repository(clone / "lessons") == {"repository": "owner/name", "branch": "main"}
    assert [cell.source for cell in badges.opened(notebook, FIRST, None).cells] == plain


def test_binder_gets_its_files(clone):
    badges.write_badges("owner/name", "main", clone)
    script = clone / ".binder" / "postBuild"
    assert script.stat().st_mode & 0o111 and '".[lessons]"' in script.read_text(encoding="utf-8")
    if bash := shutil.which("bash"):
        subprocess.run([bash, "-n", str(script)], check=True)
    assert (clone / ".binder" / "runtime.txt").read_text(encoding="utf-8") == "python-3.11\n"


def test_badges_need_a_clone(tmp_path):
    with pytest.raises(ValueError, match=r"^There is no lessons/README\.md in .*: run this in a clone"):
        badges.write_badges("owner/name", "main", tmp_path)


def test_the_readme_lists_every_lesson_with_its_title_its_minutes_and_what_it_needs():
    readme = (LESSONS / "README.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| (\d+) \| \[([^\]]*)\]\((\w+)\.ipynb\)[^|]*\| ([^|]*) \|([^|]*)\|", re.MULTILINE)
    found = {name: (number, title, minutes, after) for number, title, name, minutes, after in row.findall(readme)}
    assert list(found) == names()
    for name, (number, title, minutes, after) in found.items():
        first = read(name)[0].cells[0].source
        assert first.startswith(f"# {number} · {title}\n") and int(number) == int(name[:2])
        assert re.search(rf"\b{minutes.removesuffix(' and more')} minutes", first), name
        needed = next(line for line in first.split("\n") if "ou need" in line)
        assert all(re.search(rf"\b{each}\b", needed) for each in re.findall(r"\d+", after)), name


def test_every_lesson_has_a_page_for_its_teacher():
    overview = (ROOT / "docs" / "teaching" / "README.md").read_text(encoding="utf-8")
    for name in names():
        assert (ROOT / "docs" / "teaching" / f"{name}.md").is_file() and f"({name}.md)" in overview
