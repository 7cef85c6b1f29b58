"""What a control accepts: every other value becomes the nearest one or the default; and names are shown as text."""

import math

import pytest

from diffusion_edu.app.common.accepted import CONTROLS, accepted
from diffusion_edu.app.common.plain_text import plain

WRONG = (ValueError, TypeError, OverflowError)
TRIED = [
    ("slider", ("Images", 1, 9, 4), {}),
    ("slider", ("Strength", 0.0, 1.0, 0.6, 0.05), {}),
    ("slider", ("Interval", 0, 1000, (0, 1000), 50), {}),
    ("number_input", ("Seed", 0, 1_000_000, 7), {}),
    ("number_input", ("Loss", 0.0, None, None, 0.1), {}),
    ("selectbox", ("Class", ["rose", "*", "<b>"], 1), {}),
    ("selectbox", ("Images", range(1, 9)), {"format_func": lambda k: f"{k} images"}),
    ("segmented_control", ("View", ["a", "b"]), {"default": "b"}),
    ("pills", ("Categories", ["a", "b"]), {"selection_mode": "multi"}),
    ("select_slider", ("Steps", [1, 5, 20], 5), {}),
    ("multiselect", ("Steps", [1, 2, 4, 8], [1, 2]), {"max_selections": 3}),
    ("toggle", ("Noise", True), {}),
    ("text_input", ("Letters", "HI", 8), {}),
    ("text_area", ("Prompt", "A fox"), {"height": 88}),
    ("tabs", (["One", "Two"],), {}),
]
NONSENSE = [
    *("inf", "-inf", "nan", "1e400", "-3", "0", "7.5", "99999999999999999999", "", "null", "[]", "\x00", "true"),
    *(math.inf, -math.inf, math.nan, 10**400, -3, 7.5, None, True, [], {}, (), [math.nan], ["a", "z"], (5, 1)),
    *("a\ud800", "x" * 100_000, object(), [1, 1, 2, 4, 8], b"x", complex(1, 1), (math.nan, 1), {"a": 1}),
]


def test_every_kind_of_control_is_tried():
    assert {name for name, *_ in TRIED} == set(CONTROLS)


@pytest.mark.parametrize(("name", "args", "options"), TRIED)
def test_a_control_has_its_default_and_what_a_link_can_say_is_read_as_it_was_written(name, args, options):
    known = accepted(name, args, options)
    assert known.fit(known.default) == known.default
    assert known.default is None or known.read(known.write(known.default)) == known.default


@pytest.mark.parametrize("value", NONSENSE, ids=range(len(NONSENSE)))
@pytest.mark.parametrize(("name", "args", "options"), TRIED)
def test_nonsense_is_refused_or_becomes_a_value_of_the_control(name, args, options, value):
    known = accepted(name, args, options)
    for read in (known.fit, lambda value: known.read([str(value)]), lambda value: known.read([str(value), ""])):
        try:
            fitted = read(value)
        except WRONG:
            continue
        assert known.fit(fitted) == fitted
        assert not any(isinstance(part, float) and not math.isfinite(part) for part in (fitted, *known.write(fitted)))


@pytest.mark.parametrize(
    ("number", "value", "fitted"),
    [(0, 99, 9), (0, -1, 1), (0, 2.6, 3), (1, 2, 1.0), (2, (900, 20_000), (900, 1000)), (2, (9, 3), (3, 9)), (9, 7, 5)]
    + [(10, [8, 8, 3, 1], [8, 1]), (10, [1, 2, 4, 8], [1, 2, 4]), (12, "a\x00bcdefghij", "abcdefg"), (4, None, None)],
)
def test_values_become_the_nearest(number, value, fitted):
    name, args, options = TRIED[number]
    found = accepted(name, args, options).fit(value)
    assert found == fitted and type(found) is type(fitted)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a*b", r"a\*b"), ("_x_ a_b", r"\_x\_ a_b"), ("`c`", r"\`c\`"), ("$x$", r"\$x\$"), ("<b>", r"\<b\>"),
        ("[x](y)", r"\[x\](y)"), ("a|b", r"a\|b"), ("~~x~~", r"\~\~x\~\~"), ("# h", r"\# h"), ("1. x", r"1\. x"),
        (":red[x]", r"\:red\[x\]"), ("https://a.b", "https://a.b"), ("&amp;", r"\&amp;"), ("a -- b", "a -\u2060- b"),
        ("a\n\nb", "a b"), ("C:\\x", r"C:\\x"), ("3.5 (a-b): x, 12:30!", "3.5 (a-b): x, 12:30!"),
        (":smile:", ":\u2060smile:"), ("--from a", r"\--from a"), ("flowers_64.parquet", "flowers_64.parquet"),
    ],
)  # fmt: skip
def test_text_of_people_is_no_markdown(text, markdown):
    assert plain(text) == markdown
