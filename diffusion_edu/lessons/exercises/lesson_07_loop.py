"""Exercises 07.3 and 07.4: the moving average of the weights, and the loop of a training."""

import torch
from torch import nn

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import combined, distinct, named
from diffusion_edu.lessons.checks.inputs import images, noise, number, whole

# 07.3: the moving average of the weights -----------------------------------------------------------------------------


def _kept(step, decay):
    return min(decay, (1 + step) / (10 + step))


KEPT = {
    "": _kept,
    "There is no warm-up: after a few steps most of the average is still the random start.": lambda step, decay: decay,
    "You take the larger of the two: early on the average should forget quickly.": (
        lambda step, decay: max(decay, (1 + step) / (10 + step))
    ),
    "Only the warm-up is there: later the decay is the limit.": lambda step, decay: (1 + step) / (10 + step),
    "The warm-up is upside down: it should grow towards one.": lambda step, decay: min(decay, (10 + step) / (1 + step)),
    "Your warm-up falls with the steps: it should grow.": lambda step, decay: min(decay, 1 / (10 + step)),
    "Your warm-up begins with zero: one is added to the step.": lambda step, decay: min(decay, step / (10 + step)),
    "Your warm-up is too fast: look at its denominator.": lambda step, decay: min(decay, (1 + step) / (2 + step)),
    "Your warm-up is too slow: look at its denominator.": lambda step, decay: min(decay, (1 + step) / (100 + step)),
    "Your warm-up counts a step too many below the line.": lambda step, decay: min(decay, (1 + step) / (11 + step)),
    "Your warm-up counts a step too few below the line.": lambda step, decay: min(decay, (1 + step) / (9 + step)),
    "You multiply decay and warm-up: the smaller of the two counts.": (
        lambda step, decay: decay * (1 + step) / (10 + step)
    ),
    "You raise the decay to the number of steps: this function makes one step.": lambda step, decay: decay**step,
    "You average decay and warm-up: the smaller of the two counts.": lambda step, decay: (decay + _kept(step, 1)) / 2,
}
MIXES = {
    "": lambda d, average, weight: d * average + (1 - d) * weight,
    "Average and weight are exchanged: most of the average should stay.": (
        lambda d, average, weight: (1 - d) * average + d * weight
    ),
    "The new weight is too strong: the factors add up to one.": lambda d, average, weight: d * average + weight,
    "The old average is not reduced.": lambda d, average, weight: average + (1 - d) * weight,
    "Both get the same factor.": lambda d, average, weight: d * average + d * weight,
    "You subtract the weight.": lambda d, average, weight: d * average - (1 - d) * weight,
    "The new weight does not enter.": lambda d, average, weight: d * average,
    "The old average does not enter.": lambda d, average, weight: (1 - d) * weight,
    "You move away from the new weight: check the sign of the difference.": (
        lambda d, average, weight: average - (1 - d) * (weight - average)
    ),
    "Your factors are squared.": lambda d, average, weight: d**2 * average + (1 - d) ** 2 * weight,
    "Your second factor is a root: the two factors add up to one.": (
        lambda d, average, weight: d * average + (1 - d**2) ** 0.5 * weight
    ),
    "You correct for the start as an optimizer does: the warm-up is there for that.": (
        lambda d, average, weight: (d * average + (1 - d) * weight) / (1 - d)
    ),
}


COPIED = "You copy the weights, so there is no average: is your warm-up cut off to whole numbers?"


def _averaged(kept, mix):
    """The answer that is made of these two parts."""
    return lambda average, weight, step, decay: mix(kept(step, decay), average, weight)


def _draw_ema(random):
    early = number(random, 0, 1) < 0.6
    step, decay = whole(random, 0, 40) if early else whole(random, 200, 400), number(random, 0.8, 0.95)
    return noise(random, 3, 4), noise(random, 3, 4), step, decay


EMA = Exercise(
    title="The moving average of the weights",
    answer=_averaged(_kept, MIXES[""]),
    means="Most of the average stays, a little of the new weights enters. Samples are drawn with the average.",
    draw=_draw_ema,
    mistakes=distinct(
        _draw_ema,
        (
            *combined(_averaged, KEPT, MIXES),
            *named(
                {
                    COPIED: lambda average, weight, step, decay: weight,
                    "Both count a half: the decay is not used.": lambda average, weight, *_: (average + weight) / 2,
                    "This is the mean over all steps: a moving average forgets the old ones.": (
                        lambda average, weight, step, decay: average + (weight - average) / (step + 1)
                    ),
                }
            ),
        ),
    ),
    properties=(
        Property(
            "The factors of average and weight do not add up to one: if both are equal, they should stay.",
            lambda x, average, weight, *_: _sum_of_factors(x, average, weight),
        ),
        Property(
            "Late, when the warm-up is over, the decay alone should say how much of the average is kept.",
            lambda x, a, w, step, decay: _kept(step, 1.0) < decay or abs(_fraction(x, a, w) - decay) < 1e-3,
        ),
        Property(
            "Early you keep too much of the average: is there a warm-up?",
            lambda x, a, w, step, decay: _fraction(x, a, w) < _kept(step, decay) + 1e-3,
        ),
        Property(
            "Early you keep too little of the average: how does the warm-up grow?",
            lambda x, a, w, step, decay: _fraction(x, a, w) > _kept(step, decay) - 1e-3,
        ),
        Property(
            "At step 0 nearly everything should come from the new weights: is there a warm-up?",
            lambda x, average, weight, step, decay: step > 3 or (x - weight).norm() < (x - average).norm(),
        ),
    ),
    linear=("average", "weight"),
    where=lambda average, weight, step, decay: f"the step is {step} and the decay {decay:.2g}",
    example=lambda: (torch.ones(1).double(), torch.zeros(1).double(), 8, 0.9),
    line="The line with d is right as it is handed out: d is the part of the average that is kept. What part is left?",
)


def _fraction(x, average, weight):
    """How much of the average is in x, if it lies on the line through average and weight."""
    gone, line = (x - weight).flatten(), (average - weight).flatten()
    return ((gone @ line) / (line @ line)).item()


def _sum_of_factors(x, average, weight):
    """Whether x lies on the line through average and weight."""
    return torch.allclose(x - weight, _fraction(x, average, weight) * (average - weight), atol=1e-4)


# 07.4: the loop ------------------------------------------------------------------------------------------------------


class Small(nn.Module):
    """A network of a few weights: every pixel's channels and the angle, mixed."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights.clone())

    def forward(self, y, theta):
        mixed = torch.einsum("oc,bc...->bo...", self.weights[:, :-1], y)
        return mixed + self.weights[:, -1].view(-1, *[1] * (y.ndim - 2)) * theta.double().view(-1, *[1] * (y.ndim - 1))


def v_loss(net, x0, theta, eps):
    """The loss that the loop is given."""
    c, s = (rate.view(-1, *[1] * (x0.ndim - 1)) for rate in (theta.cos(), theta.sin()))
    return (net(c * x0 + s * eps, theta) - (c * eps - s * x0)).square().mean()


class Descent:
    """Plain gradient descent with the methods of an optimizer of torch, which would be slow to import in a check."""

    def __init__(self, weights, rate):
        self.param_groups = [{"params": list(weights), "lr": rate}]

    def zero_grad(self, set_to_none=True):
        """Forget the gradients."""
        for each in self.param_groups[0]["params"]:
            each.grad = None

    def step(self, closure=None):
        """Change all weights against their gradients; a closure computes them first."""
        loss = closure() if closure else None
        with torch.no_grad():
            for each in self.param_groups[0]["params"]:
                if each.grad is not None:
                    each -= self.param_groups[0]["lr"] * each.grad
        return loss


def _draw_train(random):
    n, b = whole(random, 3, 5), 2
    batches, noises = ([make(random, b, 3, 2, 2) for _ in range(n)] for make in (images, noise))
    angles = [torch.rand(b, generator=random, dtype=torch.float64) * 1.5 for _ in range(n)]
    return noise(random, 3, 4) / 2, number(random, 0.1, 0.4), batches, angles, noises


def _run(train, weights, rate, batches, angles, noises):
    """Train a small network with plain gradient descent; gives the losses, and the weights at the end."""
    net = Small(weights)
    losses = train(net, Descent(net.parameters(), rate), batches, angles, noises)
    return losses if losses is None or losses is ... else [losses, net.weights.detach().clone()]


def _train(
    order=("zero", "backward", "step"), before=(), after=(), loss_of=v_loss, keep=lambda losses: losses, again=False
):
    """The loop with these things in this order; `before` and `after` are done once, outside of the loop."""

    def train(net, optimizer, batches, angles, noises):
        losses, loss = [], None
        for name in before:
            getattr(optimizer, {"zero": "zero_grad", "step": "step"}[name])()
        for x0, theta, eps in zip(batches, angles, noises, strict=True):
            loss = loss_of(net, x0, theta, eps)
            for name in order:
                if name == "backward":
                    loss.backward(retain_graph=True)
                elif name == "zero":
                    optimizer.zero_grad()
                elif name == "step":
                    optimizer.step()
            losses.append((loss_of(net, x0, theta, eps) if again else loss).item())
        for name in after:
            getattr(optimizer, {"zero": "zero_grad", "step": "step"}[name])()
        return keep(losses)

    return train


def _first_of(which):
    """The loop that uses the first entry of one list for all steps."""

    def train(net, optimizer, *lists):
        return _train()(
            net, optimizer, *([each[0]] * len(each) if k in which else each for k, each in enumerate(lists))
        )

    return train


def _turned(change):
    def train(net, optimizer, *lists):
        return _train()(net, optimizer, *change(*lists))

    return train


def _running(losses):
    return [sum(losses[: k + 1]) / (k + 1) for k in range(len(losses))]


def _right_losses(losses, *inputs):
    return torch.allclose(losses, torch.tensor(_run(_train(), *inputs)[0]).double(), atol=1e-4)


TRAIN = Exercise(
    title="The loop of a training",
    answer=_train(),
    means="Loss, forget the old gradients, compute the new ones, change the weights: every training does just this.",
    draw=_draw_train,
    run=_run,
    mistakes=named(
        {
            "The old gradients are never forgotten: they add up from step to step.": _train(("backward", "step")),
            "The weights never change: the gradients have to be computed, and used, before they are forgotten.": (
                _train(())
            ),
            "The weights change once, at the end: the step belongs into the loop.": (
                _train(("zero", "backward"), after=("step",)),
            ),
            "The gradients of all batches add up, and the weights change once, at the end.": (
                _train(("backward",), after=("step",))
            ),
            "You step before you compute the gradients: each step uses those of the batch before.": (
                _train(("step", "zero", "backward")),
            ),
            "You step before you compute the gradients, and forget none.": _train(("step", "backward")),
            "Each step changes the weights twice as much as it should: is there a line too many?": (
                _train(("zero", "backward", "step", "step"))
            ),
            "The last batch is left out.": _turned(lambda *lists: [each[:-1] for each in lists]),
            "The first batch is left out.": _turned(lambda *lists: [each[1:] for each in lists]),
            "The batches come in reverse order.": _turned(lambda *lists: [each[::-1] for each in lists]),
            "The first batch is used in every step.": _first_of((0,)),
            "The angles of the first batch are used in every step.": _first_of((1,)),
            "The noise of the first batch is used in every step.": _first_of((2,)),
            "Everything is taken from the first step, again and again.": _first_of((0, 1, 2)),
            "Only the first step is made: is your last line inside the loop?": (
                _turned(lambda *lists: [each[:1] for each in lists])
            ),
            "You go through the batches twice.": _turned(lambda *lists: [each * 2 for each in lists]),
            "You climb: the loss has the wrong sign.": (
                _train(loss_of=lambda *a: -v_loss(*a)),
                _train(loss_of=lambda *a: -v_loss(*a), keep=lambda losses: [-each for each in losses]),
            ),
            "You keep the losses after the step: keep the loss that the gradients came from.": _train(again=True),
            "You hand over the last loss: those of all steps are wanted.": _train(keep=lambda losses: losses[-1]),
            "You hand over the mean of the losses: the losses of all steps are wanted.": (
                _train(keep=lambda losses: sum(losses) / len(losses))
            ),
            "You hand over the sum of the losses: the losses of all steps are wanted.": _train(keep=sum),
            "Your list holds running means: the losses themselves are wanted.": _train(keep=_running),
            "Your list holds running sums: the losses themselves are wanted.": (
                _train(keep=lambda losses: [sum(losses[: k + 1]) for k in range(len(losses))])
            ),
            "The losses are in reverse order.": _train(keep=lambda losses: losses[::-1]),
            "The first loss is missing in your list.": _train(keep=lambda losses: losses[1:]),
            "The last loss is missing in your list.": _train(keep=lambda losses: losses[:-1]),
            "The list is empty: nothing is appended to it.": _train(keep=lambda losses: []),
            "You take the root of the loss.": (
                _train(loss_of=lambda *a: v_loss(*a).sqrt()),
                _train(keep=lambda losses: [each**0.5 for each in losses]),
            ),
            "The network gets no angle: hand it over.": (
                _train(loss_of=lambda net, x0, theta, eps: v_loss(lambda y, a: net(y, 0 * a), x0, theta, eps))
            ),
            "Angles and noise have changed places with those of another batch.": _turned(
                lambda batches, angles, noises: (batches, angles[::-1], noises)
            ),
            "The noise belongs to another batch.": _turned(
                lambda batches, angles, noises: (batches, angles, noises[::-1])
            ),
            "There is no noise: hand it over.": _turned(
                lambda batches, angles, noises: (batches, angles, [0 * each for each in noises])
            ),
        }
    ),
    properties=(
        Property(
            "Already the first loss is wrong: it is that of the first batch, before any step.",
            lambda found, weights, rate, batches, angles, noises: torch.allclose(
                found[0][0], v_loss(Small(weights), batches[0], angles[0], noises[0]).detach(), atol=1e-4
            ),
        ),
        Property(
            "The weights are the same as before: is there a step?",
            lambda found, weights, *_: not torch.allclose(found[1], weights, atol=1e-6),
        ),
        Property(
            "The losses are right, the weights are not: look at the last step.",
            lambda found, *inputs: (
                not torch.allclose(found[0], torch.tensor(_run(_train(), *inputs)[0]).double(), atol=1e-4)
            ),
        ),
        Property(
            "The first loss is right, a later one is not: what happens between the first and the second loss?",
            lambda found, *inputs: torch.allclose(
                found[0], torch.tensor(_run(_train(), *inputs)[0]).double(), atol=1e-4
            ),
        ),
    ),
    example=lambda: (
        torch.zeros(1, 2).double(),
        0.25,
        [torch.ones(1, 1, 1, 1).double()] * 2,
        [torch.zeros(1).double()] * 2,
        [torch.ones(1, 1, 1, 1).double()] * 2,
    ),
    where=lambda weights, rate, batches, *_: (
        "the network gives w times its input, w begins at 0, the learning rate is 0.25, and there are two batches "
        "with one pixel, x0 = eps = 1 and the angle 0 (the losses, then w and the weight of the angle)"
        if weights.numel() == 2
        else f"there are {len(batches)} batches"
    ),
    line="Say in order what happens with the gradients: when are they forgotten, computed, used?",
)
