"""Families of mistakes, written as tables: each hint beside the wrong code that it belongs to."""

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor

from diffusion_edu.lessons.checks.exercise import Mistake
from diffusion_edu.lessons.checks.results import numbers

Parts = dict[str, Callable]  # the hint for each wrong part of an answer; the right part has the hint ""


def named(table: dict[str, Callable | tuple[Callable, ...]]) -> tuple[Mistake, ...]:
    """Make mistakes of a table: one hint may belong to several wrong answers."""
    return tuple(
        Mistake(hint, answer)
        for hint, answers in table.items()
        for answer in (answers if isinstance(answers, tuple) else (answers,))
    )


def chosen(table: Parts, *numbers: int) -> Parts:
    """Choose the right part of a table, its first row, and wrong ones by number."""
    return {hint: part for k, (hint, part) in enumerate(table.items()) if k in (0, *numbers)}


def one_wrong(build: Callable, *parts: Parts) -> tuple[Mistake, ...]:
    """Make a mistake of every choice of parts of which exactly one is wrong."""
    return tuple(
        mistake
        for place, table in enumerate(parts)
        for mistake in combined(build, *(table if k == place else chosen(part) for k, part in enumerate(parts)))
    )


def combined(
    build: Callable, *parts: Parts, opening: str = "", together: Mapping[Any, str] | None = None
) -> tuple[Mistake, ...]:
    """Make a mistake of every choice of parts of which one or two are wrong; build turns the parts into an answer.

    `together` has another hint for two wrong parts whose hints start with these words.
    """
    found = []
    for wrong in (1, 2):
        for choice in product(*(part.items() for part in parts)):
            hints, functions = zip(*choice, strict=True)
            hints = tuple(filter(None, hints))
            if len(hints) == wrong:
                found.append(Mistake(" ".join([opening, _of_both(hints, together or {})]).strip(), build(*functions)))
    return tuple(found)


def _of_both(hints, together):
    for starts, hint in together.items():
        if len(starts) == len(hints) and all(map(str.startswith, hints, starts)):
            return hint
    return " ".join(hints)


def factors(x: Tensor, one: Tensor, other: Tensor) -> tuple[float, float]:
    """Find a and b with x = a * one + b * other; both are NaN if x is no such mixture."""
    no_mixture = float("nan"), float("nan")
    if x.shape != one.shape:
        return no_mixture
    sides = torch.stack([one.double().flatten(), other.double().flatten()], dim=1)
    wanted = x.double().flatten()[:, None]
    found = torch.linalg.lstsq(sides, wanted).solution
    return (found[0].item(), found[1].item()) if torch.allclose(sides @ found, wanted, atol=1e-4) else no_mixture


def distinct(draw: Callable, mistakes: Iterable[Mistake], trials: int = 8) -> tuple[Mistake, ...]:
    """Drop a mistake if an earlier one gives the same numbers on random inputs; draw makes the inputs of a trial."""
    random = torch.Generator().manual_seed(0)
    inputs = [draw(random) for _ in range(trials)]
    seen: dict[str, Mistake] = {}
    for mistake in mistakes:
        seen.setdefault(_fingerprint(mistake.answer, inputs), mistake)
    return tuple(seen.values())


def _fingerprint(answer, trials):
    """The results of a wrong answer, rounded, as text; it raises where the inputs do not fit."""
    results: list[object] = []
    for inputs in trials:
        try:
            results.append(
                [
                    (each.shape, [f"{value:.3g}" for value in each.flatten()[:: 1 + each.numel() // 12].tolist()])
                    for each in numbers(answer(*inputs))
                ]
            )
        except NameError:  # of the author
            raise
        except Exception as problem:
            results.append(type(problem).__name__)
    return str(results)
