"""`make mutants`: its lists fit the library as it is, and it tells noticed mistakes from missed ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "tests" / "mutants"
LISTS = sorted(MUTANTS.glob("*.toml"))


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(MUTANTS))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_planted_mistake_has_its_place_in_the_library(path):
    """Where a text has changed, change it in the list too, and try it: `python tests/mutants WORD`."""
    from mistakes import read_list

    mistakes = read_list(path)
    for mistake in mistakes:
        mistake.planted(ROOT)
        assert mistake.what and all((ROOT / test).is_file() for test in mistake.tests)
    assert len({(mistake.old, mistake.new) for mistake in mistakes}) == len(mistakes)


def test_the_core_of_the_library_is_on_a_list():
    from mistakes import read_lists

    files = {mistake.file for mistake in read_lists(MUTANTS)}
    names = ("core", "schedules", "spacings", "denoisers", "samplers", "generation", "degradations", "randomness")
    assert {f"diffusion_edu/{name}.py" for name in names} <= files


@pytest.mark.parametrize(
    ("old", "new", "words"), [("x - y", "y", "0 times"), ("x", "y", "3 times"), ("+", "(", "no Python")]
)
def test_a_mistake_without_one_place_is_an_error(tmp_path, old, new, words):
    from mistakes import Mistake

    (tmp_path / "toy.py").write_text("def add(x, y):\n    return x + y  # x\n")
    with pytest.raises(ValueError, match=words):
        Mistake("toy.py", "wrong", old, new, ()).planted(tmp_path)


TOY = """
def add(x, y):
    return x + y


def count(n):
    while n > 0:
        n = n - 1
    return n
"""
TESTS = """
from toy import add, count

def test_numbers_are_added():
    assert add(2, 2) == 4

def test_counting_ends():
    assert count(3) == 0
"""
LIST = """
file = "toy.py"
tests = ["test_toy.py"]
[[mistake]]
what = "subtracts"
old = "x + y"
new = "x - y"
[[mistake]]
what = "multiplies"
old = "x + y"
new = "x * y"
[[mistake]]
what = "never ends"
old = "n = n - 1"
new = "n = n"
[[mistake]]
what = "dies"
old = "return n"
new = "import os; os._exit(0)"
[[mistake]]
what = "another order"
old = "x + y"
new = "y + x"
equivalent = "a sum has no order"
"""
RUN = """
import runpy, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import verdicts
if "remembered" in sys.argv:
    verdicts.attempt = lambda *words: sys.exit("nothing has changed, so nothing is tried")
main = runpy.run_path(sys.argv[1] + "/__main__.py")["main"]
sys.exit(main([], Path(sys.argv[2]), Path(sys.argv[2]), patience=0.5))
"""


def run(folder, *words):
    command = [sys.executable, "-c", RUN, str(MUTANTS), str(folder), *words]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, [line.split("  (")[0].strip() for line in done.stdout.splitlines() if "  toy.py: " in line]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_mistake_dies_or_lives_as_the_tests_say_and_is_tried_again_when_they_change(tmp_path):
    for name, text in (("toy.py", TOY), ("test_toy.py", TESTS), ("toy.toml", LIST)):
        (tmp_path / name).write_text(text)
    verdicts = [
        "noticed  toy.py: subtracts",
        "missed  toy.py: multiplies",
        "timeout  toy.py: never ends",
        "noticed  toy.py: dies",
        "equivalent  toy.py: another order",
    ]
    assert run(tmp_path) == (1, verdicts)
    assert run(tmp_path, "remembered") == (1, verdicts)
    assert (tmp_path / "toy.py").read_text() == TOY
    (tmp_path / "test_toy.py").write_text(TESTS.replace("add(2, 2) == 4", "add(2, 3) == 5"))
    assert run(tmp_path) == (0, [verdict.replace("missed", "noticed") for verdict in verdicts])
    (tmp_path / "test_toy.py").write_text(TESTS.replace("== 4", "== 5"))
    assert run(tmp_path) == (1, [])  # a test that fails anyway says nothing
