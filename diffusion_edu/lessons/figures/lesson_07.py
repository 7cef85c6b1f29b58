"""Figures and trainings of lesson 07: losses beside that of doing nothing, and what a moving average forgets."""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from diffusion_edu.checkpoints import Model
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import NeuralDenoiser
from diffusion_edu.figures.still import INK, NOISE, PREDICTION, REAL, SIGNAL, Captioned, Curve, chart, images
from diffusion_edu.networks.mlp import MLP
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced
from diffusion_edu.toy2d import energy_distance
from diffusion_edu.training.loop import loss_by_angle
from diffusion_edu.training.objectives.diffusion import Objective

Network = Callable[[Tensor, Tensor], Tensor]  # (y, theta) -> v
BATCH = 128


def v_loss(net: Network, x0: Tensor, theta: Tensor, eps: Tensor) -> Tensor:
    """Return the library's loss of v-prediction, averaged over the batch, for a network net(y, theta)."""
    return Objective("v").at(lambda y, thousandfold, _: net(y, thousandfold / 1000), x0, None, theta, eps).mean()


class PointNetwork(torch.nn.Module):
    """A small network for points y (b, 2) and angles theta (b,); the same seed gives the same random start."""

    def __init__(self, seed: int = 0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.mlp = MLP(width=64)

    def forward(self, y: Tensor, theta: Tensor) -> Tensor:
        return self.mlp(y, 1000 * theta)


def drawn(points: Tensor, steps: int, seed: int = 1) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Draw batches of points, an angle for each point, and noise, for so many steps."""
    random = torch.Generator().manual_seed(seed)
    batches = [points[torch.randint(len(points), (BATCH,), generator=random)] for _ in range(steps)]
    angles = [torch.rand(BATCH, generator=random) * math.pi / 2 for _ in range(steps)]
    noises = [torch.randn(BATCH, 2, generator=random) for _ in range(steps)]
    return batches, angles, noises


def optimizer(net: torch.nn.Module) -> torch.optim.Optimizer:
    """Make the optimizer of all trainings of this lesson."""
    return torch.optim.AdamW(net.parameters(), lr=3e-3)


def train(net: Any, optimizer: Any, batches: Sequence, angles: Sequence, noises: Sequence) -> list[float]:
    """Train on all batches and return the losses: the loop of exercise 07.4."""
    losses = []
    for x0, theta, eps in zip(batches, angles, noises, strict=True):
        loss = v_loss(net, x0, theta, eps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def held_out(net: Network, points: Tensor) -> float:
    """Return the loss on points that were not trained on, always with the same angles and noise."""
    random = torch.Generator().manual_seed(5)
    theta = torch.rand(len(points), generator=random) * math.pi / 2
    return v_loss(net, points, theta, torch.randn(points.shape, generator=random)).item()


@torch.no_grad()
def sampled(net: PointNetwork, count: int = 500) -> Tensor:
    """Sample points (count, 2) with DDIM in 20 steps, always from the same noise."""
    schedule = cosine()
    x = torch.randn(count, 2, generator=torch.Generator().manual_seed(9))
    *_, last = walk(partial(ddim_step, NeuralDenoiser(net.mlp, schedule, "v"), schedule), x, spaced(schedule, 20))
    return last.x


def mixtures(x0: Tensor, eps: Tensor, degrees: Sequence[int] = (80, 60, 40, 20, 0)) -> Captioned:
    """Show what a network gets and what it must predict, for one image x0 (1, 3, h, w) at several angles."""
    angles = [math.radians(each) for each in degrees]
    noisy = [math.cos(a) * x0 + math.sin(a) * eps for a in angles]
    targets = [math.cos(a) * eps - math.sin(a) * x0 for a in angles]
    alike = [torch.cosine_similarity(v.flatten(), eps.flatten(), dim=0).item() for v in targets]
    return Captioned(
        images(to_bytes(torch.cat([*noisy, *targets])), [f"{each}°" for each in degrees], ["input", "target v"]),
        "Above: what the network gets. Below: what it must predict. At 0° the target is the noise, at 90° it is the "
        "negative of the image.",
        f"Two rows of images at {len(degrees)} angles. Above a flower becomes clear from left to right. Below a flower "
        f"in negative colours becomes noise; the similarity of the target to the noise rises from {alike[0]:.2f} to "
        f"{alike[-1]:.2f}.",
    )


def three_losses(model: Model, x0: Tensor, labels: Tensor, count: int = 9) -> tuple[Captioned, dict[str, float]]:
    """Measure the loss of a v-network at several angles, also as an error of x0 and of eps; figure and means."""
    theta = (torch.arange(count) + 0.5) / count * math.pi / 2
    v = loss_by_angle(model.net, x0, labels, Objective(model.card.prediction_type), theta)
    losses = {"v": v, "x0": v * theta.sin() ** 2, "eps": v * theta.cos() ** 2}
    means = {name: loss.mean().item() for name, loss in losses.items()}
    degrees = theta.rad2deg().tolist()
    looks = {"v": (PREDICTION, "-"), "x0": (SIGNAL, "--"), "eps": (NOISE, ":")}
    curves = [Curve(degrees, losses[name].tolist(), f"error of {name}", *looks[name]) for name in losses]
    said = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
    return (
        Captioned(
            chart(curves, x="angle in degrees (90: pure noise)", y="mean squared error", xlim=(90, 0), ylim=(0, None)),
            f"One network, one prediction for each image, three ways to measure its error. The means are {said}.",
            f"Three curves over the angle, from noise on the left to clean images on the right. Means: {said}. The "
            f"error of eps is largest at low noise ({losses['eps'][0]:.2f}), that of x0 at high noise "
            f"({losses['x0'][-1]:.2f}).",
        ),
        means,
    )


def loss_curve(losses: Sequence[float], nothing: float, window: int = 25) -> Captioned:
    """Draw the loss of a training, averaged over some steps, beside the loss of doing nothing."""
    mean = torch.tensor(losses).unfold(0, min(window, len(losses)), 1).mean(1).tolist()
    steps = list(range(len(losses) - len(mean), len(losses)))
    return Captioned(
        chart(
            [
                Curve(range(len(losses)), losses, "each step", REAL),
                Curve(steps, mean, f"mean of {window} steps", PREDICTION),
                Curve([0, len(losses)], [nothing, nothing], "doing nothing", INK, "--"),
            ],
            x="step",
            y="loss",
        ),
        f"The loss falls below that of doing nothing ({nothing:.3f}) and then hardly changes. It never comes near 0: "
        "nobody can know the noise exactly.",
        f"A grey curve that jumps up and down and its mean, which falls from {mean[0]:.2f} to {mean[-1]:.2f}. A dashed "
        f"line at {nothing:.3f}.",
    )


def kept(step: int, decay: float) -> float:
    """Return how much of itself a moving average keeps at a step, with warm-up."""
    return min(decay, (1 + step) / (10 + step))


def ema(average: Tensor, weight: Tensor, step: int, decay: float) -> Tensor:
    """Return the moving average after one more step: what exercise 07.3 asks for."""
    return average.lerp(weight, 1 - kept(step, decay))


def forgotten(decay: float, steps: int) -> tuple[Captioned, float, float]:
    """Draw how much of the random start is left in an average, without and with warm-up; figure and both ends."""
    without, with_it = [1.0], [1.0]
    for step in range(steps):
        without.append(without[-1] * decay)
        with_it.append(with_it[-1] * kept(step, decay))
    figure = chart(
        [
            Curve(range(steps + 1), without, f"decay {decay}, no warm-up", NOISE, "--"),
            Curve(range(steps + 1), with_it, f"decay {decay} with warm-up", PREDICTION),
        ],
        x="step",
        y="fraction of the random start",
        ylim=(0, 1.05),
    )
    axes = figure.axes[0]
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
    axes.set_xlim(0, 1.1 * steps)
    return (
        Captioned(
            figure,
            f"After {steps:,} steps {without[-1]:.0%} of the random start are left without a warm-up. With it, less "
            "than a thousandth is left after 10 steps. (From step 1 on the axis is logarithmic.)",
            f"Two curves. One falls slowly from 1 to {without[-1]:.2f}. The other falls to 0 at once: {with_it[3]:.3f} "
            f"after 3 steps, {with_it[10]:.0e} after 10.",
        ),
        without[-1],
        with_it[-1],
    )


def averaged(update: Callable, points: Tensor, steps: int, decay: float, warm_up: bool) -> tuple:
    """Train on points and average the weights by update(average, weight, step, decay): the network and its average."""
    net = PointNetwork()
    average, tool = deepcopy(net), optimizer(net)
    for step, (x0, theta, eps) in enumerate(zip(*drawn(points, steps), strict=True)):
        train(net, tool, [x0], [theta], [eps])
        now = step if warm_up else 10**9
        with torch.no_grad():
            for old, new in zip(average.parameters(), net.parameters(), strict=True):
                old.copy_(update(old, new, now, decay))
    return net, average


@torch.no_grad()
def jumps(net: Network, points: Tensor, steps: int = 200) -> tuple[float, float]:
    """Return the standard deviation of the loss over batches: with an angle for each point, and with one for all."""
    losses = [
        (v_loss(net, x0, theta, eps).item(), v_loss(net, x0, theta[:1].expand_as(theta), eps).item())
        for x0, theta, eps in zip(*drawn(points, steps, seed=2), strict=True)
    ]
    each, one = torch.tensor(losses).std(0).tolist()
    return each, one


def clouds(sets: dict[str, Tensor], fresh: Tensor) -> Captioned:
    """Show sets of points side by side, with their energy distance to real points that nobody has learned from."""
    figure = Figure(figsize=(2.6 * len(sets), 2.9), dpi=72, layout="constrained")
    said = []
    for axes, (name, x) in zip(figure.subplots(1, len(sets), squeeze=False)[0], sets.items(), strict=True):
        axes.scatter(*x.T.tolist(), s=4, color=REAL if name.startswith("real") else PREDICTION)
        distance = energy_distance(x, fresh)
        axes.set_title(name, color=INK, size=12)
        axes.set(xlabel=f"distance {distance:.3f}", xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xticks=[], yticks=[])
        axes.xaxis.label.set(color=INK, size=12)
        axes.spines[:].set_color(INK)
        said.append(f"{name}: {distance:.3f}")
    return Captioned(
        figure,
        "Samples of the weights and of their average, from the same noise. The energy distance to real points is small "
        "where both look alike.",
        f"{len(sets)} panels of points. Energy distances: {', '.join(said)}.",
    )
