"""NaN and infinity are no JSON: whatever is written as JSON is cleaned first, or its writer refuses them."""

import ast
import json
from pathlib import Path

import pytest

from diffusion_edu.files import finite, to_json

ROOT = Path(__file__).parents[2]
FILES = [path for place in ("diffusion_edu", "benchmarks", "pages") for path in sorted((ROOT / place).rglob("*.py"))]
INSIDE = {  # what only our own programs read, or what holds letters only
    "diffusion_edu/data/decoder.py",
    "diffusion_edu/data/images.py",
    "diffusion_edu/data/emoji_held_out.py",
    "diffusion_edu/evaluation/samples.py",
}


def careless(path):
    """The lines of a file on which json is written without a word about NaN."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if ast.unparse(call.func) in ("json.dump", "json.dumps")
        and not any(word.arg == "allow_nan" and ast.unparse(word.value) == "False" for word in call.keywords)
    ]


def test_no_file_writes_json_that_other_programs_cannot_read():
    found = {path.relative_to(ROOT).as_posix(): careless(path) for path in FILES}
    assert len(found) > 200
    assert {name: lines for name, lines in found.items() if lines and name not in INSIDE} == {}
    assert all(found[name] for name in INSIDE)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_numbers_that_no_float_holds_become_null(value):
    assert json.loads(to_json({"a": [1, value, {"b": (value, True, "NaN", 0.5)}]})) == {
        "a": [1, None, {"b": [None, True, "NaN", 0.5]}]
    }
    assert finite(value) is None and finite(2.5) == 2.5 and finite({}) == {}
