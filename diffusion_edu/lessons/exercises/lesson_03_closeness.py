"""Exercises 03.1 and 03.2: how far x is from every point, and how much each point explains it."""

import warnings
from dataclasses import replace

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named, one_wrong
from diffusion_edu.lessons.checks.inputs import noise, number, schedule, whole
from diffusion_edu.lessons.checks.results import short
from diffusion_edu.schedules import Schedule

FAR = 100.0  # from all points
FAINT = 0.005  # the noise rates of a schedule, multiplied by this: exponentials of distances underflow


def draw(random, lowest=1, faint=0.25):
    """Noisy x (b, d), points (n, d), a timestep and a schedule; a quarter of the schedules have hardly any noise."""
    d, T = whole(random, 2, 3), 9
    made = schedule(random, T)
    if number(random, 0, 1) < faint:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = replace(made, noise=FAINT * made.noise)
    t = whole(random, lowest, T - 1)
    points = noise(random, 7, d)
    x = made.signal[t] * points[:5] + 0.6 * noise(random, 5, d)
    x[-1] += FAR  # there every exponential of a distance underflows, at any noise
    return x, points, t, made


# 03.1: how far every x is from every noised point -------------------------------------------------------------------


def example():
    """One x and two points, for which everything can be done by hand."""
    table = torch.tensor([[1.0, 0.5, 0.1], [0.0, 0.5, 1.0]], dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Schedule("small", *table)
    x, points = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[2.0, 0.0], [0.0, 2.0]]).double()
    return x, points, 1, made


def where(x, points, t, schedule):
    """Describe a case in words."""
    rates = f"signal_t = {schedule.signal[t]:.3g} and noise_t = {schedule.noise[t]:.3g}"
    return f"x = {short(x)}, points = {short(points)}, {rates}"


def squared_distances(x, points, t, schedule):
    return (x[:, None] - schedule.signal[t] * points).square().sum(2)


def _scaled(one, other):
    """How x and the points are multiplied before they are compared, with the rates at the timestep."""
    return lambda x, points, signal, noise: (one(signal, noise) * x, other(signal, noise) * points)


def _one(signal, noise):
    return 1


def _signal(signal, noise):
    return signal


SCALES = {
    "": _scaled(_one, _signal),
    "You compare x with the clean points. At timestep t, where has each point moved before noise was added?": _scaled(
        _one, _one
    ),
    "The points are multiplied by alpha_bar, which is a power. Which rate belongs to the clean point?": _scaled(
        _one, lambda s, n: s**2
    ),
    "The points are multiplied by the root of the signal rate: the table holds rates already.": _scaled(
        _one, lambda s, n: s**0.5
    ),
    "The points are multiplied by the noise rate. That one belongs to eps.": _scaled(_one, lambda s, n: n),
    "You divide the points by the signal rate: noising shrinks them.": _scaled(_one, lambda s, n: 1 / s),
    "You shrink x. It is at timestep t already; the clean points are not.": _scaled(_signal, _one),
    "You shrink both. x is at timestep t already; only the clean points have to be brought there.": _scaled(
        _signal, _signal
    ),
    "You divide x by the signal rate. The result is a distance between clean points; asked for is the one at "
    "timestep t.": _scaled(lambda s, n: 1 / s, _one),
    "The plus should be a minus: a distance is made of differences.": _scaled(_one, lambda s, n: -s),
}
LENGTHS = {
    "": lambda away: away.square().sum(2),
    "This is the distance itself: one root too many.": lambda away: away.square().sum(2).sqrt(),
    "You add up absolute values. In the plane, the squares of the coordinates add up (Pythagoras).": lambda away: (
        away.abs().sum(2)
    ),
    "You take the mean over the coordinates. In Pythagoras' theorem they are added up.": lambda away: (
        away.square().mean(2)
    ),
    "You add up the differences first and square afterwards: opposite signs cancel.": lambda away: away.sum(2).square(),
    "You add up the differences without squaring them: opposite signs cancel.": lambda away: away.sum(2),
    "You square the squared distance.": lambda away: away.square().sum(2).square(),
    "You keep the largest coordinate only. All of them count.": lambda away: away.square().amax(2),
    "You look at the first coordinate only. All of them count.": lambda away: away[..., 0].square(),
    "You look at the first two coordinates only. Points may have more: add up over the last axis.": lambda away: (
        away[..., :2].square().sum(2)
    ),
    "You look at the last coordinate only. All of them count.": lambda away: away[..., -1].square(),
    "The coordinates have not been added up: one number for every pair is asked for.": lambda away: away.square(),
    "You added up over the points. The coordinates are to be added up: they are on the last axis.": lambda away: (
        away.square().sum(1)
    ),
    "You added up over the batch. The coordinates are to be added up: they are on the last axis.": lambda away: (
        away.square().sum(0)
    ),
    "You added up everything that belongs to one x: every point needs a distance of its own.": lambda away: (
        away.square().sum((1, 2))
    ),
    "You added up everything: every pair of x and point needs a distance of its own.": lambda away: away.square().sum(),
    "These are the distances to the nearest points only: all of them are asked for.": lambda away: (
        away.square().sum(2).amin(1)
    ),
}


def _distances(scale, length):
    """The answer that is made of these two parts."""

    def answer(x, points, t, schedule):
        x, points = scale(x, points, schedule.signal[t], schedule.noise[t])
        return length(x[:, None] - points)

    return answer


SQUARED_DISTANCES = Exercise(
    title="From every x to every point",
    answer=squared_distances,
    means="`x[:, None]` is (b, 1, d) and the points are (n, d): broadcasting makes every pair at once, (b, n, d).",
    draw=lambda random: draw(random, lowest=0, faint=0),
    mistakes=(
        *combined(_distances, SCALES, LENGTHS),
        *named(
            {
                "You compare row k of x with point k only. Every x has a distance to every point.": (
                    lambda x, points, t, c: (x - c.signal[t] * points[: len(x)]).square().sum(1)
                ),
                "You divide by the noise's variance. That comes in the next exercise.": (
                    lambda x, points, t, c: squared_distances(x, points, t, c) / c.noise[t] ** 2,
                    lambda x, points, t, c: squared_distances(x, points, t, c) / (2 * c.noise[t] ** 2),
                ),
                "You subtract the noise rate as well. Nobody knows the noise: compare x with the place of the point "
                "without noise.": (
                    lambda x, points, t, c: (x[:, None] - c.signal[t] * points - c.noise[t]).square().sum(2),
                    lambda x, points, t, c: (x[:, None] - c.signal[t] * points + c.noise[t]).square().sum(2),
                ),
                "You subtract the two squared lengths. Square the difference, not each side.": (
                    lambda x, points, t, c: x.square().sum(1)[:, None] - (c.signal[t] * points).square().sum(1),
                ),
                "You left out the product of x and the point when you multiplied the square out.": (
                    lambda x, points, t, c: x.square().sum(1)[:, None] + (c.signal[t] * points).square().sum(1),
                ),
                "This is the product of x and the point. It is one part of the square of their difference.": (
                    lambda x, points, t, c: x @ (c.signal[t] * points).T
                ),
            }
        ),
    ),
    properties=(
        Property("A squared distance is never negative.", lambda result, *_: bool((result >= -1e-6).all())),
        Property(
            "Where x is large, your numbers stay small: is every coordinate squared and added?",
            lambda result, x, points, t, c: bool((result[-1] > 0.05 * squared_distances(x, points, t, c)[-1]).all()),
        ),
    ),
    example=example,
    where=where,
    line="Look at the line that subtracts: what is multiplied by which rate, and how do (b, d) and (n, d) meet?",
)

# 03.2: how close --------------------------------------------------------------------------------------------------


def closeness(x, points, t, schedule):
    return (-squared_distances(x, points, t, schedule) / (2 * schedule.noise[t] ** 2)).softmax(1)


NEARNESS = {hint: scale for hint, scale in SCALES.items() if "minus" not in hint}
TEMPERS = {
    "": lambda d2, s, n: d2 / (2 * n**2),
    "A factor is missing under the distance: look at the exponent of a Gaussian again.": lambda d2, s, n: d2 / n**2,
    "The exponent has a rate where its square, the variance, belongs.": lambda d2, s, n: d2 / (2 * n),
    "The exponent has a rate where its square belongs, and a factor is missing.": lambda d2, s, n: d2 / n,
    "You square the two as well: only the noise rate is squared.": lambda d2, s, n: d2 / (2 * n) ** 2,
    "The noise is missing in the exponent: how strict the weights are depends on the timestep.": lambda d2, s, n: d2,
    "The noise is missing in the exponent: only the two is there.": lambda d2, s, n: d2 / 2,
    "You multiply by the variance where you should divide: more noise must make the weights more equal.": (
        lambda d2, s, n: d2 * 2 * n**2
    ),
    "The two stands above the line, and it belongs below.": lambda d2, s, n: 2 * d2 / n**2,
    "You divide by the two first and then multiply by the variance: brackets are missing.": (
        lambda d2, s, n: d2 / 2 * n**2
    ),
    "You took the variance of the noise to be what the signal leaves. On this schedule the squares do not add to "
    "one: read the noise table.": lambda d2, s, n: d2 / (2 * (1 - s**2)),
    "You divide by the signal's power. How far a point strays depends on the noise.": lambda d2, s, n: d2 / (2 * s**2),
    "You took the distance, not its square.": lambda d2, s, n: d2.sqrt() / (2 * n**2),
    "You took the distance and the noise rate: both are squared in a Gaussian.": lambda d2, s, n: d2.sqrt() / n,
    "You took the distance, not its square, and the rate, not the variance.": lambda d2, s, n: d2.sqrt() / (2 * n),
    "You squared the squared distance.": lambda d2, s, n: d2**2 / (2 * n**2),
    "You squared the variance.": lambda d2, s, n: d2 / (2 * n**4),
    "A Gaussian's exponent has a minus: your largest weight belongs to the point that is farthest away.": (
        lambda d2, s, n: -d2 / (2 * n**2)
    ),
}
WEIGHTS = {
    "": lambda z: (-z).softmax(1),
    "You made the columns sum to one: the softmax runs over the batch. For each x, the weights of all points sum to "
    "one.": lambda z: (-z).softmax(0),
    "All weights together sum to one. Each x has weights of its own: every row does.": lambda z: (
        (-z).flatten().softmax(0).view_as(z)
    ),
    "The weights of a row do not sum to one: they have to be divided by their sum.": lambda z: (-z).exp(),
    "You divided by the largest weight, not by the sum.": lambda z: (-z).exp() / (-z).exp().amax(1, keepdim=True),
    "You divided by the largest weight, not by the sum; and subtracted the maximum first.": lambda z: (
        z.amin(1, keepdim=True) - z
    ).exp(),
    "You divided by the mean of the row, not by its sum.": lambda z: z.shape[1] * (-z).softmax(1),
    "Only the nearest point gets a weight. In noise, every point could be the one behind x, some more, some less.": (
        lambda z: torch.nn.functional.one_hot(z.argmin(1), z.shape[1]).double()
    ),
    "These are logarithms of weights.": lambda z: (-z).log_softmax(1),
    "These are the exponents. The exponential and the division by the sum are missing.": lambda z: -z,
    "At low noise, or far from all points, every exponential becomes 0, and 0 / 0 is NaN. Subtract the largest "
    "exponent of the row first, or use softmax, which does that.": lambda z: (
        (-z).exp() / (-z).exp().sum(1, keepdim=True)
    ),
    "Far from all points every exponential becomes 0, and your small number below the line leaves rows of zeros. "
    "Subtract the largest exponent of the row first.": lambda z: (-z).exp() / ((-z).exp().sum(1, keepdim=True) + 1e-8),
    "You divided the exponentials by the sums of the columns.": lambda z: (-z).exp() / (-z).exp().sum(0),
    "You divided the exponentials by the sum of all.": lambda z: (-z).exp() / (-z).exp().sum(),
    "You subtracted the largest exponent of all rows. Far from all points a row is still too small: each row needs its "
    "own largest exponent.": lambda z: (z.amin() - z).exp() / (z.amin() - z).exp().sum(1, keepdim=True),
    "You weighted with one divided by the exponent. A Gaussian falls much faster.": lambda z: (
        (1 / z) / (1 / z).sum(1, keepdim=True)
    ),
    "You shared the exponents themselves among the points. Take their exponentials first.": lambda z: (
        z / z.sum(1, keepdim=True)
    ),
    "You took a sigmoid of each: the weights of a row must sum to one together.": lambda z: (-z).sigmoid(),
    "Every point has the same weight: the distance does not enter.": lambda z: torch.full_like(z, 1 / z.shape[1]),
    "You lost one of the two axes: every pair of x and point has a weight.": lambda z: (-z.sum(1)).softmax(0),
}


def weighted(scale, temper, weights):
    """The answer that is made of these three parts."""

    def answer(x, points, t, c):
        signal, rate = c.signal[t], c.noise[t]
        x, points = scale(x, points, signal, rate)
        return weights(temper((x[:, None] - points).square().sum(2), signal, rate))

    return answer


CLOSENESS = Exercise(
    title="How much each point explains x",
    answer=closeness,
    means="This is Bayes' rule for a data set: the probability of each point to be the clean one behind x.",
    draw=draw,
    mistakes=(
        *one_wrong(weighted, NEARNESS, TEMPERS, WEIGHTS),
        *combined(weighted, chosen(NEARNESS, 1, 2, 4, 6), chosen(TEMPERS, 1, 2, 5, 10), chosen(WEIGHTS, 1, 3)),
    ),
    properties=(
        Property("A weight is never negative.", lambda w, *_: bool((w >= -1e-6).all())),
        Property(
            "The weights of one x must sum to one: every row, at every noise level.",
            lambda w, *_: torch.allclose(w.sum(1), torch.ones(len(w)).double(), atol=1e-4),
        ),
        Property(
            "The noised point that is nearest to x must have the largest weight.",
            lambda w, x, points, t, c: bool(torch.equal(w.argmax(1), squared_distances(x, points, t, c).argmin(1))),
        ),
        Property(
            "Your weights are too equal: a far point explains x worse than you say. What divides the squared distance?",
            lambda w, *inputs: bool((w.amax(1) > closeness(*inputs).amax(1) - 1e-4).all()),
        ),
        Property(
            "Your weights are too strict: a second point explains x better than you say. What divides the squared "
            "distance?",
            lambda w, *inputs: bool((w.amax(1) < closeness(*inputs).amax(1) + 1e-4).all()),
        ),
    ),
    example=example,
    where=where,
    line="Look at the exponent (what is divided by what?) and at the axis along which the weights sum to one.",
)
