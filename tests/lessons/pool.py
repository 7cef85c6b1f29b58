"""The tests that every lesson has: wrong answers meet their hint, right ones pass, hints hide the solution."""

import re
from collections.abc import Callable

import pytest

from diffusion_edu.lessons.checks.exercise import Exercise
from diffusion_edu.lessons.checks.grading import grade

SEEDS = range(3)
SOLUTION = re.compile(r"\d\.\d|\breturn\b|\*\*|sqrt\(|torch\.")  # a number with decimals, or code


def tests(
    exercises: dict[str, Exercise],
    wrong: dict[str, list[tuple[Callable, str]]],
    right: dict[str, list[Callable]],
    every: int = 1,
) -> tuple[Callable, ...]:
    """Make the tests of a lesson from wrong answers, each with words of its hint, and right ones, by exercise.

    Where there are hundreds of mistakes, only `every` n-th of them is compared with all others.
    """

    def every_pool_is_large_enough():
        assert exercises.keys() == wrong.keys() == right.keys()
        for name in exercises:
            assert len(wrong[name]) >= 8 and len(right[name]) >= 5, name

    @pytest.mark.parametrize(
        ("name", "answer", "words"), [(name, *each) for name, answers in wrong.items() for each in answers]
    )
    def a_wrong_answer_gets_its_hint(name, answer, words):
        for seed in SEEDS:
            result = grade(exercises[name], answer, seed)
            assert result.status == "wrong" and words in result.hints[0], result

    @pytest.mark.parametrize(("name", "answer"), [(name, each) for name, answers in right.items() for each in answers])
    def a_right_answer_passes(name, answer):
        for seed in SEEDS:
            result = grade(exercises[name], answer, seed)
            assert result.status == "right", result

    @pytest.mark.parametrize("exercise", exercises.values(), ids=exercises)
    def mistakes_have_hints_of_their_own_that_hide_the_solution(exercise):
        for mistake in exercise.mistakes[::every]:
            assert grade(exercise, mistake.answer).hints[:1] == (mistake.hint,), mistake.hint
        written = [text for each in exercise.mistakes for text in (each.hint, each.line)]
        for text in [*written, *(law.broken for law in exercise.properties), exercise.line]:
            assert not SOLUTION.search(text), text

    return (
        every_pool_is_large_enough,
        a_wrong_answer_gets_its_hint,
        a_right_answer_passes,
        mistakes_have_hints_of_their_own_that_hide_the_solution,
    )
