"""Grade an answer: right if it agrees with the reference on random inputs; otherwise the mistake is named.

In this order: a mistake of this exercise that gives the same numbers, a mistake that can happen anywhere, a property
that the numbers break. Three hints each: the concept, what the answer does with small inputs, the line to look at.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import torch

from diffusion_edu.lessons.checks.exercise import Exercise
from diffusion_edu.lessons.checks.generic import common_mistake
from diffusion_edu.lessons.checks.guard import TimeUp, within
from diffusion_edu.lessons.checks.probe import probe
from diffusion_edu.lessons.checks.results import Numbers, Unreadable, agree, alone, as_one, numbers, shapes, unchanged

TRIALS = 8
UNNAMED = "The result is not right, and this mistake has no name of its own."


@dataclass(frozen=True)
class Grade:
    """How an answer stands ("right", "wrong" or "open") and the hints, the first one is the concept.

    `named` says whether the mistake was recognised; if not, the first two hints belong together.
    """

    status: str
    hints: tuple[str, ...]
    named: bool = True


def grade(exercise: Exercise, answer: object, seed: int = 0) -> Grade:
    """Grade an answer, a function or a value; whatever it does, the result is a Grade.

    Another seed draws other trials: for hidden grading, and for a student's own copy of a lesson.
    """
    trials = _trials(exercise, seed)
    if is_open(answer):
        return Grade("open", ("Write your answer in place of the dots, then run the check again.",))
    if trials[0] and not callable(answer):
        found = type(answer).__name__
        return _wrong(f"Hand in the function itself, without brackets after its name; this is a value of type {found}.")
    function: Callable = answer if callable(answer) else lambda: answer
    try:
        with torch.random.fork_rng(devices=[]):  # the check leaves the notebook's own random numbers alone
            return within(exercise.seconds, lambda: _grade(exercise, function, seed))
    except TimeoutError:
        return _wrong(
            f"It did not finish within {exercise.seconds:g} seconds: "
            "is there a loop that never ends, or one over every pixel?"
        )


@lru_cache(maxsize=16)
def _trials(exercise, seed):
    random = torch.Generator().manual_seed(seed)
    return [exercise.draw(random) for _ in range(TRIALS)]


@lru_cache(maxsize=16)
def _right(exercise, seed):
    """The right results of all trials."""
    return [numbers(exercise.run(exercise.answer, *deepcopy(inputs))) for inputs in _trials(exercise, seed)]


@lru_cache(maxsize=16)
def _first_results(exercise, seed):
    """What each known mistake returns in the first trial, None where it raises: nearly all are told apart by this."""
    inputs = _trials(exercise, seed)[0]
    return [_result(exercise, mistake.answer, inputs) for mistake in exercise.mistakes]


def _result(exercise, function, inputs):
    try:
        return numbers(exercise.run(function, *deepcopy(inputs)))
    except Exception:  # a mistake may be impossible on some inputs, so it is not this one
        return None


def is_open(answer: object) -> bool:
    """Say whether nobody has answered yet: dots, None, or a function in which dots are left."""
    return answer is None or answer is ... or answer is NotImplemented or (callable(answer) and _has_dots(answer))


def _has_dots(function):
    """Whether `...` stands in the source of a function, other than in an index such as x[..., 0]."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # no source, or part of a longer expression: its results will tell
        return False
    if not isinstance(tree.body[0], ast.FunctionDef):
        return False
    indices = {id(node) for part in ast.walk(tree) if isinstance(part, ast.Subscript) for node in ast.walk(part.slice)}
    return any(
        isinstance(node, ast.Constant) and node.value is ... and id(node) not in indices for node in ast.walk(tree)
    )


def _grade(exercise, function, seed):
    trials = _trials(exercise, seed)
    try:
        results, disturbed = _collect(exercise, function, trials)
        if any(map(_is_nothing, results)):
            return Grade("open", ("The function returns nothing so far. Does it end with `return`?",))
        *read, again = map(numbers, results)
    except NotImplementedError:
        return Grade("open", ("The function says itself that it is not implemented.",))
    except Unreadable as problem:
        return _wrong(str(problem))
    except BaseException as problem:  # sys.exit() too
        if isinstance(problem, TimeUp):
            raise
        return _wrong(_raised(problem, function))
    if disturbed:
        return _wrong(
            "Your function changes its own input. Build a new tensor instead: the caller still needs the old one."
        )
    if not agree(read[0], again):
        return _wrong(
            "The same input gave two results: your function draws random numbers of its own, or remembers the last "
            "call. Use what it is given."
        )
    return _compare(exercise, function, seed, read, results)


def _is_nothing(result):
    return result is None or result is ... or result is NotImplemented


def _collect(exercise, function, trials):
    """Ask for every trial, and for the first one once more at the end; says whether any input was changed in place."""
    results, disturbed = [], False
    for inputs in [*trials, trials[0]]:
        own = deepcopy(inputs)
        results.append(exercise.run(function, *own))
        disturbed |= not unchanged(own, inputs)
    return results, disturbed


def _compare(exercise, function, seed, results: list[Numbers], raw):
    """Grade numbers: right, a known mistake, a mistake that can happen anywhere, a broken property, or unnamed."""
    trials, right = _trials(exercise, seed), _right(exercise, seed)
    results = [as_one(*pair) for pair in zip(results, right, strict=True)]
    if all(map(agree, results, right)):
        dtype = getattr(raw[0], "dtype", exercise.dtype)
        if exercise.dtype and dtype != exercise.dtype:
            return _wrong(f"The numbers are right, but they must be of type {exercise.dtype}; yours are {dtype}.")
        return Grade("right", (exercise.means,))
    if exercise.given and _behaves(exercise, exercise.given, trials, results):
        return Grade("open", ("The code still does what it did when it was handed out.",))
    second = probe(exercise, function, trials)
    for mistake, first in zip(exercise.mistakes, _first_results(exercise, seed), strict=True):
        if first is not None and agree(first, results[0]) and _behaves(exercise, mistake.answer, trials, results):
            return _wrong(mistake.hint, second, mistake.line or exercise.line)
    if hint := common_mistake(exercise, trials, results, right):
        return _wrong(hint, second, exercise.line)
    hint = _in_general(exercise, trials, results, right, raw)
    return Grade("wrong", _hints(hint or UNNAMED, second, exercise.line), named=bool(hint))


def _in_general(exercise, trials, results, right, raw):
    """Say what is wrong with results that no known mistake explains, or nothing."""
    for inputs, result, wanted, returned in zip(trials, results, right, raw, strict=False):
        if [each.shape for each in result] != [each.shape for each in wanted]:
            return f"The result has {shapes(result)} where {shapes(wanted)} is expected."
        for mine, theirs in zip(result, wanted, strict=True):
            if theirs.isfinite().all() and not mine.isfinite().all():
                return (
                    "Some values are NaN or infinite: "
                    "is there a root or a logarithm of a negative number, or a division by zero?"
                )
        for law in exercise.properties:
            if not law.holds(alone(result), *inputs):
                return law.broken
        if _is_integer(returned) and not all(each.frac().abs().max() < 1e-9 for each in wanted if each.numel()):
            return "The result holds whole numbers only: the fractions are cut off. Compute with real numbers."
    return ""


def _is_integer(value):
    return isinstance(value, torch.Tensor) and not value.is_floating_point()


def _behaves(exercise, wrong, trials, results):
    """Whether this function would have produced exactly these results."""
    pairs = ((_result(exercise, wrong, inputs), result) for inputs, result in zip(trials, results, strict=True))
    return all(mine is not None and agree(mine, result) for mine, result in pairs)


def _wrong(*hints):
    return Grade("wrong", _hints(*hints))


def _hints(*hints):
    return tuple(hint for hint in hints if hint)


def _raised(problem, function):
    """Say what an answer raised, and where in its cell."""
    place, trace = "", problem.__traceback__
    while trace:
        if trace.tb_frame.f_code is getattr(function, "__code__", None):
            place = f" in line {trace.tb_lineno} of its cell"
        trace = trace.tb_next
    return f"Your answer raised {type(problem).__name__}{place}: {str(problem)[:300] or 'without a message'}"
