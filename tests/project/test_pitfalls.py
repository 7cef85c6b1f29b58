"""`docs/pitfalls.md` lists the known bugs of diffusion code; each has a test here that names it, and some an exhibit.

`python tests/project/test_pitfalls.py` rewrites the columns "tests" and "exhibit" from test docstrings and the museum.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from diffusion_edu.museum import EXHIBITS

ROOT = Path(__file__).resolve().parents[2]
DOC = ROOT / "docs" / "pitfalls.md"
ROW = re.compile(r"\| (\d+) \|([^|\n]+)\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|")


@cache
def tests():
    """Find the tests that name a pitfall in their docstring or in a comment: {number: [file::test]}."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for numbers in re.findall(
                    r"pitfalls? (\d[^.:;]*)", "\n".join(lines[node.lineno - 1 : node.end_lineno]), re.IGNORECASE
                ):
                    for number in named(numbers):
                        found.setdefault(number, {})[f"{path.relative_to(ROOT).as_posix()}::{node.name}"] = None
    return {number: list(names) for number, names in found.items()}


def named(numbers):
    """Read "6 and 24", "17 to 19" or "7, 8, 10 and 13" as numbers; what follows them does not count."""
    text = re.match(r"\d+(?:(?:, | and | to )\d+)*", numbers)[0]
    if through := re.fullmatch(r"(\d+) to (\d+)", text):
        return range(int(through[1]), int(through[2]) + 1)
    return map(int, re.findall(r"\d+", text))


def exhibits():
    """List the exhibits of each pitfall: {number: [slug]}."""
    found = {}
    for slug, exhibit in EXHIBITS.items():
        found.setdefault(exhibit.pitfall, []).append(slug)
    return found


def renewed():
    """Write the two columns that follow from the code into the text of the page."""
    caught, shown = tests(), exhibits()

    def row(match):
        number = int(match[1])
        names = ", ".join(f"`{name.split('::')[1]}`" for name in caught.get(number, []))
        links = ", ".join(f"`{slug}`" for slug in shown.get(number, []))
        return f"| {number} | {match[2].strip()} | {match[3].strip()} | {names} | {links} |"

    return ROW.sub(row, DOC.read_text(encoding="utf-8"))


def test_the_page_lists_the_tests_and_exhibits_that_there_are():
    assert DOC.read_text(encoding="utf-8") == renewed(), "run: python tests/project/test_pitfalls.py"


NUMBERS = [int(match[1]) for match in ROW.finditer(DOC.read_text(encoding="utf-8"))]


def test_every_number_comes_once_and_every_reference_has_its_row():
    assert len(NUMBERS) == len(set(NUMBERS)) >= 42
    assert set(tests()) | set(exhibits()) <= set(NUMBERS)


@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_every_pitfall_is_caught_by_a_test(number):
    assert tests().get(number)


@pytest.mark.parametrize(
    "text, numbers",
    [("6 and 24", [6, 24]), ("17 to 19", [17, 18, 19]), ("7, 8, 10 and 13", [7, 8, 10, 13]), ("40", [40])],
)
def test_lists_of_numbers_are_read(text, numbers):
    assert list(named(text)) == numbers


if __name__ == "__main__":
    DOC.write_text(renewed(), encoding="utf-8")
