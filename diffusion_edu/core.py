"""The contract that everything in this library is built on, on one page.

A denoiser is a function `(x, t) -> x0_hat`: it predicts the clean image behind the noisy image x at timestep t.
A step is a function `(x, t, s) -> (x_s, x0_hat)`: one sampling step from timestep t to timestep s, and its prediction.
`walk` repeats a step along a list of timesteps (the reverse process) and yields a `State` at each of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from diffusion_edu.checks import Timesteps, checked


class Denoiser(Protocol):
    """Predict the clean image x0_hat (b, ...) behind x (b, ...) at timestep t."""

    def __call__(self, x: Tensor, t: int, /) -> Tensor: ...


class Step(Protocol):
    """Take x (b, ...) from timestep t to timestep s.

    Return x at timestep s and the prediction x0_hat, shaped like x.
    """

    def __call__(self, x: Tensor, t: int, s: int, /) -> tuple[Tensor, Tensor]: ...


Constraint = Callable[[Tensor, int], Tensor]  # (x, t) -> x


@dataclass(frozen=True)
class State:
    """One state of a walk: timestep t, the noisy image x at that timestep, and the prediction x0_hat made from this x.

    In the last state nothing is predicted: x0_hat is x.
    """

    t: int
    x: Tensor
    x0_hat: Tensor


@checked
@torch.no_grad()
def walk(step: Step, x: Tensor, timesteps: Timesteps, constrain: Constraint = lambda x, t: x) -> Iterator[State]:
    """Take x (b, ...) through the timesteps and yield one State per timestep, the last one included.

    constrain(x, t) may change x at every timestep before it is used, for example to keep known pixels. What is done to
    the tensors of a State never changes the walk.
    """
    x = constrain(x, timesteps[0])
    for t, s in pairwise(timesteps):
        x_s, x0_hat = step(x, t, s)
        yield State(t, x.clone(), x0_hat.clone())
        x = constrain(x_s, s)
    yield State(timesteps[-1], x, x)
