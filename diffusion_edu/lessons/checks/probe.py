"""The second hint: what the answer does with small, readable inputs. It never shows what would be right."""

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion_edu.lessons.checks.exercise import Exercise
from diffusion_edu.lessons.checks.results import agree, numbers, short


def probe(exercise: Exercise, function: Callable, trials: list[tuple]) -> str:
    """Say what an answer does in the first case that it gets wrong; empty if it cannot be called there."""
    try:
        candidates = ([exercise.example()] if exercise.example else []) + trials
        inputs = next((each for each in candidates if not _right(exercise, function, each)), candidates[0])
        if exercise.tell:
            return exercise.tell(function, *inputs)
        return (_coefficients if exercise.linear else _case)(exercise, function, inputs)
    except Exception:  # it raises on this input, or does not return numbers
        return ""


def _right(exercise, function, inputs):
    return agree(*(numbers(exercise.run(each, *inputs)) for each in (function, exercise.answer)))


def _case(exercise, function, inputs):
    """Tell the result for one case; for a large one, tell whether it is too large or too small."""
    result, right = (numbers(exercise.run(each, *inputs)) for each in (function, exercise.answer))
    said = ", ".join(short(each.tolist()) for each in result)
    names = [f"{name} = {text}" for name, value in zip(exercise.names, inputs, strict=False) if (text := short(value))]
    setting = exercise.where(*inputs) if exercise.where else ", ".join(names)
    if any(each.numel() > 8 for each in result):
        mine, wanted = (torch.cat([each.flatten() for each in every]).abs().mean() for every in (result, right))
        trend = "larger than" if mine > 1.02 * wanted else "smaller than" if mine < 0.98 * wanted else "as large as"
        return f"A case to try ({setting}): on average your numbers are {trend} they should be, in absolute value."
    small = all(each.numel() <= 8 for each in inputs if isinstance(each, Tensor))
    opening = "A case small enough to do by hand: where" if small else "In one case, where"
    return f"{opening} {setting}, you return {said}."


def _coefficients(exercise, function, inputs):
    """Tell what each linear argument is multiplied by, and which of these factors are right."""
    names = exercise.names
    places = [names.index(name) for name in exercise.linear]

    def answered(by, unit=None):
        fed = [
            (torch.ones_like(value) if k == unit else torch.zeros_like(value)) if k in places else value
            for k, value in enumerate(inputs)
        ]
        return numbers(exercise.run(by, *fed))[-1]

    mine, right = ({k: answered(by, k) - answered(by) for k in places} for by in (function, exercise.answer))
    parts = [_factor(names[k], mine[k], right[k]) for k in places]
    if answered(function).abs().max() > 1e-6:
        parts.append("something is added that depends on none of them")
    whole = numbers(exercise.run(function, *inputs))[-1]
    if not torch.allclose(whole, _together(mine, inputs) + answered(function), rtol=1e-3, atol=1e-4):
        parts = [f"your result is not a sum of multiples of {' and '.join(exercise.linear)}"]
    where = f"Where {exercise.where(*inputs)}: " if exercise.where else "In one case: "
    return where + "; ".join(parts) + "."


def _together(factors, inputs):
    return sum(factor * inputs[k] for k, factor in factors.items())


def _factor(name: str, mine: Tensor, right: Tensor) -> str:
    """Tell one factor: a number, or that it changes from place to place."""
    fits = mine.shape == right.shape and torch.allclose(mine, right, rtol=1e-4, atol=1e-5)
    verdict = "that is right" if fits else "that is not right"
    if mine.numel() and (mine - mine.flatten()[0]).abs().max() < 1e-5:
        return f"you multiply `{name}` by {mine.flatten()[0]:.3g}, {verdict}"
    return f"you multiply `{name}` by numbers from {mine.min():.3g} to {mine.max():.3g} in different places, {verdict}"
