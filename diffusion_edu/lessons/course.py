"""What a lesson calls: start, predict, check, quiz, predicted; each shows its reply as the last line of a cell."""

import hashlib
import inspect
import os
from importlib import import_module
from typing import Any

import torch

from diffusion_edu.lessons.checks.exercise import Exercise
from diffusion_edu.lessons.checks.grading import grade, is_open
from diffusion_edu.lessons.questions.question import Question
from diffusion_edu.lessons.record import Attempted, Chosen, Predicted, record_of
from diffusion_edu.lessons.verdict import Verdict

ENOUGH = 3  # different attempts after which the solution is offered


def start(lesson: str, seed: int | None = None, student: str = "") -> Verdict:
    """Begin a lesson, for example start("04"), and say where its answers are kept.

    A seed of one's own draws other trials for the checks; a student's copy of a lesson has both.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))  # on a busy computer, more wait for each other
    record = record_of(lesson)
    record.seed = record.seed if seed is None else seed
    record.student = student or record.student
    record.keep()
    return Verdict("noted", f"This is lesson {int(lesson)}. Your answers are kept in {record.path}.")


def fast() -> bool:
    """Say whether the lesson shall take seconds only (LESSON_FAST=1, for tests): fewer images, fewer steps."""
    return bool(os.environ.get("LESSON_FAST"))


def answered(answer: object) -> bool:
    """Say whether an answer has been written: no dots are left in it."""
    return not is_open(answer)


def passed(name: str) -> bool:
    """Say whether the latest answer to an exercise, for example "09.2", was right: later cells use only such ones."""
    entry = record_of(name[:2]).exercises.get(name)
    return entry is not None and entry.status == "right"


def exercises(lesson: str) -> dict[str, Exercise]:
    """Return the exercises of a lesson by name."""
    return import_module(f"diffusion_edu.lessons.exercises.lesson_{lesson}").EXERCISES


def questions(lesson: str) -> dict[str, Question]:
    """Return the questions of a lesson by name: r for recall, p for predictions, q for the quiz."""
    return import_module(f"diffusion_edu.lessons.questions.lesson_{lesson}").QUESTIONS


def check(name: str, answer: Any) -> Verdict:
    """Grade the answer to an exercise, for example check("01.2", alpha_bar_from).

    A mistake that is met again gets the next of three hints. Raises ValueError for an unknown name.
    """
    exercise = _find(name, exercises)
    record = record_of(name[:2])
    result = grade(exercise, answer, record.seed)
    entry = record.exercises.setdefault(name, Attempted())
    entry.status, hints = result.status, ""
    if result.status != "open":
        entry.code = _code(answer)
        mark = hashlib.sha256((entry.code or repr(answer)).encode()).hexdigest()[:12]
        entry.attempts += [mark] * (mark not in entry.attempts)
    if result.status == "wrong":
        entry.met[result.hints[0]] = entry.met.get(result.hints[0], 0) + 1
        shown = min(entry.met[result.hints[0]] + (not result.named), len(result.hints))
        entry.hints = max(entry.hints, shown)
        hints = "".join(f"\n{hint}" for hint in result.hints[1:shown])
        if shown < len(result.hints):
            hints += "\nRun the check once more for another hint."
    entry.said = result.hints[0] + hints + _solution(name, entry)
    record.keep()
    return _strictly(Verdict(result.status, entry.said))


def _solution(name, entry):
    """Offer the solution to whoever has passed, or has tried often enough."""
    if entry.status == "right":
        return "\nOne solution is in the folder solutions of the course: compare it with yours."
    if entry.status == "wrong" and len(entry.attempts) >= ENOUGH:
        return f"\nYou have tried {len(entry.attempts)} ways. A solution is in the folder solutions of the course."
    return ""


def quiz(name: str, letter: Any) -> Verdict:
    """Reply to the choice of a letter, for example quiz("01.q3", "b"). Raises ValueError for an unknown name."""
    question = _find(name, questions)
    record = record_of(name[:2])
    entry = record.questions.setdefault(name, Chosen())
    chosen = _chosen(question, letter)
    if isinstance(chosen, Verdict):
        return _strictly(chosen)
    entry.letters.append(chosen)
    entry.status = "right" if chosen == question.right else "wrong"
    record.keep()
    return _strictly(Verdict(entry.status, question.choices[chosen].reply))


def _chosen(question, letter):
    """The letter that was chosen, or what to say where none was."""
    if is_open(letter):
        return Verdict("open", f"Put one of the letters {', '.join(question.choices)} in place of the dots, in quotes.")
    try:
        return question.letter(letter)
    except ValueError as problem:
        return Verdict("wrong", str(problem))


def predict(name: str, letter: Any, because: Any = "") -> Verdict:
    """Keep a prediction, for example predict("04.p1", "b", because="..."); `predicted` compares it with the result.

    Once the result has been shown, the first prediction stays. Raises ValueError for an unknown name.
    """
    question = _find(name, questions)
    record = record_of(name[:2])
    chosen = _chosen(question, letter)
    if isinstance(chosen, Verdict):
        return chosen
    reason = "" if because is ... else str(because)
    earlier = record.predictions.get(name)
    if earlier and earlier.happened and earlier.letter != chosen:
        return Verdict("noted", f"You have seen the result, so your first prediction stays: {earlier.letter}.")
    record.predictions[name] = Predicted(letter=chosen, because=reason, happened=earlier.happened if earlier else "")
    record.keep()
    return Verdict(
        "noted", f"You predict {chosen}) {question.choices[chosen].text.rstrip('.')}. You will meet it again below."
    )


def predicted(name: str, happened: str) -> Verdict:
    """Show a prediction beside what happened, and reply to it. Raises ValueError for an unknown name."""
    question = _find(name, questions)
    record = record_of(name[:2])
    entry = record.predictions.get(name)
    if entry is None:
        return Verdict("open", f"There was no prediction.\nWhat happened: {happened}")
    entry.happened = happened
    record.keep()
    choice = question.choices[entry.letter]
    because = f", because {entry.because.rstrip('.')}" if entry.because else ""
    status = "as predicted" if entry.letter == question.right else "surprise"
    said = f"You said: {entry.letter}) {choice.text.rstrip('.')}{because}.\nWhat happened: {happened}\n{choice.reply}"
    return Verdict(status, said)


def _find(name, table):
    try:
        known = table(name[:2])
    except ModuleNotFoundError as problem:
        raise ValueError(f"There is no lesson {name[:2]!r}: names look like '04.1' or '04.q1'.") from problem
    if name not in known:
        raise ValueError(f"There is no {name!r} in this lesson; there are {', '.join(known)}.")
    return known[name]


def _code(answer):
    """The source of an answer as it stands in its cell, or an empty string."""
    try:
        return inspect.getsource(answer) if callable(answer) else ""
    except (OSError, TypeError):
        return ""


def _strictly(verdict: Verdict) -> Verdict:
    if os.environ.get("LESSON_STRICT") and verdict.status != "right":
        raise AssertionError(str(verdict))
    return verdict
