"""A check survives whatever it is handed, names the mistake, and gives its hints one after the other."""

import contextlib
import re
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.grading import UNNAMED, grade
from diffusion_edu.lessons.checks.guard import within
from diffusion_edu.lessons.verdict import Verdict

SUM = Exercise(
    title="A sum",
    draw=lambda random: (torch.rand(3, generator=random), torch.rand(3, generator=random)),
    answer=lambda a, b: a + b + a * b,
    means="Sums are sums.",
    mistakes=(Mistake("You subtracted.", lambda a, b: a - b, "Look at the minus."),),
    properties=(Property("It is positive.", lambda result, a, b: bool((result > 0).all())),),
    line="Look at the last line.",
    seconds=0.3,
)


def right(a, b):
    return a + b + a * b


def mix(x, x0_hat, t, schedule):
    return schedule.signal[t] * x0_hat + schedule.noise[t] * x


MIX = Exercise(
    title="A mixture",
    answer=mix,
    means="",
    draw=lambda random: (
        inputs.images(random, 2, 3, 5, 4),
        inputs.images(random, 2, 3, 5, 4),
        inputs.whole(random, 1, 8),
        inputs.schedule(random),
    ),
    linear=("x", "x0_hat"),
    where=lambda x, x0_hat, t, schedule: f"signal = {schedule.signal[t]:.2f}",
)


def misses_a_loop_bound(a, b):
    while True:
        print("never", end="")


def swallows_exceptions(a, b):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def changes_its_input(a, b):
    a += b
    return a


def leaves(a, b):
    sys.exit()


def forgets_a_blank(a, b):
    both = ...
    return both * 2


def stub(a, b):
    """Add."""
    ...  # noqa: PIE790 - as it is handed out


def uses_dots_in_an_index(a, b):
    return right(a[..., :], b[..., :])


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (right, "right", "Sums are sums."),
        (lambda a, b: right(a, b).numpy(), "right", "Sums"),
        (lambda a, b: [x + y + x * y for x, y in zip(a, b, strict=True)], "right", "Sums"),
        (uses_dots_in_an_index, "right", "Sums"),
        (lambda a, b: a - b, "wrong", "You subtracted."),
        (lambda a, b: -a - 3 * b, "wrong", "It is positive."),
        (lambda a, b: a + 2 * b, "wrong", UNNAMED),
        (..., "open", "dots"),
        (None, "open", "dots"),
        (stub, "open", "dots"),
        (forgets_a_blank, "open", "dots"),
        (lambda a, b: ..., "open", "return"),
        (lambda a, b: None, "open", "return"),
        (lambda a, b: (_ for _ in ()).throw(NotImplementedError), "open", "not implemented"),
        (3.0, "wrong", "function itself"),
        (lambda a, b: 1 / 0, "wrong", "ZeroDivisionError in line"),
        (lambda a: a, "wrong", "TypeError"),
        (leaves, "wrong", "SystemExit"),
        (misses_a_loop_bound, "wrong", "did not finish within 0.3 seconds"),
        (swallows_exceptions, "wrong", "did not finish"),
        (lambda a, b: (a + b)[:2], "wrong", "shape (2,) where the shape (3,)"),
        (lambda a, b: [right(a, b)[:2], b], "wrong", "2 results of the shapes"),
        (lambda a, b: [a, b], "wrong", "shape (2, 3) where"),
        (lambda a, b: "a + b", "wrong", "of type str"),
        (lambda a, b: {"sum": a + b}, "wrong", "of type dict"),
        (lambda a, b: [[1], [2, 3]], "wrong", "results of the shapes"),
        (lambda a, b: a + b + 1j, "wrong", "real numbers"),
        (lambda a, b: right(a, b).to("meta"), "wrong", "holds no values"),
        (lambda a, b: (1 + right(a, b)).long(), "wrong", "whole numbers only"),
        (lambda a, b: (a - 2).sqrt() + b, "wrong", "NaN"),
        (changes_its_input, "wrong", "changes its own input"),
        (lambda a, b: a + b + torch.randn(3), "wrong", "random numbers of its own"),
        (lambda a, b: -right(a, b), "wrong", "wrong sign"),
        (lambda a, b: right(a, b) ** 0.5, "wrong", "One square root too many"),
        (lambda a, b: right(a, b) ** 2, "wrong", "square root is missing"),
        (lambda a, b: 1 / right(a, b), "wrong", "upside down"),
        (lambda a, b: 3 * right(a, b), "wrong", "always 3 times"),
        (lambda a, b: right(a, b) + 0.5, "wrong", "plus 0.5"),
        (lambda a, b: b, "wrong", "`b` as it came in"),
        (lambda a, b: right(a, b).flip(0), "wrong", "reversed"),
        (lambda a, b: 1 - right(a, b), "wrong", "one minus"),
    ],
)
def test_a_check_survives_and_says_what_is_wrong(answer, status, words, capsys):
    before, threads = torch.random.get_rng_state(), threading.active_count()
    result = grade(SUM, answer)
    assert result.status == status and words in result.hints[0], result
    assert torch.equal(before, torch.random.get_rng_state())
    assert threading.active_count() == threads  # nothing goes on running
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("answer", "hints"),
    [
        (lambda x, x0_hat, t, schedule: mix(x0_hat, x, t, schedule), "`x` and `x0_hat` have changed places"),
        (lambda x, x0_hat, t, schedule: mix(x, x0_hat, t - 1, schedule), "`t` is one too low"),
        (lambda x, x0_hat, t, schedule: mix(x, x0_hat, t + 1, schedule), "`t` is one too high"),
    ],
)
def test_mistakes_that_can_happen_in_any_exercise_have_names(answer, hints):
    assert hints in grade(MIX, answer).hints[0]


def half_right(x, x0_hat, t, schedule):
    return schedule.signal[t] * x0_hat + 0.25 * x


def by_columns(x, x0_hat, t, schedule):
    return schedule.signal[t] * x0_hat + torch.arange(4) * x


def with_a_rest(x, x0_hat, t, schedule):
    return mix(x, x0_hat, t, schedule) + schedule.noise[t]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (half_right, ["`x` by 0.25, that is not right", ", that is right", "Where signal = "]),
        (by_columns, ["`x` by numbers from 0 to 3 in different places"]),
        (with_a_rest, ["something is added"]),
        (lambda x, x0_hat, t, schedule: x * x0_hat, ["not a sum of multiples of x and x0_hat"]),
    ],
)
def test_the_probe_tells_what_each_part_is_multiplied_by(answer, words):
    result = grade(MIX, answer)
    assert not result.named and all(each in result.hints[1] for each in words), result


def test_the_probe_of_other_exercises_shows_a_case():
    result = grade(replace(SUM, example=lambda: (torch.tensor([0.5]), torch.tensor([2.0]))), lambda a, b: a + 2 * b)
    assert result.hints == (
        UNNAMED,
        "A case small enough to do by hand: where a = [0.5], b = [2], you return [4.5].",
        "Look at the last line.",
    )


def test_hints_end_with_the_line_to_look_at():
    assert grade(SUM, lambda a, b: a - b).hints[-1] == "Look at the minus."


def test_code_handed_out_to_be_repaired_counts_as_open():
    assert grade(replace(SUM, given=lambda a, b: a * b), lambda a, b: b * a).status == "open"


def test_an_exercise_may_ask_for_a_value_and_for_a_type():
    half = Exercise("A half", lambda: 0.5, "A half.", mistakes=(Mistake("Twice too much.", lambda: 1.0),))
    assert [grade(half, value).status for value in (0.5, 1 / 2, 1.0, "0.5", ...)] == [
        *("right", "right", "wrong", "wrong", "open"),
    ]
    whole = Exercise("One", lambda x: x.byte(), "", lambda random: (torch.ones(2),), dtype=torch.uint8)
    assert grade(whole, lambda x: x.byte()).status == "right"
    assert "must be of type torch.uint8; yours are torch.float32" in grade(whole, lambda x: x).hints[0]


def test_an_answer_may_be_called_in_a_way_of_its_own():
    def run(step, start):
        return [step(k) for k in range(start)]

    loop = Exercise("Squares", lambda k: k * k, "", lambda random: (3 + inputs.whole(random, 0, 3),), run=run)
    assert grade(loop, lambda k: k**2).status == "right" and grade(loop, lambda k: k).status == "wrong"


def test_another_seed_draws_other_trials():
    seen = []
    exercise = replace(SUM, draw=lambda random: seen.append(SUM.draw(random)) or seen[-1])
    grade(exercise, right, 0), grade(exercise, right, 1), grade(exercise, right, 1)
    assert len(seen) == 16 and not torch.equal(seen[0][0], seen[8][0])  # those of a seed are drawn once


def test_an_answer_that_is_too_slow_but_ends_is_stopped_in_time():
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.1, lambda: sum(k for k in range(10**10)))
    assert time.monotonic() - started < 2


def test_a_verdict_shows_text_and_not_markup():
    shown = Verdict("wrong", grade(SUM, lambda a, b: {}["<b>"]).hints[0])._repr_html_()
    assert "&lt;b&gt;" in shown and re.findall(r"solid|double|dotted", shown) == ["double"]  # not by colour


def test_schedules_of_trials_are_mostly_not_variance_preserving():
    random = torch.Generator().manual_seed(0)
    drawn = [inputs.schedule(random) for _ in range(20)]
    assert sum(abs(each.signal[5] ** 2 + each.noise[5] ** 2 - 1) > 0.05 for each in drawn) > 12
    pairs = [inputs.two_timesteps(random, 10) for _ in range(200)]
    assert all(0 <= s < t <= 10 for t, s in pairs) and sum(s == 0 for _, s in pairs) > 20
