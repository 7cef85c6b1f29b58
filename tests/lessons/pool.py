"""Helpers of the tests of all lessons: graded answers, as a student sees them."""

import re
from collections.abc import Callable

from diffusion_edu.lessons.checks.exercise import Exercise
from diffusion_edu.lessons.checks.grading import Grade, grade

Pool = dict[str, list]


def wrong(pool: Pool) -> list[tuple[str, Callable, str]]:
    """List (name, answer, words of the hint) for pytest.mark.parametrize."""
    return [(name, answer, words) for name, answers in pool.items() for answer, words in answers]


def right(pool: Pool) -> list[tuple[str, Callable]]:
    """List (name, answer) for pytest.mark.parametrize."""
    return [(name, answer) for name, answers in pool.items() for answer in answers]


def assert_large_enough(exercises: dict[str, Exercise], wrong_answers: Pool, right_answers: Pool) -> None:
    """Every exercise has eight wrong answers, five right ones, and eight trials with different results."""
    assert exercises.keys() == wrong_answers.keys() == right_answers.keys()
    for name in exercises:
        assert len(wrong_answers[name]) >= 8, name
        assert len(right_answers[name]) >= 5, name


def assert_named(exercise: Exercise, answer: Callable, words: str) -> Grade:
    """A wrong answer meets the hint that holds these words, with every seed tried."""
    for seed in (0, 1, 2):
        result = grade(exercise, answer, seed)
        assert result.status == "wrong" and words in result.hints[0], result
    return result


def assert_accepted(exercise: Exercise, answer: Callable) -> None:
    """A right answer passes with every seed tried."""
    for seed in (0, 1, 2):
        assert grade(exercise, answer, seed).status == "right", grade(exercise, answer, seed)


def assert_mistakes_differ(exercise: Exercise) -> None:
    """Every named mistake is wrong and gets its own hint, not that of another."""
    for mistake in exercise.mistakes:
        assert grade(exercise, mistake.answer).hints[:1] == (mistake.hint,), mistake.hint


def assert_hides_the_solution(exercise: Exercise) -> None:
    """No hint that is written down holds code of a solution, or a number with decimals."""
    written = [text for each in exercise.mistakes for text in (each.hint, each.line)]
    for text in [*written, *(law.broken for law in exercise.properties), exercise.line]:
        assert not re.search(r"\d\.\d|\breturn\b|\*\*|sqrt\(|torch\.", text), text
