"""The contract that everything in this library is built on, on one page.

A denoiser is a function `(x, t) -> x0_hat`: its prediction of the clean image behind x at timestep t.
A step is a function `(x, t, s) -> (x_s, x0_hat)`: one step from timestep t to timestep s, and the prediction it was based on.
`walk` repeats a step along a list of timesteps and yields a `State` at each of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor


class Denoiser(Protocol):
    """Prediction the clean image x0_hat (b, ...) behind x (b, ...) at timestep t."""

    def __call__(self, x: Tensor, t: int) -> Tensor: ...


class Step(Protocol):
    """Move x (b, ...) from timestep t to timestep s; return x at timestep s and the prediction x0_hat, both shaped like x."""

    def __call__(self, x: Tensor, t: int, s: int) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class State:
    """One moment of a walk: the timestep t, the image x at that timestep, and the prediction x0_hat made from exactly this x."""

    t: int
    x: Tensor
    x0_hat: Tensor


@torch.no_grad()
def walk(step: Step, x: Tensor, timesteps: Sequence[int], constrain: Callable = lambda x, t: x) -> Iterator[State]:
    """Move x (b, ...) through the timesteps and yield one State per timestep, the last one included."""
    x = constrain(x, timesteps[0])
    for t, s in pairwise(timesteps):
        x_s, x0_hat = step(x, t, s)
        yield State(t, x, x0_hat)
        x = constrain(x_s, s)
    yield State(timesteps[-1], x, x)
