"""Exercises 03.3 and 03.4: the exact denoiser, and the score that follows from its prediction."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, factors, named, one_wrong
from diffusion_edu.lessons.checks.inputs import noise, schedule, whole
from diffusion_edu.lessons.exercises.lesson_03_closeness import (
    NEARNESS,
    TEMPERS,
    WEIGHTS,
    closeness,
    draw,
    example,
    squared_distances,
    weighted,
    where,
)

# 03.3: the exact prediction ----------------------------------------------------------------------------------------


def exact_prediction(x, points, t, schedule):
    return closeness(x, points, t, schedule) @ points


MEANS = {
    "": lambda w, x, points, s, n: w @ points,
    "You average the noised points. The prediction is a clean point: average the clean ones.": (
        lambda w, x, points, s, n: w @ (s * points)
    ),
    "You divide by the signal rate, but the points that you average are clean already.": (
        lambda w, x, points, s, n: w @ points / s
    ),
    "This is the point with the largest weight. The smallest squared error has the mean over all of them.": (
        lambda w, x, points, s, n: points[w.argmax(1)]
    ),
    "This is the mean of all points, whatever x is: the weights do not enter.": (
        lambda w, x, points, s, n: points.mean(0).expand_as(x)
    ),
    "You divide by the number of points, but the weights sum to one already.": (
        lambda w, x, points, s, n: w @ points / len(points)
    ),
    "You divide by the number of rows of x, but the weights sum to one already.": (
        lambda w, x, points, s, n: w @ points / len(x)
    ),
    "This is a point chosen by chance or by order, and the weights do not enter.": (
        lambda w, x, points, s, n: points[: len(x)]
    ),
    "You square the weights.": lambda w, x, points, s, n: w**2 @ points,
    "You take a softmax of weights that sum to one already: that makes them nearly equal.": (
        lambda w, x, points, s, n: w.softmax(1) @ points
    ),
    "This is x brought back by the signal rate. It still holds all of its noise.": lambda w, x, points, s, n: x / s,
    "This is the noise that the prediction implies, not the prediction.": (
        lambda w, x, points, s, n: (x - s * (w @ points)) / n
    ),
    "This is the way from x to the prediction, not the prediction.": lambda w, x, points, s, n: w @ points - x,
    "This is the way from x to the noised prediction: that belongs to the score.": (
        lambda w, x, points, s, n: s * (w @ points) - x
    ),
    "You added up over the batch: every x has a prediction of its own.": lambda w, x, points, s, n: (w @ points).sum(0),
    "You averaged over the batch: every x has a prediction of its own.": lambda w, x, points, s, n: (w @ points).mean(
        0
    ),
    "The coordinates were added up as well: a prediction is a point.": lambda w, x, points, s, n: (w @ points).sum(1),
    "These are the weighted points, one for each pair. Add them up over the points.": (
        lambda w, x, points, s, n: w[:, :, None] * points
    ),
    "You average x, not the points.": lambda w, x, points, s, n: w.T @ x,
    "These are the weights. The prediction is the mean of the points with these weights.": (
        lambda w, x, points, s, n: w
    ),
    "These are the largest weights. The prediction is a mean of points.": lambda w, x, points, s, n: w.amax(1),
    "This is the index of the nearest point, not a point.": lambda w, x, points, s, n: w.argmax(1),
    "You mix x and the prediction half and half.": lambda w, x, points, s, n: (x + w @ points) / 2,
}


def _predicted(scale, temper, weights, mean):
    """The answer that takes this mean with the weights of _close."""

    def answer(x, points, t, c):
        w = weighted(scale, temper, weights)(x, points, t, c)
        return mean(w, x, points, c.signal[t], c.noise[t])

    return answer


EXACT_PREDICTION = Exercise(
    title="The exact denoiser",
    answer=exact_prediction,
    means="No network can have a smaller squared error on these points: it is the exact denoiser, the posterior mean.",
    draw=draw,
    mistakes=(
        *one_wrong(_predicted, NEARNESS, TEMPERS, chosen(WEIGHTS, 1, 2, 3, 4, 10, 11), MEANS),
        *combined(
            _predicted, chosen(NEARNESS, 1, 2), chosen(TEMPERS, 1, 2), chosen(WEIGHTS, 1, 3), chosen(MEANS, 1, 2)
        ),
    ),
    properties=(
        Property(
            "A mean of points lies among them: yours leaves the box that holds all the points. Do the weights sum to "
            "one?",
            lambda x0, x, points, *_: bool(((x0 <= points.amax(0) + 1e-4) & (x0 >= points.amin(0) - 1e-4)).all()),
        ),
        Property(
            "Where there is hardly any noise, the prediction must be the nearest noised point's clean one.",
            lambda x0, x, points, t, c: (
                c.noise[t] > 0.01 or torch.allclose(x0, points[squared_distances(x, points, t, c).argmin(1)], atol=1e-3)
            ),
        ),
    ),
    example=example,
    where=where,
    line="Look at the product: weights (b, n) times what, and is that clean or noised?",
)

# 03.4: the score ---------------------------------------------------------------------------------------------------


def score(x, x0_hat, t, schedule):
    return (schedule.signal[t] * x0_hat - x) / schedule.noise[t] ** 2


TOPS = {
    "": lambda x, x0, s, n: s * x0 - x,
    "The arrow points away from the data: start and end have changed places.": lambda x, x0, s, n: x - s * x0,
    "The prediction is a clean point. Bring it to timestep t (without noise) before you compare it with x.": (
        lambda x, x0, s, n: x0 - x
    ),
    "The prediction is a clean point, and the arrow points away from it.": lambda x, x0, s, n: x - x0,
    "You shrink x as well. It is at timestep t already.": lambda x, x0, s, n: s * (x0 - x),
    "You shrink x. It is at timestep t already; the prediction is not.": lambda x, x0, s, n: x0 - s * x,
    "The prediction is multiplied by alpha_bar, a power. Which rate belongs to a clean point?": (
        lambda x, x0, s, n: s**2 * x0 - x
    ),
    "The prediction is multiplied by the noise rate. Which rate belongs to a clean point?": (
        lambda x, x0, s, n: n * x0 - x
    ),
    "You divide the prediction by the signal rate: noising shrinks it.": lambda x, x0, s, n: x0 / s - x,
    "You divide x by the signal rate. The score belongs to the density at timestep t, so bring the prediction there.": (
        lambda x, x0, s, n: x0 - x / s
    ),
    "The plus should be a minus.": lambda x, x0, s, n: s * x0 + x,
    "The noise rate is multiplied with x. What has it to do with x here?": lambda x, x0, s, n: s * x0 - n * x,
    "x does not enter: an arrow has a start, too.": lambda x, x0, s, n: s * x0,
    "x does not enter: an arrow has a start, too. And the prediction is a clean point.": lambda x, x0, s, n: x0,
    "The prediction does not enter: the arrow always points to the middle.": lambda x, x0, s, n: -x,
}
BELOW = {
    "": lambda s, n: n**2,
    "Divided by the noise rate, the difference is the predicted noise up to its sign. The score is divided by the "
    "noise rate once more.": lambda s, n: n,
    "Nothing divides the difference: with less noise the density is steeper, so the arrow is longer.": lambda s, n: 1,
    "You took the noise's variance to be what the signal leaves. On this schedule the squares do not add to one.": (
        lambda s, n: 1 - s**2
    ),
    "You took the noise rate to be what the signal leaves, and squared it nowhere.": lambda s, n: 1 - s,
    "A two is left over from the exponent: the derivative of a square cancels it.": lambda s, n: 2 * n**2,
    "The two should have gone to the other side: the derivative of a square cancels it.": lambda s, n: n**2 / 2,
    "You divide by the signal's power. How steep the density is depends on the noise.": lambda s, n: s**2,
    "You divide by the signal rate. How steep the density is depends on the noise.": lambda s, n: s,
    "You squared the variance.": lambda s, n: n**4,
    "You divide by the third power of the noise rate.": lambda s, n: n**3,
    "You divide by the root of the noise rate.": lambda s, n: n**0.5,
    "You multiply by the variance where you should divide.": lambda s, n: n**-2.0,
    "You multiply by the noise rate where you should divide.": lambda s, n: 1 / n,
    "You divide by signal and noise rate: the signal rate has done its work above the line.": lambda s, n: s * n,
    "You divide by both powers together. Only the noise decides.": lambda s, n: s**2 + n**2,
}


def _arrow(top, below):
    """The answer that is one of these divided by the other."""
    return lambda x, x0_hat, t, c: top(x, x0_hat, c.signal[t], c.noise[t]) / below(c.signal[t], c.noise[t])


def _draw_score(random):
    made, d = schedule(random, 9), whole(random, 2, 3)
    return noise(random, 5, d), noise(random, 5, d), whole(random, 1, 8), made


def _example_of_score():
    random = torch.Generator().manual_seed(3)
    return _draw_score(random)


SCORE = Exercise(
    title="The arrow at x",
    answer=score,
    means=(
        "The score is the gradient of the log density at timestep t (Song et al. 2021): a denoiser, an eps network and "
        "a field of arrows are three names for one function."
    ),
    draw=_draw_score,
    mistakes=(
        *one_wrong(_arrow, TOPS, BELOW),
        *combined(_arrow, chosen(TOPS, 1, 2, 3, 6, 7, 10), chosen(BELOW, 1, 2, 3, 5, 6, 7, 9)),
        *named(
            {
                "Only one part of the difference is divided: brackets are missing.": (
                    lambda x, x0_hat, t, c: c.signal[t] * x0_hat - x / c.noise[t] ** 2,
                    lambda x, x0_hat, t, c: c.signal[t] * x0_hat / c.noise[t] ** 2 - x,
                    lambda x, x0_hat, t, c: c.signal[t] * x0_hat - x / c.noise[t],
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Where x is exactly the noised prediction, the arrow must have no length; and it must be built from "
            "nothing but x and the prediction.",
            lambda g, x, x0, t, c: _is_mixture(g, x, x0),
        ),
        Property(
            "The arrow must point from x to the noised prediction.",
            lambda g, x, x0, t, c: bool(((g * (c.signal[t] * x0 - x)).sum(1) > 0).all()),
        ),
        Property(
            "The direction is right, the length is not. By what is the difference divided?",
            lambda g, x, x0, t, c: (
                torch.nn.functional.cosine_similarity(g, c.signal[t] * x0 - x).min() < 1 - 1e-6
                or torch.allclose(g, score(x, x0, t, c), rtol=1e-3)
            ),
        ),
    ),
    linear=("x", "x0_hat"),
    example=_example_of_score,
    where=lambda x, x0, t, c: f"signal_t = {c.signal[t]:.3g} and noise_t = {c.noise[t]:.3g}",
    line="Look at what is above the line (where does the arrow start, where does it end?) and at the power below it.",
)


def _is_mixture(result, x, x0_hat):
    a, _ = factors(result, x, x0_hat)
    return a == a  # NaN: it is no mixture
