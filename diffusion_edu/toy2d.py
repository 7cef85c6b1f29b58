"""Diffusion of points in the plane: a small network and the exact denoiser of the same points generate from the same
noise.

The exact denoiser is an `ExactNetwork(points)`: it takes the place of a network, so both use the same denoiser,
guidance and walk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from diffusion_edu.checks import Count, Index, Positive, Rule, Seeds, checked, one_of
from diffusion_edu.core import Denoiser, State, walk
from diffusion_edu.data.points import Points
from diffusion_edu.denoisers import TARGETS, NeuralDenoiser, clipped, guided
from diffusion_edu.generation import Preset
from diffusion_edu.networks.mlp import MLP
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.training.loop import TrainState, fit, held_out_loss, train_state
from diffusion_edu.training.objectives.diffusion import Objective

WIDTH, BATCH, PEAK, EMA = 64, 512, 1e-2, 0.99  # the best spirals and checkerboards after ten seconds on one core
STEADY = 150  # training steps at the peak learning rate; after them it decays (Karras et al. 2024, eq. 67)
EVALUATED = 1000  # points that a loss is averaged over, and that a distance is measured to


PredictionType = Annotated[str, one_of(TARGETS)]
PlanePoints = Annotated[Tensor, Rule("points (n, 2), one or more", lambda x: x.ndim == 2 and x.shape[1] == 2)]


@checked
@dataclass(frozen=True, eq=False)
class ExactNetwork:
    """What the best possible network would output for points y (b, 2), if every clean point is one of these.

    Called like an MLP, with noise_level (b,) and class labels (b,) or None; the null label, one more than the classes,
    means unconditional.
    """

    points: Points
    prediction_type: PredictionType = "x0"

    def __call__(self, y: Tensor, noise_level: Tensor, condition: Tensor | None = None) -> Tensor:
        x, theta = self.points.x.double(), noise_level.double()[:, None] / 1000
        c, s, y64 = theta.cos(), theta.sin(), y.double()
        # log-likelihood of every x, up to a constant per y
        log_likelihood = (c * (y64 @ x.T) - c.square() * x.square().sum(1) / 2) / s.square()
        if condition is not None:
            others = (condition[:, None] != self.points.labels) & (condition[:, None] != len(self.points.classes))
            log_likelihood = log_likelihood.masked_fill(others, -torch.inf)
        x0_hat = log_likelihood.softmax(dim=1) @ x
        return TARGETS[self.prediction_type].of(x0_hat, (y64 - c * x0_hat) / s, c, s).to(y.dtype)


Network = Callable[..., Tensor]  # an MLP or an ExactNetwork


@checked
def inverse_sqrt(peak: Positive, steady: Count = STEADY, warm_up: Count = 50) -> Callable[[TrainState], float]:
    """Build a learning rate for a training of unknown length: it rises, stays, then decays like 1 / sqrt(step)."""
    return lambda state: peak * min(1.0, (state.step + 1) / warm_up) / max(1.0, state.step / steady) ** 0.5


@checked
def objective(points: Points, prediction_type: PredictionType = "v") -> Objective:
    """Build the diffusion loss of a prediction type; where there are classes, a tenth of the labels is dropped."""
    return Objective(prediction_type, null=len(points.classes) or None)


@checked
def train_mlp(points: Points, prediction_type: PredictionType = "v", seed: int = 0) -> Iterator[TrainState]:
    """Train a new MLP on the points without end, and yield the TrainState after every step: stop whenever it is good
    enough.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = train_state(MLP(width=WIDTH, classes=len(points.classes)), seed)

    def batches():
        while True:
            some = torch.randint(len(points), (BATCH,), generator=state.generator)
            yield points.x[some], None if points.labels is None else points.labels[some]

    for _ in fit(state, batches(), objective(points, prediction_type), inverse_sqrt(PEAK), EMA):
        yield state


@checked
def evaluate_loss(net: Network, points: Points, prediction_type: PredictionType = "v") -> float:
    """Average the loss of a network, or an ExactNetwork, over EVALUATED points, always with the same noise levels and
    noise.
    """
    some = torch.randint(len(points), (EVALUATED,), generator=torch.Generator().manual_seed(0))
    labels = None if points.labels is None else points.labels[some]
    return held_out_loss(net, points.x[some], labels, objective(points, prediction_type), batch=EVALUATED)


@checked
def denoiser(
    net: Network, prediction_type: PredictionType, points: Points, preset: Preset, label: Index | None = None
) -> Denoiser:
    """Build the denoiser of a network on the preset's noise schedule, with guidance towards a class label, or None.

    No prediction leaves the square of the points. Raises ValueError for a prediction type that does not fit the
    schedule.
    """
    unconditional = NeuralDenoiser(net, preset.noise_schedule(), prediction_type)
    limit = points.x.abs().max().item()
    if label is not None and label >= len(points.classes):
        raise ValueError(
            f"The labels of these points are less than {len(points.classes)}, the number of classes, not {label}."
        )
    if label is None:
        return clipped(unconditional, -limit, limit)

    def conditional(x, t):
        return unconditional.given(torch.full((len(x),), label))(x, t)

    return clipped(guided(conditional, unconditional, preset.guidance_scale), -limit, limit)


@checked
def sample_points(denoise: Denoiser, preset: Preset, seeds: Seeds) -> Iterator[State]:
    """Sample one point per seed (b,): preset.steps + 1 States of points (b, 2)."""
    noise = SeededNoise(seeds)
    return walk(preset.step(denoise, noise), noise.sample((2,)), preset.timesteps())


@checked
def subset(x: PlanePoints) -> Tensor:
    """Choose EVALUATED of the points x (n, 2), or all if there are no more: always the same, shuffled (sets may be
    sorted by class).
    """
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:EVALUATED]]


@checked
def mean_distance(x: PlanePoints, y: PlanePoints) -> Tensor:
    """Average the distance between a point of x (n, 2) and one of y (m, 2), float64."""
    return torch.cdist(x.double(), y.double(), compute_mode="donot_use_mm_for_euclid_dist").mean()


@checked
def energy_distance(x: PlanePoints, y: PlanePoints) -> float:
    """Measure the energy distance of two sets of points (n, 2) and (m, 2): 2 E|x - y| - E|x - x'| - E|y - y'|, 0 if
    they are equal.

    Szekely & Rizzo 2013, eq. 5. Never negative. Two finite samples of one distribution have a small distance, not 0.
    """
    return max(0.0, (2 * mean_distance(x, y) - mean_distance(x, x) - mean_distance(y, y)).item())
