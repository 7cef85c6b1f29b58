"""Mistakes that can happen in any exercise: a sign, a factor, two arguments exchanged, a neighbouring timestep."""

from collections.abc import Callable, Iterator
from itertools import combinations
from statistics import median

import torch
from torch import Tensor

from diffusion_edu.lessons.checks.exercise import Exercise
from diffusion_edu.lessons.checks.results import Numbers, agree, numbers


def common_mistake(exercise: Exercise, trials: list[tuple], results: list[Numbers], right: list[Numbers]) -> str:
    """Name the mistake that explains all results, or return an empty string."""
    if any(len(one) != len(other) for one, other in zip(results, right, strict=True)):
        return ""
    for hint, wrong in _wrong_results(exercise, trials, results, right):
        try:
            if all(agree(result, numbers(wrong(k))) for k, result in enumerate(results)):
                return hint
        except Exception:  # this mistake is impossible on these inputs
            continue
    return ""


def _wrong_results(exercise, trials, results, right) -> Iterator[tuple[str, Callable]]:
    """Yield a hint and the result that this mistake has in trial k."""
    every = lambda change: lambda k: [change(each) for each in right[k]]  # noqa: E731
    yield "Everything has the wrong sign.", every(lambda each: -each)
    yield "Your result is upside down: one divided by the right one.", every(lambda each: 1 / each)
    yield "One square root too many.", every(lambda each: each.sqrt())
    yield "A square root is missing.", every(lambda each: each.square())
    yield "Rows and columns are exchanged in your result.", every(lambda each: each.transpose(-1, -2))
    yield "The order of your result is reversed.", every(lambda each: each.flip(0))
    yield "Your result is one minus the right one.", every(lambda each: 1 - each)
    yield "You return the first result for the whole batch.", every(lambda each: each[:1].expand_as(each))
    yield "You average over the batch: every row needs a result of its own.", every(lambda each: each.mean(0))
    yield "You add up over the batch: every row needs a result of its own.", every(lambda each: each.sum(0))
    yield "Only the first value is right: you return one value for all.", every(lambda each: each.flatten()[0])
    for name, inputs in zip(exercise.names, zip(*trials, strict=True), strict=False):
        yield f"You return `{name}` as it came in.", lambda k, inputs=inputs: inputs[k]
    yield from _other_inputs(exercise, trials)
    yield "Your result is 0 everywhere.", every(lambda each: 0 * each)
    if (factor := _constant(results, right, torch.div)) is not None:
        yield (
            f"Your result is always {factor:.3g} times the right one: a constant factor is wrong.",
            every(lambda each: factor * each),
        )
    if (extra := _constant(results, right, torch.sub)) is not None:
        yield (
            f"Your result is always the right one plus {extra:.3g}: a constant is left over.",
            every(lambda each: each + extra),
        )


def _other_inputs(exercise, trials):
    """Yield the reference answer to altered inputs: two exchanged, or a timestep one lower or higher."""
    names = exercise.names
    if len(names) != len(trials[0]):
        return
    asked = lambda change: lambda k: exercise.run(exercise.answer, *change(list(trials[k])))  # noqa: E731
    for one, other in combinations(range(len(names)), 2):
        if type(trials[0][one]) is type(trials[0][other]) and not callable(trials[0][one]):
            yield (
                f"`{names[one]}` and `{names[other]}` have changed places.",
                asked(lambda inputs, i=one, j=other: [inputs[{i: j, j: i}.get(k, k)] for k in range(len(inputs))]),
            )
    for k, name in enumerate(names):
        if type(trials[0][k]) is int:
            for way, words in ((-1, "low"), (1, "high")):
                yield (
                    f"`{name}` is one too {words}.",
                    asked(lambda inputs, k=k, way=way: [*inputs[:k], inputs[k] + way, *inputs[k + 1 :]]),
                )


def _constant(results: list[Numbers], right: list[Numbers], compare: Callable[[Tensor, Tensor], Tensor]):
    """The one number by which all results differ from the right ones, or None."""
    pairs = [
        (one, other)
        for ours, theirs in zip(results, right, strict=True)
        for one, other in zip(ours, theirs, strict=True)
    ]
    if any(one.shape != other.shape for one, other in pairs):
        return None
    found = torch.cat([compare(one, other).flatten() for one, other in pairs])
    found = found[found.isfinite()]
    return median(found.tolist()) if len(found) else None
