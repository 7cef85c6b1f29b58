"""Training as an iterator: `fit` yields after every training step; it saves no file and shows no progress bar."""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from diffusion_edu.checks import Count, Fraction, checked
from diffusion_edu.training.objectives.diffusion import sample_noise_levels


@dataclass
class TrainState:
    """All that changes in a training: weights, their exponential moving average (EMA), optimiser, generator, counts."""

    net: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    images: int = 0
    seconds: float = 0.0


def train_state(net: nn.Module, seed: int = 0, weight_decay: float = 0.01) -> TrainState:
    """Begin to train a network with AdamW (Loshchilov & Hutter 2019); the EMA begins as a copy of its weights."""
    device = next(net.parameters()).device
    optimizer = torch.optim.AdamW(
        net.parameters(), betas=(0.9, 0.99), weight_decay=weight_decay, fused=device.type != "mps"
    )
    return TrainState(net, deepcopy(net).requires_grad_(False), optimizer, torch.Generator(device).manual_seed(seed))


@dataclass(frozen=True)
class Progress:
    """The result of one training step: its loss and learning rate, and the steps, images and seconds so far."""

    step: int
    images: int
    seconds: float
    loss: float
    lr: float


@torch.no_grad()
def update_ema(ema: nn.Module, net: nn.Module, step: int, decay: float) -> None:
    """Update the EMA of the weights with decay min(decay, (1 + step) / (10 + step)).

    Buffers are copied (Song et al. 2021, SDE, appendix).
    """
    fraction = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(ema.parameters()), list(net.parameters()), fraction)
    for averaged, current in zip(ema.buffers(), net.buffers(), strict=True):
        averaged.copy_(current)


@checked
def fit(
    train_state: TrainState,
    stream: Iterable[tuple[Tensor, Tensor | None]],
    objective: Callable,
    lr: Callable[[TrainState], float],
    ema: Fraction = 0.9995,
    accumulate: Count = 1,
    autocast: torch.dtype | None = None,
) -> Iterator[Progress]:
    """Train until the stream of batches ends, and yield a Progress after each training step and its EMA update.

    A step takes `accumulate` batches (x0, condition), which act like one: every image counts the same. The caller may
    stop at any yield. lr(train_state) is the learning rate, ema the decay of the EMA. Gradients are clipped to norm 1.
    """
    net, optimizer, device = train_state.net, train_state.optimizer, train_state.generator.device
    batches, before = iter(stream), time.monotonic()
    while parts := list(islice(batches, accumulate)):
        for group in optimizer.param_groups:
            group["lr"] = lr(train_state)
        images, total = sum(len(x0) for x0, _ in parts), 0.0
        if not images:
            raise ValueError("A batch has no images: there is nothing to learn from.")
        for x0, condition in parts:
            with torch.autocast(device.type, autocast, enabled=autocast is not None):
                loss = objective(net, x0, condition, train_state.generator).mean() * (len(x0) / images)
            loss.backward()
            total += loss.detach()
        train_state.images += images
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        update_ema(train_state.ema, net, train_state.step, ema)
        now = time.monotonic()
        train_state.step, train_state.seconds, before = train_state.step + 1, train_state.seconds + now - before, now
        yield Progress(
            train_state.step, train_state.images, train_state.seconds, float(total), optimizer.param_groups[0]["lr"]
        )


def warm_up_and_anneal(
    peak: float, fraction: Callable[[TrainState], float], warm_up: int = 200, final: float = 0.3
) -> Callable[[TrainState], float]:
    """Build a learning rate: it rises for warm_up steps, stays at its peak, and falls linearly to 0 over the final
    fraction of the training.

    fraction(train_state) is how much of the training is over: 0 at the beginning, 1 at the end.
    """

    def lr(train_state):
        left = max(0.0, 1 - fraction(train_state)) / final
        return peak * min(1.0, (train_state.step + 1) / warm_up) * min(1.0, left)

    return lr


@torch.no_grad()
def held_out_loss(
    net: nn.Module,
    x0: Tensor,
    condition: Tensor | None,
    objective,
    autocast: torch.dtype | None = None,
    batch: int = 64,
) -> float:
    """Average the loss over held-out images x0 (n, c, h, w), always at the same noise levels and
    with the same noise.
    """
    generator, losses = torch.Generator(x0.device).manual_seed(0), []
    theta, eps = sample_noise_levels(x0, generator)
    for part in torch.arange(len(x0), device=x0.device).split(batch):
        with torch.autocast(x0.device.type, autocast, enabled=autocast is not None):
            some = None if condition is None else condition[part]
            losses.append(objective.at(net, x0[part], some, theta[part], eps[part]))
    return torch.cat(losses).mean().item()


@torch.no_grad()
def loss_by_angle(
    net: nn.Module,
    x0: Tensor,
    condition: Tensor | None,
    objective,
    angles: Tensor,
    autocast: torch.dtype | None = None,
) -> Tensor:
    """Average the loss over clean images x0 (n, ...) at each of the angles theta (m,), always with the same noise.

    Returns float64 (m,).
    """
    _, eps = sample_noise_levels(x0, torch.Generator(x0.device).manual_seed(0))
    losses = []
    for theta in angles:
        with torch.autocast(x0.device.type, autocast, enabled=autocast is not None):
            losses.append(objective.at(net, x0, condition, theta.to(x0).expand(len(x0)), eps).double().mean())
    return torch.stack(losses)
