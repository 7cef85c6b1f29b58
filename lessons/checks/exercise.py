"""What an exercise is made of, and how an answer to it is graded.

An answer is right if it agrees with the reference on random inputs. If it does not, the first mistake that would have
produced the same numbers names what went wrong; failing that, the first property that the numbers break; failing
that, how far it got.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from .guard import within
from .verdict import Verdict, is_open

TRIALS = 8


@dataclass(frozen=True)
class Mistake:
    """A known mistake: its hint, and the wrong answer that results from it (same arguments as the right one)."""

    hint: str
    answer: Callable


@dataclass(frozen=True)
class Property:
    """A property of every right result: the sentence for a result without it, and a test of (result, *inputs)."""

    broken: str
    holds: Callable


@dataclass(frozen=True)
class Exercise:
    """One exercise: inputs, the reference answer, what a right answer means, and known mistakes and properties.

    `draw` makes one tuple of inputs from a torch.Generator; leave it out where the answer is a value and not a
    function. `given` is the faulty code of a debugging exercise: an answer that still behaves like it counts as open.
    """

    answer: Callable
    means: str
    draw: Callable = lambda random: ()
    mistakes: tuple[Mistake, ...] = ()
    properties: tuple[Property, ...] = ()
    given: Callable | None = None
    seconds: float = 5.0


def grade(exercise, answer):
    """Grade an answer, a function or a value; whatever it does, the result is a Verdict."""
    random = torch.Generator().manual_seed(0)
    trials = [exercise.draw(random) for _ in range(TRIALS)]
    if is_open(answer):
        return Verdict("open", "Write your answer in place of the dots and run both cells again.")
    if trials[0] and not callable(answer):
        return Verdict(
            "wrong", f"Hand in the function itself, without brackets after its name; this is a {type(answer).__name__}."
        )
    function = answer if callable(answer) else lambda: answer
    try:
        with torch.random.fork_rng(devices=[]):  # the check leaves the notebook's own random numbers alone
            results, disturbed = within(exercise.seconds, lambda: _collect(function, trials))
    except NotImplementedError:
        return Verdict("open", "The function says itself that it is not implemented.")
    except TimeoutError:
        return Verdict(
            "wrong",
            f"It did not finish within {exercise.seconds:g} seconds: "
            "is there a loop that never ends, or one over every pixel?",
        )
    except BaseException as problem:
        return Verdict("wrong", _raised(problem, function))
    if any(map(is_open, results)):
        return Verdict(
            "open", "The function returns nothing so far. If you have written something: does it end with `return`?"
        )
    if disturbed:
        return Verdict(
            "wrong",
            "Your function changes its own input. Build a new tensor instead: the caller still needs the old one.",
        )
    return _compare(exercise, trials, results)


def _collect(function, trials):
    """Ask for every trial, and for the first one once more at the end; says whether any input was changed in place."""
    results, disturbed = [], False
    for inputs in [*trials, trials[0]]:
        own = deepcopy(inputs)
        results.append(function(*own))
        disturbed |= not all(map(_same, own, inputs))
    return results, disturbed


def _compare(exercise, trials, results):
    """Grade numbers: right, a known mistake, a broken property, or wrong in some other way."""
    *numbers, again = map(_numbers, results)
    if any(result is None for result in [*numbers, again]):
        return Verdict(
            "wrong",
            f"The result must be numbers (a tensor or a plain number); yours is of type {type(results[0]).__name__}.",
        )
    if not _agree(numbers[0], again):
        return Verdict(
            "wrong",
            "The same input gave two results: your function draws random numbers of its own. Use what it is given.",
        )
    right = [_numbers(exercise.answer(*inputs)) for inputs in trials]
    agreed = sum(map(_agree, numbers, right))
    if agreed == TRIALS:
        return Verdict("right", exercise.means)
    if exercise.given and _behaves(exercise.given, trials, numbers):
        return Verdict("open", "The code still does what it did when it was handed out.")
    for mistake in exercise.mistakes:
        if _behaves(mistake.answer, trials, numbers):
            return Verdict("wrong", mistake.hint)
    return Verdict(
        "wrong",
        _in_general(exercise, trials, numbers, right)
        or f"The values agree in {agreed} of {TRIALS} random cases, not in all.",
    )


def _in_general(exercise, trials, results, right):
    """Say what is wrong with results that no known mistake explains, or nothing."""
    for inputs, result, wanted in zip(trials, results, right, strict=True):
        if result.shape != wanted.shape:
            return f"The result has the shape {tuple(result.shape)} where {tuple(wanted.shape)} is expected."
        if wanted.isfinite().all() and not result.isfinite().all():
            return (
                "Some values are NaN or infinite: "
                "is there a root or a logarithm of a negative number, or a division by zero?"
            )
        for law in exercise.properties:
            if not law.holds(result, *inputs):
                return law.broken
    return ""


def _behaves(function, trials, results):
    """Whether a function would have produced exactly these results."""
    try:
        return all(_agree(_numbers(function(*inputs)), result) for inputs, result in zip(trials, results, strict=True))
    except Exception:  # a mistake may be impossible on some inputs, so it is not this one
        return False


def _numbers(result):
    """Read a result as a tensor float64, or None if it does not hold real numbers."""
    try:
        tensor = torch.as_tensor(result).detach().cpu()
        return None if tensor.is_complex() else tensor.double()
    except Exception:  # strings, sets, ragged lists: each fails in a way of its own
        return None


def _agree(one, other):
    """Whether two results are the same but for rounding; a list of one number may stand for the number."""
    if one.numel() == other.numel() == 1:
        one, other = one.reshape(()), other.reshape(())
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True)


def _same(one, other):
    return torch.equal(one, other) if isinstance(one, Tensor) else one == other


def _raised(problem, function):
    """Say what an answer raised, and where in its cell."""
    place, trace = "", problem.__traceback__
    while trace:
        if trace.tb_frame.f_code is getattr(function, "__code__", None):
            place = f" in line {trace.tb_lineno} of its cell"
        trace = trace.tb_next
    return f"Your answer raised {type(problem).__name__}{place}: {str(problem)[:300] or 'without a message'}"
