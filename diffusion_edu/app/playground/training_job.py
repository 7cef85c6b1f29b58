"""The work behind the playground, in turns short enough to share one worker: a network learns points, and walks are recorded side by side."""

import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import torch
from torch import nn

from diffusion_edu.app.playground.dataset_picker import Subject
from diffusion_edu.app.playground.trajectories import animation_of, record
from diffusion_edu.app.trajectories.animation import COLOUR, Axis, Chart, Series
from diffusion_edu.generation import Preset
from diffusion_edu.toy2d import Exact, denoiser, energy_distance, exam, learn, some_of

TURN = 0.2  # seconds that one turn of the worker takes, about
QUICK, FEW = 8, 250  # steps and points of the walks that are shown while a network learns
DRAWS = 8  # that chance is averaged over


@dataclass(frozen=True, eq=False)
class Study:
    """Everything that a person chose: the points, what the network says, how to walk, towards which class (None: any), and with which noise."""

    subject: Subject
    class_name: str
    preset: Preset
    label: int | None
    seed: int
    count: int
    seconds: float = 10.0  # of training

    @property
    def points(self):
        """The points to learn."""
        return self.subject.points

    @property
    def seeds(self):
        """One seed per point of noise."""
        return range(self.seed, self.seed + self.count)

    @property
    def lesson(self):
        """Names what a network has to learn for this: it need not learn anew for another way to walk."""
        return self.subject.id, self.class_name

    @cached_property
    def wanted(self):
        """The data that samples should look like: all points, or those of the class that was asked for."""
        return self.points.x if self.label is None else self.points.x[self.points.labels == self.label]

    @property
    def quick(self):
        """The same with few steps and few points, as it is shown while a network learns."""
        preset = replace(self.preset, sampler="DDIM", options={}, steps=min(QUICK, self.preset.T))
        return replace(self, preset=preset, count=FEW)

    def distance(self, x):
        """Measure how far x (n, 2) is from the data: the energy distance to some of its points."""
        return energy_distance(x, some_of(self.wanted))

    @cached_property
    def good(self):
        """What points of the data themselves score by chance, and what noise scores, on average over DRAWS."""
        dice, wanted = torch.Generator().manual_seed(0), self.wanted
        chance = [
            self.distance(wanted[torch.randint(len(wanted), (self.count,), generator=dice)]) for _ in range(DRAWS)
        ]
        noise = [self.distance(torch.randn(self.count, 2, generator=dice)) for _ in range(DRAWS)]
        return sum(chance) / DRAWS, sum(noise) / DRAWS

    @cached_property
    def floor(self):
        """The loss of the exact answer, which no network can get below."""
        return exam(Exact(self.points, self.class_name), self.points, self.class_name)

    def measure(self):
        """Measure what every animation states, chance and the floor, before there is an animation."""
        return self.good, self.floor

    def of(self, net, class_name):
        """Let a network, or the exact answer, prediction as it was chosen; raises ValueError in words if the choices do not go together."""
        return denoiser(net, class_name, self.points, self.preset, self.label)


@dataclass(frozen=True, eq=False)
class Taught:
    """A network that has learnt (a moving average of its weights), after how many steps and seconds, and its losses on the way as (second, loss)."""

    net: nn.Module
    steps: int
    seconds: float
    losses: tuple[tuple[float, float], ...]


def practise(study, clock=time.perf_counter):
    """Teach a network for study.seconds of computing: yields (animation, Taught) of what it can do so far, every TURN seconds and a little.

    At first (None, None), while things are got ready. Only the time that passes in here counts: while others have their turn, the
    clock stands still.
    """
    quick, pupils, spent, losses = study.quick, learn(study.points, study.class_name), 0.0, []
    beside = finish(record(quick.of(Exact(study.points), "x0"), quick.preset, quick.seeds))
    yield None, None
    quick.measure()
    yield None, None
    next(pupils)  # the first step of all loads what the optimiser needs, which may take a second
    yield None, None
    while spent < study.seconds:
        begun = clock()
        pupil = next(pupils)
        while clock() - begun < TURN:
            pupil = next(pupils)
        losses.append((spent + clock() - begun, exam(pupil.ema, study.points, study.class_name)))
        swarm = finish(record(quick.of(pupil.ema, study.class_name), quick.preset, quick.seeds))
        taught = Taught(pupil.ema, pupil.step, spent + clock() - begun, tuple(losses))
        animation = animation_for(quick, swarm, beside, taught)
        spent += clock() - begun
        yield animation, taught


def compare(study, taught=None, clock=time.perf_counter):
    """Record the walk of the exact answer, and the network's if there is one, from the same noise; yields a number in turns, and the animation at last."""
    beside = yield from in_turns(record(study.of(Exact(study.points), "x0"), study.preset, study.seeds), clock)
    swarm = None
    if taught:
        swarm = yield from in_turns(record(study.of(taught.net, study.class_name), study.preset, study.seeds), clock)
    yield animation_for(study, swarm, beside, taught)


def in_turns(items, clock):
    """Pull items for TURN seconds, then yield how many there were so far, again and again; returns what the items return."""
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
    """Pull all items at once and return what they return."""
    try:
        while True:
            next(items)
    except StopIteration as end:
        return end.value


def animation_for(study, swarm, beside, taught):
    """Put both walks side by side, with the numbers that judge them."""
    practice = f"{taught.steps:,} steps in {taught.seconds:.1f} s" if taught else "has learnt nothing yet"
    panels = [
        {"name": "network", "title": "Network", "words": practice, "empty": "Press Train", "swarm": swarm},
        {"name": "exact", "title": "Exact answer", "words": "knows every point by heart", "empty": "", "swarm": beside},
    ]
    charts = [asdict(loss_chart(study, taught))] if taught else []
    legend = "ends in" if study.label is None else "asked for"
    return animation_of(
        study.points,
        study.preset,
        panels,
        study.label,
        legend=legend,
        figures=figures(study, swarm, beside, taught),
        charts=charts,
    )


def figures(study, swarm, beside, taught):
    """Write the numbers under both walks: [what, the network's, the exact answer's, what is good]."""
    chance, noise = study.good
    loss = f"{taught.losses[-1][1]:.4f}" if taught else "–"
    nfe = study.preset.nfe(study.label is not None)

    def both(write):
        return [write(swarm) if swarm else "–", write(beside)]

    return [
        [
            "Distance",
            *both(lambda s: f"{study.distance(s.x[-1]):.4f}"),
            f"to the data · chance {chance:.4f}, noise {noise:.2f}",
        ],
        [f"Loss ({study.class_name})", loss, f"{study.floor:.4f}", "the exact answer is the floor"],
        [
            "Seconds",
            *both(lambda s: f"{s.seconds:.2f}"),
            f"{study.count} points, {nfe} evaluation{'s' * (nfe > 1)} each",
        ],
    ]


def loss_chart(study, taught):
    """Draw the loss over the seconds of training, and the floor that it cannot go below."""
    seconds, losses = zip(*taught.losses, strict=True)
    high, low = max(losses), study.floor
    room, end = 0.1 * (high - low), max(study.seconds, seconds[-1])
    series = [
        Series("network", COLOUR["x"], list(losses)),
        Series("floor", COLOUR["none"], [low] * len(losses), "7 4"),
    ]
    ticks = {f"{value:.2f}": value for value in (low, (low + high) / 2, high)}
    x = Axis("seconds of training", 0, end, {f"{fraction * end:.0f}": fraction * end for fraction in (0, 0.5, 1)})
    alt = f"Loss over {seconds[-1]:.0f} seconds of training, from {losses[0]:.3f} to {losses[-1]:.3f}; the exact answer's is {low:.3f}"
    return Chart("Loss", alt, x, Axis("loss", low - room, high + room, ticks), list(seconds), series)
