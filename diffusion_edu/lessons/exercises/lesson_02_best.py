"""The exercise of lesson 02 about the best prediction, and the mistakes that have a name."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import combined, named
from diffusion_edu.lessons.checks.inputs import bent_schedule, noise, number, whole
from diffusion_edu.lessons.exercises.lesson_02_rates import PRESERVING, SHAPE, half_way, wrong_only


def _gaussian(random):
    t = 0 if number(random, 0, 1) < 0.15 else whole(random, 1, 10)
    return noise(random, *SHAPE), t, number(random, -1, 1), number(random, 0.3, 1.6), bent_schedule(random)


def _shrunk(top, below, away, start=lambda m, s: m):
    """The answer start + top / below * away; functions of the rates s, n, of mean m and variance v."""

    def answer(x, t, mean, std, schedule):
        s, n, v = schedule.signal[t], schedule.noise[t], std**2
        return start(mean, s) + top(s, v) / below(s, n, v) * away(x, mean, s)

    return answer


def _part(top, below, away, start):
    return _shrunk(top, below, away, start)


def _is_multiple(a, b):
    """Whether a is one number times b."""
    factor = (a * b).sum() / b.square().sum()
    return a.shape == b.shape and torch.allclose(a, factor * b, atol=1e-6)


BEST_RIGHT = _shrunk(lambda s, v: s * v, lambda s, n, v: s**2 * v + n**2, lambda x, m, s: x - s * m)
ALL_X = "This undoes the forward process as if x held no noise. What is it at the last timestep?"
BEST_MISTAKES = (
    *named(
        {
            ALL_X: lambda x, t, mean, std, schedule: x / schedule.signal[t],
            "You always predict the mean. At a low timestep x says much more than that.": (
                lambda x, t, mean, std, schedule: torch.full_like(x, mean),
                lambda x, t, mean, std, schedule: mean,
            ),
            "This is the mean of x at timestep t, not that of the clean image.": (
                lambda x, t, mean, std, schedule: schedule.signal[t] * torch.full_like(x, mean)
            ),
            "This is a mean of x and the mean with equal weights. The weights depend on how noisy x is.": (
                lambda x, t, mean, std, schedule: (x / schedule.signal[t] + mean) / 2
            ),
            "The weights are the two rates. But variances decide how much weight x gets.": (
                lambda x, t, mean, std, schedule: schedule.signal[t] * x + schedule.noise[t] * mean,
                lambda x, t, mean, std, schedule: (
                    (schedule.signal[t] * x + schedule.noise[t] * mean) / (schedule.signal[t] + schedule.noise[t])
                ),
            ),
            "The weights are the powers of the rates. The standard deviation of the images counts as well.": (
                lambda x, t, mean, std, schedule: schedule.signal[t] ** 2 * x + (1 - schedule.signal[t] ** 2) * mean
            ),
        }
    ),
    *combined(
        _part,
        {
            "": lambda s, v: s * v,
            "Above the line a rate is missing, or you divided by it: how much of the image is in x?": lambda s, v: v,
            "The sign is wrong: where x is above its mean, the clean image probably is above its mean, too.": (
                lambda s, v: -s * v
            ),
            "Above the line stands the standard deviation of the images. Variances are compared here.": (
                lambda s, v: s * v**0.5
            ),
            "Above the line the standard deviation of the images is missing.": lambda s, v: s,
            "Above the line the signal rate was squared.": (lambda s, v: s**2 * v),
            "Above the line nothing says how much the images vary.": lambda s, v: 1,
        },
        {
            "": lambda s, n, v: s**2 * v + n**2,
            "Below the line should be the whole variance of x. The images do not have variance 1.": (
                lambda s, n, v: s**2 + n**2
            ),
            "Below the line should be the whole variance of x. The images have shrunk in it.": (
                lambda s, n, v: v + n**2
            ),
            "Below the line a rate is not squared. What does a variance do when its image is halved?": (
                lambda s, n, v: s * v + n**2
            ),
            "Below the line the noise rate is not squared.": lambda s, n, v: s**2 * v + n,
            "Below the line stands the standard deviation of the images in place of their variance.": (
                lambda s, n, v: s**2 * v**0.5 + n**2
            ),
            "Below the line only the image counts. The noise has a part in the variance of x.": lambda s, n, v: (
                s**2 * v
            ),
            "Below the line only the noise counts. The images have a part in the variance of x.": lambda s, n, v: n**2,
            "You did not divide by the variance of x. That is right only where x has variance 1.": lambda s, n, v: 1,
            "Below the line stands the standard deviation of x. Its variance belongs there.": (
                lambda s, n, v: (s**2 * v + n**2) ** 0.5
            ),
            PRESERVING: lambda s, n, v: s**2 * v + 1 - s**2,
        },
        {
            "": lambda x, m, s: x - s * m,
            "The mean of the images has shrunk in x, as they have.": lambda x, m, s: x - m,
            "How far x lies from its own mean counts, not x itself.": lambda x, m, s: x,
            "You used the mean of the numbers in x. How far x is from the mean that it has at timestep t counts.": (
                lambda x, m, s: x - x.mean()
            ),
        },
        {
            "": lambda m, s: m,
            "If x says nothing, the mean of the images should be left. What is left with you?": lambda m, s: 0,
            "If x says nothing, the mean of the clean images should be left, at full strength.": lambda m, s: s * m,
        },
    ),
)

BEST_PREDICTION = Exercise(
    title="The best prediction",
    draw=_gaussian,
    answer=BEST_RIGHT,
    means="The posterior mean: the more noise, the nearer to the mean. No prediction has a lower mean squared error.",
    example=lambda: (torch.tensor([[[[0.0, 1.0, 3.0]]]]), 1, 2.0, 2.0, half_way(0.5, 0.5)),
    where=lambda x, t, mean, std, schedule: (
        f"signal = {schedule.signal[t]:.3g}, noise = {schedule.noise[t]:.3g}, mean = {mean:.3g}, std = {std:.3g}, "
        f"x = {', '.join(f'{value:.3g}' for value in x.flatten()[:3])}"
    ),
    line="Look at three parts: where the prediction starts, how far x is from its own mean, and the factor between.",
    mistakes=wrong_only(_gaussian, BEST_RIGHT, BEST_MISTAKES),
    properties=(
        Property(
            "At timestep 0 x is the clean image: it must come back unchanged.",
            lambda r, x, t, *_: t or torch.allclose(r, x),
        ),
        Property(
            "Your prediction starts from the mean and looks how far x is from its own mean: right. The factor is not.",
            lambda r, x, t, mean, std, schedule: not _is_multiple(r - mean, x - schedule.signal[t] * mean),
        ),
        Property(
            "The best prediction lies between the mean and x divided by its signal rate. Yours does not.",
            lambda r, x, t, mean, std, schedule: bool(((r - mean) * (x / schedule.signal[t] - r) >= -1e-6).all()),
        ),
    ),
)
