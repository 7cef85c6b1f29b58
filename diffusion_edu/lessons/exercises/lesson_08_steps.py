"""Exercises 08.2 and 08.3, the two steps of cold diffusion: what they expect, and the mistakes that have a name.

In the wrong answers r is restore and d is degrade.
"""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import named


def _machines(random):
    """A restorer and a degradation, both straight lines, and an image with its two timesteps."""
    t, s = inputs.two_timesteps(random, 10)
    gain, shift, speed = (inputs.number(random, low, high) for low, high in ((0.6, 1.6), (-0.5, 0.5), (0.04, 0.09)))
    cloud = inputs.noise(random, 2, 3, 4, 5)
    restore = lambda x, t: gain * x + shift * t + 0.3  # noqa: E731
    degrade = lambda x0, t: x0 * (1 - speed * t) + 0.1 * t * cloud  # noqa: E731
    return restore, degrade, inputs.images(random, 2, 3, 4, 5), t, s


def _by_hand(*_):
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    return (lambda x, t: x + t / 10), (lambda x0, t: x0 * (1 - t / 10)), x, 5, 2


def _in_words(restore, degrade, x, t, s):
    machines = "restore(x, t) = x + t/10, degrade(x0, t) = x0 (1 - t/10), x is one pixel of value 1, "
    return f"{machines if x.numel() == 1 else ''}t = {t} and s = {s}"


def _naive_step(restore, degrade, x, t, s):
    return degrade(restore(x, t), s)


def _cold_step(restore, degrade, x, t, s):
    x0_hat = restore(x, t)
    return x - degrade(x0_hat, t) + degrade(x0_hat, s)


def _one_by_one(restore, degrade, x, t, s):
    for k in range(t, s, -1):
        x = degrade(restore(x, k), k - 1)
    return x


NAIVE_STEP = Exercise(
    title="Restore, then degrade less",
    draw=_machines,
    answer=_naive_step,
    means="This is algorithm 1 of Bansal et al. (2022). Nothing of x survives, except what the restorer saw in it.",
    example=_by_hand,
    where=_in_words,
    line="Look at the two timesteps: with which one was x made, and at which one should the result be?",
    mistakes=named(
        {
            "You degrade the prediction to the timestep you came from. So the walk never gets lower.": (
                lambda r, d, x, t, s: d(r(x, t), t)
            ),
            "The restorer has to know how degraded x is. You gave it the timestep of the result.": (
                lambda r, d, x, t, s: d(r(x, s), s)
            ),
            "The two timesteps have changed places: x is at t, and the result should be at s.": (
                lambda r, d, x, t, s: d(r(x, s), t)
            ),
            "This is the prediction of the clean image. It has to be degraded again, to the lower timestep.": (
                lambda r, d, x, t, s: r(x, t)
            ),
            "You degrade x once more. x is degraded already: first restore it.": (
                lambda r, d, x, t, s: d(x, s),
                lambda r, d, x, t, s: d(x, t),
            ),
            "You degrade first and restore after that. It is the other way round.": (
                lambda r, d, x, t, s: r(d(x, t), s),
                lambda r, d, x, t, s: r(d(x, s), t),
                lambda r, d, x, t, s: r(d(x, t), t),
                lambda r, d, x, t, s: r(d(x, s), s),
            ),
            "s is a timestep by itself. You degrade by the difference of the two timesteps.": (
                lambda r, d, x, t, s: d(r(x, t), t - s),
                lambda r, d, x, t, s: d(r(x, t - s), t - s),
            ),
            "You walk down one timestep at a time, each with its own prediction. This step leads directly to s.": (
                _one_by_one
            ),
            "degrade(x0, t) takes the image first, then the timestep. You exchanged them.": (
                lambda r, d, x, t, s: d(s, r(x, t))
            ),
            "You always go down by one timestep. The step should end at s, however far that is.": (
                lambda r, d, x, t, s: d(r(x, t), t - 1)
            ),
            "You go down by one timestep more. The step should end exactly at s.": (
                lambda r, d, x, t, s: d(r(x, t), max(s - 1, 0))
            ),
            "This is algorithm 2, the careful one. Algorithm 1 uses the prediction only.": _cold_step,
            "You degrade the prediction twice. Once is enough, directly to s.": (
                lambda r, d, x, t, s: d(d(r(x, t), t), s),
                lambda r, d, x, t, s: d(d(r(x, t), s), t),
                lambda r, d, x, t, s: d(d(r(x, t), s), s),
            ),
            "You restore twice. One prediction is enough.": (
                lambda r, d, x, t, s: d(r(r(x, t), t), s),
                lambda r, d, x, t, s: d(r(r(x, t), s), s),
            ),
            "The result is a pair. Only x at timestep s is asked for.": (
                lambda r, d, x, t, s: torch.stack([d(r(x, t), s), r(x, t)]),
                lambda r, d, x, t, s: torch.stack([r(x, t), d(r(x, t), s)]),
            ),
            "You mix x with the result. Algorithm 1 uses the prediction only.": (
                lambda r, d, x, t, s: (x + d(r(x, t), s)) / 2,
                lambda r, d, x, t, s: x + d(r(x, t), s),
            ),
            "You subtract x from the result. Algorithm 1 uses the prediction only.": (
                lambda r, d, x, t, s: d(r(x, t), s) - x,
                lambda r, d, x, t, s: x - d(r(x, t), s),
            ),
            "You give restore the difference of the two timesteps. It needs the timestep of x.": (
                lambda r, d, x, t, s: d(r(x, t - s), s)
            ),
            "You clip the result. The degradation decides which values are possible.": (
                lambda r, d, x, t, s: d(r(x, t), s).clamp(-1, 1),
                lambda r, d, x, t, s: d(r(x, t).clamp(-1, 1), s),
            ),
        }
    ),
    properties=(
        Property(
            "At s = 0 the degradation does nothing, so the prediction itself must come back.",
            lambda result, r, d, x, t, s: s > 0 or torch.allclose(result, r(x, t), rtol=1e-4),
        ),
    ),
)

COLD_STEP = Exercise(
    title="The careful step",
    draw=_machines,
    answer=_cold_step,
    means="This is algorithm 2. Both degradations contain the same error, so most of it cancels in their difference.",
    example=_by_hand,
    where=_in_words,
    line="There are three terms: x, what is taken away, and what is put in its place. Check each of them.",
    mistakes=named(
        {
            "This is algorithm 1: it forgets x. Start from x and change it only by a difference.": _naive_step,
            "You degrade x itself. x is degraded already: the two degradations belong to the prediction.": (
                lambda r, d, x, t, s: x - d(x, t) + d(x, s)
            ),
            "The change has the wrong direction. Take away the degradation at t, and put in the one at s.": (
                lambda r, d, x, t, s: x + d(r(x, t), t) - d(r(x, t), s)
            ),
            "The restorer has to know how degraded x is. You gave it the timestep of the result.": (
                lambda r, d, x, t, s: x - d(r(x, s), t) + d(r(x, s), s)
            ),
            "You add the new degradation and never take the old one away.": lambda r, d, x, t, s: x + d(r(x, t), s),
            "You take the old degradation away and put nothing in its place.": lambda r, d, x, t, s: x - d(r(x, t), t),
            "Both degradations are added. One of them has to be taken away.": (
                lambda r, d, x, t, s: x + d(r(x, t), t) + d(r(x, t), s)
            ),
            "Both degradations are taken away. One of them has to be put in.": (
                lambda r, d, x, t, s: x - d(r(x, t), t) - d(r(x, t), s)
            ),
            "You start from the prediction. Start from x: it holds what the prediction has lost.": (
                lambda r, d, x, t, s: r(x, t) - d(r(x, t), t) + d(r(x, t), s)
            ),
            "You start from the prediction and degrade x. It is the other way round.": (
                lambda r, d, x, t, s: r(x, t) - d(x, t) + d(x, s)
            ),
            "degrade(x0, t) takes the image first, then the timestep. You exchanged them.": (
                lambda r, d, x, t, s: x - d(t, r(x, t)) + d(s, r(x, t))
            ),
            "You go a fraction of the way from x to the prediction. Use the degradation at both timesteps.": (
                lambda r, d, x, t, s: x - (t - s) / t * (x - r(x, t)),
                lambda r, d, x, t, s: x + (s / t) * (x - r(x, t)),
            ),
            "You degrade the difference. Degrade the prediction twice, and take the difference after that.": (
                lambda r, d, x, t, s: d(x - d(r(x, t), t), s),
                lambda r, d, x, t, s: x + d(r(x, t) - x, s),
                lambda r, d, x, t, s: x - d(r(x, t) - x, t) + d(r(x, t) - x, s),
            ),
            "This is only the change. It has to be added to x.": (
                lambda r, d, x, t, s: d(r(x, t), s) - d(r(x, t), t),
                lambda r, d, x, t, s: d(r(x, t), t) - d(r(x, t), s),
            ),
            "You put in the prediction itself. It has to be degraded to the lower timestep first.": (
                lambda r, d, x, t, s: x - d(r(x, t), t) + r(x, t)
            ),
            "You take away the prediction itself. Take away what it looks like at timestep t.": (
                lambda r, d, x, t, s: x - r(x, t) + d(r(x, t), s),
                lambda r, d, x, t, s: x - r(x, t) + d(x, s),
            ),
            "One of the two degradations is that of x. Both belong to the prediction.": (
                lambda r, d, x, t, s: x - d(x, t) + d(r(x, t), s),
                lambda r, d, x, t, s: x - d(r(x, t), t) + d(x, s),
            ),
            "You degrade by the difference of the two timesteps. Each degradation counts from the clean image.": (
                lambda r, d, x, t, s: x - d(r(x, t), t - s),
                lambda r, d, x, t, s: x - d(r(x, t), t) + d(r(x, t), t - s),
                lambda r, d, x, t, s: x + d(r(x, t), t - s),
                lambda r, d, x, t, s: d(r(x, t), t - s),
            ),
            "You make a second prediction, at s. Both degradations must belong to the same prediction.": (
                lambda r, d, x, t, s: x - d(r(x, t), t) + d(r(x, s), s)
            ),
            "You always go down by one timestep. The step should end at s, however far that is.": (
                lambda r, d, x, t, s: x - d(r(x, t), t) + d(r(x, t), t - 1)
            ),
            "This is the prediction. It has to be used for a change of x.": lambda r, d, x, t, s: r(x, t),
            "The result is a pair. Only x at timestep s is asked for.": (
                lambda r, d, x, t, s: torch.stack([_cold_step(r, d, x, t, s), r(x, t)]),
                lambda r, d, x, t, s: torch.stack([r(x, t), _cold_step(r, d, x, t, s)]),
            ),
            "You scale x by a quotient. The careful step adds a difference.": (
                lambda r, d, x, t, s: x * d(r(x, t), s) / d(r(x, t), t)
            ),
            "You use the mean of x and the new degradation. The careful step adds a difference.": (
                lambda r, d, x, t, s: (x + d(r(x, t), s)) / 2
            ),
            "You restore after the step. x at timestep s is asked for.": (
                lambda r, d, x, t, s: r(_cold_step(r, d, x, t, s), s),
                lambda r, d, x, t, s: r(_cold_step(r, d, x, t, s), t),
            ),
            "You degrade the result once more.": lambda r, d, x, t, s: d(_cold_step(r, d, x, t, s), s),
            "You clip the result. Errors that would cancel later are cut off.": (
                lambda r, d, x, t, s: _cold_step(r, d, x, t, s).clamp(-1, 1),
                lambda r, d, x, t, s: _cold_step(lambda x, t: r(x, t).clamp(-1, 1), d, x, t, s),
            ),
        }
    ),
    properties=(
        Property(
            "If the restorer is perfect at this x, the step must land on the degradation of its prediction at s.",
            lambda result, r, d, x, t, s: not torch.allclose(d(r(x, t), t), x) or torch.allclose(result, d(r(x, t), s)),
        ),
    ),
)
