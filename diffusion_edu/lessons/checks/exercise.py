"""What an exercise is made of; `grading.py` says how an answer to it is graded."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Mistake:
    """A known mistake: the hint (its concept), the wrong answer that results from it, and the line to look at.

    `answer` takes the same arguments as the right one. An empty `line` is that of the exercise.
    """

    hint: str
    answer: Callable
    line: str = ""


@dataclass(frozen=True)
class Property:
    """A property of every right result: the sentence for a result without it, and a test of (result, *inputs)."""

    broken: str
    holds: Callable[..., Any]


def call(function: Callable, *inputs: Any) -> Any:
    """Call a function with the inputs of a trial."""
    return function(*inputs)


@dataclass(frozen=True)
class Exercise:
    """One exercise: inputs, the reference answer, what a right answer means, and known mistakes and properties.

    - `draw` makes one tuple of inputs from a torch.Generator; leave it out where the answer is a value.
    - `run(function, *inputs)` calls an answer; give another one for answers that need a network or an optimizer.
    - `given` is the faulty code of a debugging exercise: an answer that still behaves like it counts as open.
    - `linear` names the arguments in which the answer is linear: the probe measures what they are multiplied by.
    - `example` makes small inputs for the probe, `where(*inputs)` describes them in words.
    - `tell(function, *inputs)` writes the second hint where numbers alone would say little.
    - `line` says which line or term to look at, for the last hint; `dtype` is the type that the result must have.
    """

    title: str
    answer: Callable
    means: str
    draw: Callable[[torch.Generator], tuple] = lambda random: ()
    mistakes: tuple[Mistake, ...] = ()
    properties: tuple[Property, ...] = ()
    given: Callable | None = None
    linear: tuple[str, ...] = ()
    example: Callable[[], tuple] | None = None
    where: Callable[..., str] | None = None
    tell: Callable[..., str] | None = None
    line: str = ""
    dtype: torch.dtype | None = None
    seconds: float = 5.0
    run: Callable = call

    @property
    def names(self) -> list[str]:
        """The names of the arguments, as the reference answer has them."""
        parameters = inspect.signature(self.answer).parameters.values()
        return [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
