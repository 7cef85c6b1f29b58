"""The contract that everything in this library is built on, on one page.

A denoiser is a function `(x, t) -> x0_hat`: its guess of the clean image behind x at level t.
A step is a function `(x, t, s) -> (x_s, x0_hat)`: one move from level t to level s, and the guess it was based on.
`walk` repeats a step along a list of levels and yields a `State` at each of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor


class Denoiser(Protocol):
    """Guess the clean image x0_hat (b, ...) behind x (b, ...) at level t."""

    def __call__(self, x: Tensor, t: int) -> Tensor: ...


class Step(Protocol):
    """Move x (b, ...) from level t to level s; return x at level s and the guess x0_hat, both shaped like x."""

    def __call__(self, x: Tensor, t: int, s: int) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class State:
    """One moment of a walk: the level t, the image x at that level, and the guess x0_hat made from exactly this x."""

    t: int
    x: Tensor
    x0_hat: Tensor


@torch.no_grad()
def walk(step: Step, x: Tensor, levels: Sequence[int], constrain: Callable = lambda x, t: x) -> Iterator[State]:
    """Move x (b, ...) through the levels and yield one State per level, the last one included."""
    x = constrain(x, levels[0])
    for t, s in pairwise(levels):
        x_s, x0_hat = step(x, t, s)
        yield State(t, x, x0_hat)
        x = constrain(x_s, s)
    yield State(levels[-1], x, x)
