"""Check answers in a lesson: `check("01.2", answer)` for an exercise, `quiz("01.q3", "b")` for a question.

Both return a `Verdict`, which a notebook shows when it is the last line of a cell. Nothing here ever shows a
solution. With the environment variable LESSON_STRICT=1 whatever is not right raises, which is how solved lessons are
tested.

To write lesson NN, put lesson_NN.py (a dict EXERCISES) and quiz_NN.py (a dict QUESTIONS) beside this file;
`exercise.py` says what an exercise is made of, `quiz.py` what a question is, `guard.py` how an answer that loops,
raises or prints is survived.
"""

import os
from importlib import import_module

from .exercise import grade
from .quiz import reply
from .verdict import Verdict


def check(name, answer):
    """Grade the answer to an exercise, for example check("01.2", power_left)."""
    return _strictly(grade(_find(name, "lesson", "EXERCISES"), answer))


def quiz(name, letter):
    """Reply to the choice of one letter, for example quiz("01.q3", "b")."""
    return _strictly(reply(_find(name, "quiz", "QUESTIONS"), letter))


def _find(name, file, table):
    known = getattr(import_module(f".{file}_{name[:2]}", __name__), table)
    if name not in known:
        raise ValueError(f"There is no {name!r} in this lesson; there are {', '.join(known)}.")
    return known[name]


def _strictly(verdict: Verdict):
    if os.environ.get("LESSON_STRICT") and verdict.status != "right":
        raise AssertionError(str(verdict))
    return verdict
