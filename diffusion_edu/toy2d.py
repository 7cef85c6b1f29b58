"""Diffusion in the plane: a small network and the exact answer learn the same points and move the same noise.

The exact answer stands in a network's place, `Exact(points)`, so that both go through the same denoiser, guidance and walk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from diffusion_edu.core import State, walk
from diffusion_edu.data.points import Points
from diffusion_edu.denoisers import TARGETS, NeuralDenoiser, clipped, guided
from diffusion_edu.generation import Preset
from diffusion_edu.networks.mlp import MLP
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import sampler
from diffusion_edu.training.loop import TrainState, fit, held_out_loss, train_state
from diffusion_edu.training.objectives.diffusion import Objective

WIDTH, BATCH, PEAK, EMA = (
    64,
    512,
    1e-2,
    0.99,
)  # what draws the best spirals and checkerboards after ten seconds on one core
STEADY = 150  # steps at the peak learning rate; from there on it falls like one over the root of the step (Karras et al. 2024, eq. 67)
EXAM = 1000  # points that a loss is averaged over, and that a distance is measured to


@dataclass(frozen=True, eq=False)
class Exact:
    """In the place of a network: what the best of all networks would say about points y (b, 2), if every clean point is one of these.

    Called like an MLP with timestep (b,) and labels (b,) or None; the null label, one more than there are classes, means "anything".
    """

    points: Points
    prediction_type: str = "x0"

    def __call__(self, y, timestep, labels=None):
        x, theta = self.points.x.double(), timestep.double()[:, None] / 1000
        c, s, y64 = theta.cos(), theta.sin(), y.double()
        fit = (
            c * (y64 @ x.T) - c.square() * x.square().sum(1) / 2
        ) / s.square()  # log-likelihood of every x, up to a constant per y
        if labels is not None:
            others = (labels[:, None] != self.points.labels) & (labels[:, None] != len(self.points.classes))
            fit = fit.masked_fill(others, -torch.inf)
        x0_hat = fit.softmax(dim=1) @ x
        return TARGETS[self.prediction_type].of(x0_hat, (y64 - c * x0_hat) / s, c, s).to(y.dtype)


def falling(peak, steady=STEADY, warm_up=50):
    """Build a learning rate that needs not know how long the training will be: rise, stay, then fall like 1 / sqrt(step)."""
    return lambda train_state: (
        peak * min(1.0, (train_state.step + 1) / warm_up) / max(1.0, train_state.step / steady) ** 0.5
    )


def objective(points, prediction_type="v"):
    """Say what is minimised: the kind of target, with a tenth of the labels dropped where there are classes."""
    return Objective(prediction_type, null=len(points.classes) or None)


def learn(points, prediction_type="v", seed=0) -> Iterator[TrainState]:
    """Teach a new MLP the points without end, and yield the Learner after every step: stop whenever it is good enough."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pupil = train_state(MLP(width=WIDTH, classes=len(points.classes)), seed)

    def batches():
        while True:
            some = torch.randint(len(points), (BATCH,), generator=pupil.generator)
            yield points.x[some], None if points.labels is None else points.labels[some]

    for _ in fit(pupil, batches(), objective(points, prediction_type), falling(PEAK), EMA):
        yield pupil


def exam(net, points, prediction_type="v"):
    """Average the loss of a network, or of Exact(points, kind), over EXAM of its points, always with the same angles, noise and labels."""
    some = torch.randint(len(points), (EXAM,), generator=torch.Generator().manual_seed(0))
    labels = None if points.labels is None else points.labels[some]
    return held_out_loss(net, points.x[some], labels, objective(points, prediction_type), batch=EXAM)


def denoiser(net: nn.Module | Exact, prediction_type, points, preset: Preset, label=None):
    """Let a network prediction on the preset's schedule: guided towards a class, a whole number, or None for any; no prediction leaves the points' square.

    Raises ValueError, in words, for a kind that does not go together with the schedule.
    """
    anything, reach = NeuralDenoiser(net, preset.noise_schedule(), prediction_type), points.x.abs().max().item()
    if label is None:
        return clipped(anything, -reach, reach)

    def asked(x, t):
        return anything.given(torch.full((len(x),), label))(x, t)

    return clipped(guided(asked, anything, preset.guidance_scale), -reach, reach)


def wander(denoise, preset: Preset, seeds) -> Iterator[State]:
    """Move one point of noise per seed (b,) to where the points are: preset.steps + 1 States of points (b, 2)."""
    noise = SeededNoise(seeds)
    step = partial(sampler(preset.sampler), denoise, preset.noise_schedule(), randn=noise, **preset.options)
    return walk(step, noise.sample((2,)), preset.timesteps())


def some_of(x):
    """Choose EXAM of the points x (n, 2), or all if there are no more: always the same ones, in any order, since sets may come sorted by class."""
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:EXAM]]


def mean_distance(x, y):
    """Average the distance between a point of x (n, 2) and one of y (m, 2), float64."""
    return torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").mean()


def energy_distance(x, y):
    """Measure how far two sets of points (n, 2) and (m, 2) lie apart: 2 E|x - y| - E|x - x'| - E|y - y'|, never negative, 0 if they are equal.

    Szekely & Rizzo 2013, eq. 5. Finite sets sampled from one distribution are a little apart by chance.
    """
    return max(0.0, (2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)).item())
