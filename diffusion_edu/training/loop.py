"""Training as an iterator: `fit` yields after every step and knows nothing of files, bars or images on screen."""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from diffusion_edu.training.objectives import draw


@dataclass
class TrainState:
    """All that changes while a network learns: its weights, their moving average, the optimiser, the randomness, and how far it has come."""

    net: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    step: int = 0
    images: int = 0
    seconds: float = 0.0


def train_state(net, seed=0, weight_decay=0.01):
    """Begin to train a network with AdamW (Loshchilov & Hutter 2019)."""
    device = next(net.parameters()).device
    optimizer = torch.optim.AdamW(
        net.parameters(), betas=(0.9, 0.99), weight_decay=weight_decay, fused=device.type != "mps"
    )
    return TrainState(net, deepcopy(net).requires_grad_(False), optimizer, torch.Generator(device).manual_seed(seed))


@dataclass(frozen=True)
class Progress:
    """What one step of training did: its loss and learning rate, and the steps, images and seconds up to here."""

    step: int
    images: int
    seconds: float
    loss: float
    lr: float


@torch.no_grad()
def update_ema(ema, net, step, decay):
    """Let the average follow the weights, quickly at first: min(decay, (1 + n) / (10 + n)); buffers are copied (Song et al. 2021, SDE, appendix)."""
    fraction = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(ema.parameters()), list(net.parameters()), fraction)
    for kept, now in zip(ema.buffers(), net.buffers(), strict=True):
        kept.copy_(now)


def fit(
    train_state: TrainState,
    stream: Iterable[tuple[Tensor, Tensor | None]],
    objective: Callable,
    lr: Callable[[TrainState], float],
    ema: float = 0.9995,
    accumulate: int = 1,
    autocast: torch.dtype | None = None,
) -> Iterator[Progress]:
    """Train until the stream ends, one step per `accumulate` batches, and yield a Progress after each step and its EMA update.

    The caller may stop at any yield. lr reads the learning rate off how far the learner has come. Gradients are clipped to norm 1.
    """
    net, optimizer, device = train_state.net, train_state.optimizer, train_state.generator.device
    stream, watch = iter(stream), time.monotonic()
    while parts := list(islice(stream, accumulate)):
        for group in optimizer.param_groups:
            group["lr"] = lr(train_state)
        total = 0.0
        for x0, condition in parts:
            with torch.autocast(device.type, autocast, enabled=autocast is not None):
                loss = objective(net, x0, condition, train_state.generator).mean() / accumulate
            loss.backward()
            total += loss.detach()
            train_state.images += len(x0)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        update_ema(train_state.ema, net, train_state.step, ema)
        now = time.monotonic()
        train_state.step, train_state.seconds, watch = train_state.step + 1, train_state.seconds + now - watch, now
        yield Progress(
            train_state.step, train_state.images, train_state.seconds, float(total), optimizer.param_groups[0]["lr"]
        )


def warm_up_and_anneal(peak, fraction, warm_up=200, final=0.3):
    """Build a learning rate: rise over the first steps, stay, and fall to nothing over the final fraction of the training.

    share maps a Learner to how much of its training is over: 0 at the beginning, 1 at the end.
    """

    def lr(train_state):
        left = max(0.0, 1 - fraction(train_state)) / final
        return peak * min(1.0, (train_state.step + 1) / warm_up) * min(1.0, left)

    return lr


@torch.no_grad()
def held_out_loss(net, x0, condition, objective, autocast=None, batch=64):
    """Average the loss over images x0 (n, c, h, w) that were not trained on, always with the same angles and the same noise."""
    generator, losses = torch.Generator(x0.device).manual_seed(0), []
    theta, eps = draw(x0, generator)
    for part in torch.arange(len(x0), device=x0.device).split(batch):
        with torch.autocast(x0.device.type, autocast, enabled=autocast is not None):
            losses.append(
                objective.at(net, x0[part], None if condition is None else condition[part], theta[part], eps[part])
            )
    return torch.cat(losses).mean().item()


@torch.no_grad()
def loss_by_angle(net, x0, condition, objective, angles, autocast=None):
    """Average the loss over clean images x0 (n, ...) at each of the angles theta (m,), always with the same noise; float64 (m,)."""
    _, eps = draw(x0, torch.Generator(x0.device).manual_seed(0))
    losses = []
    for theta in angles:
        with torch.autocast(x0.device.type, autocast, enabled=autocast is not None):
            losses.append(objective.at(net, x0, condition, theta.to(x0).expand(len(x0)), eps).double().mean())
    return torch.stack(losses)
