"""What the tests of nbgrader and Otter-Grader call: they pass silently or raise AssertionError with a hint."""

from typing import Any

from diffusion_edu.lessons.checks.grading import grade, is_open
from diffusion_edu.lessons.course import exercises, questions

HIDDEN = 3  # seeds of a hidden test: with one, a wrong answer may be lucky


def require(name: str, answer: Any, seed: int = 0) -> None:
    """Raise AssertionError, with the hint, unless this is a right answer to an exercise, for example "04.1".

    The seed draws the trials. Hidden tests have another one than the lesson, and three times as many trials.
    """
    for each in range(seed, seed + (HIDDEN if seed else 1)):
        result = grade(exercises(name[:2])[name], answer, each)
        if result.status != "right":
            raise AssertionError(f"{name}: {result.hints[0]}")


def require_choice(name: str, letter: Any) -> None:
    """Raise AssertionError unless this letter is the right choice of a question, for example "04.q1"."""
    question = questions(name[:2])[name]
    if is_open(letter):
        raise AssertionError(f"{name}: not answered yet.")
    try:
        chosen = question.letter(letter)
    except ValueError as problem:
        raise AssertionError(f"{name}: {problem}") from None
    if chosen != question.right:
        raise AssertionError(f"{name}: not the right letter.")
