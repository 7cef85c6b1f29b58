"""A student's copy has a seed of its own: no wrong answer passes by the luck of its trials."""

import pytest

from diffusion_edu.lessons.checks.grading import grade
from diffusion_edu.lessons.course import exercises

SEEDS = range(30)
EXERCISES = [(number, name) for number in range(14) for name in exercises(f"{number:02}")]


@pytest.mark.slow
@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_no_known_mistake_passes_with_another_seed(lesson, name):
    exercise = exercises(f"{lesson:02}")[name]
    for seed in SEEDS:
        assert grade(exercise, exercise.answer, seed).status == "right"
        for mistake in exercise.mistakes[seed % 10 :: 10]:
            assert grade(exercise, mistake.answer, seed).status != "right", (seed, mistake.hint)
