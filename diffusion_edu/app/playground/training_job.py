"""The work of the playground, in turns short enough to share one worker: train a network on points, and compare it
with the exact denoiser.
"""

import time
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import nn

from diffusion_edu.app.playground.animation import animation_for
from diffusion_edu.app.playground.dataset_picker import Dataset
from diffusion_edu.app.playground.trajectories import record
from diffusion_edu.generation import Preset
from diffusion_edu.toy2d import ExactNetwork, denoiser, energy_distance, evaluate_loss, subset, train_mlp

TURN = 0.2  # seconds that one turn of the worker takes, about
PREVIEW_STEPS, PREVIEW_POINTS = 8, 250  # of the walks that are shown during training
REPEATS = 8  # sets of points that the reference distances are averaged over


@dataclass(frozen=True, eq=False)
class Settings:
    """All choices of a person.

    The dataset, the prediction type of the network, the preset of the walk, the class label (None: any), the first
    seed, the number of samples, and the seconds of training.
    """

    dataset: Dataset
    prediction_type: str
    preset: Preset
    label: int | None
    seed: int
    count: int
    seconds: float = 10.0

    @property
    def points(self):
        """The data points."""
        return self.dataset.points

    @property
    def seeds(self):
        """One seed per sample."""
        return range(self.seed, self.seed + self.count)

    @property
    def training_id(self):
        """The settings that a network is trained for: for another sampler it need not be trained again."""
        return self.dataset.id, self.prediction_type

    @cached_property
    def target_points(self):
        """The data that samples should look like, (n, 2): all points, or those of the chosen class."""
        return self.points.x if self.label is None else self.points.x[self.points.labels == self.label]

    @property
    def preview(self):
        """The same settings with few steps and few samples, as shown during training."""
        preset = replace(self.preset, sampler="DDIM", options={}, steps=min(PREVIEW_STEPS, self.preset.T))
        return replace(self, preset=preset, count=PREVIEW_POINTS)

    def distance(self, x):
        """Return the energy distance between samples x (n, 2) and a part of the data."""
        return energy_distance(x, subset(self.target_points))

    @cached_property
    def reference_distances(self):
        """The distance of points of the data itself, and of Gaussian noise, each on average over REPEATS."""
        generator, x = torch.Generator().manual_seed(0), self.target_points
        data = [self.distance(x[torch.randint(len(x), (self.count,), generator=generator)]) for _ in range(REPEATS)]
        noise = [self.distance(torch.randn(self.count, 2, generator=generator)) for _ in range(REPEATS)]
        return sum(data) / REPEATS, sum(noise) / REPEATS

    @cached_property
    def loss_floor(self):
        """The loss of the exact denoiser, which no network can go below."""
        return evaluate_loss(ExactNetwork(self.points, self.prediction_type), self.points, self.prediction_type)

    def measure(self):
        """Compute the reference distances and the loss floor, which every animation shows."""
        return self.reference_distances, self.loss_floor

    def denoiser(self, net, prediction_type):
        """Build the denoiser of a network, or of Exact; raises ValueError in words if the choices do not go
        together.
        """
        return denoiser(net, prediction_type, self.points, self.preset, self.label)


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network (the EMA of its weights), its training steps and seconds, and its losses as (second, loss)
    pairs.
    """

    net: nn.Module
    steps: int
    seconds: float
    losses: tuple[tuple[float, float], ...]


def train(settings, clock=time.perf_counter):
    """Train a network for settings.seconds of computing: yields (animation, TrainedNetwork) about every TURN seconds.

    The first items are (None, None). Only time inside this function counts: while other jobs have their turn, the
    clock stands still.
    """
    preview, states = settings.preview, train_mlp(settings.points, settings.prediction_type)
    spent, losses = 0.0, []
    exact = finish(record(preview.denoiser(ExactNetwork(settings.points), "x0"), preview.preset, preview.seeds))
    yield None, None
    preview.measure()
    yield None, None
    next(states)  # the first step loads what the optimiser needs, which may take a second
    yield None, None
    while spent < settings.seconds:
        start = clock()
        state = next(states)
        while clock() - start < TURN:
            state = next(states)
        losses.append((spent + clock() - start, evaluate_loss(state.ema, settings.points, settings.prediction_type)))
        denoise = preview.denoiser(state.ema, settings.prediction_type)
        trajectories = finish(record(denoise, preview.preset, preview.seeds))
        trained = TrainedNetwork(state.ema, state.step, spent + clock() - start, tuple(losses))
        animation = animation_for(preview, trajectories, exact, trained)
        spent += clock() - start
        yield animation, trained


def compare(settings, trained=None, clock=time.perf_counter):
    """Record the walks of the exact denoiser and of the trained network, if there is one, from the same noise.

    Yields a number in every turn, and the animation at last.
    """
    denoise, trajectories = settings.denoiser(ExactNetwork(settings.points), "x0"), None
    exact = yield from in_turns(record(denoise, settings.preset, settings.seeds), clock)
    if trained:
        denoise = settings.denoiser(trained.net, settings.prediction_type)
        trajectories = yield from in_turns(record(denoise, settings.preset, settings.seeds), clock)
    yield animation_for(settings, trajectories, exact, trained)


def in_turns(items, clock):
    """Consume items for TURN seconds, then yield how many there were so far, again and again; returns what the items
    return.
    """
    count = 0
    try:
        while True:
            until = clock() + TURN
            while clock() < until:
                next(items)
                count += 1
            yield count
    except StopIteration as end:
        return end.value


def finish(items):
    """Consume all items at once and return what they return."""
    try:
        while True:
            next(items)
    except StopIteration as end:
        return end.value
