"""Answers written by people who had not seen the checks: no wrong one passes, most are named, all right ones pass."""

from importlib import import_module
from pathlib import Path

import pytest

from diffusion_edu.lessons.checks.grading import grade
from diffusion_edu.lessons.course import exercises

HERE = Path(__file__).parent
LESSONS = [path.stem[-2:] for path in sorted(HERE.glob("pools/blind_*.py"))]
NAMED = 0.7  # the fraction of wrong answers of an exercise that must get a hint of their own


def pool(lesson):
    return import_module(f"pools.blind_{lesson}")


EXERCISES = [(lesson, name) for lesson in LESSONS for name in pool(lesson).WRONG]


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_no_wrong_answer_passes_and_most_get_a_hint_of_their_own(lesson, name):
    exercise, unnamed = exercises(lesson)[name], []
    for answer, mistake in pool(lesson).WRONG[name]:
        result = grade(exercise, answer)
        handed_out = result.status == "open" and exercise.given  # the code to be repaired, unchanged
        assert result.status == "wrong" or handed_out, f"{mistake}: {result}"
        if not result.named:
            unnamed.append(mistake)
            assert len(result.hints) > 1 or not (exercise.linear or exercise.example), f"{mistake} gets no probe"
    assert len(unnamed) <= (1 - NAMED) * len(pool(lesson).WRONG[name]), f"no hint of their own: {unnamed}"


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_a_right_answer_passes_however_it_is_written(lesson, name):
    for number, answer in enumerate(pool(lesson).RIGHT[name]):
        assert grade(exercises(lesson)[name], answer).status == "right", (
            number,
            grade(exercises(lesson)[name], answer),
        )
