"""The exercises of lesson 02, denoising once: what they expect, and the mistakes that have a name."""

import math

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import combined, distinct, named
from diffusion_edu.lessons.checks.inputs import images, noise, number
from diffusion_edu.lessons.exercises.lesson_02_best import BEST_PREDICTION
from diffusion_edu.lessons.exercises.lesson_02_rates import EPS_FROM_X0, PRESERVING, SHAPE, X0_FROM_EPS

# 02.3: find the bug ---------------------------------------------------------------------------------------------------


def _turned(random):
    theta = 0.15 + 1.25 * torch.rand(SHAPE[0], generator=random, dtype=torch.float64)
    return images(random, *SHAPE), noise(random, *SHAPE), theta


def _turn_back(of_y, of_v, angle=lambda theta: theta):
    """The answer of_y * y + of_v * v; both are functions of cosine and sine of the angle."""

    def answer(y, v, theta):
        wide = angle(theta).view(-1, 1, 1, 1)
        return of_y(wide.cos(), wide.sin()) * y + of_v(wide.cos(), wide.sin()) * v

    return answer


def _right_y(c, s):
    return c


def _right_v(c, s):
    return -s


GIVEN = _turn_back(_right_y, lambda c, s: s)
V_IS_NOT_NOISE = "v was treated as if it were the noise. It is noise and image together, turned by the same angle."
V_MISTAKES = (
    *named(
        {
            V_IS_NOT_NOISE: _turn_back(lambda c, s: 1 / c, lambda c, s: -s / c),
            "This is the noise. The same turn gives the image with the other pair of factors.": _turn_back(
                lambda c, s: s, lambda c, s: c
            ),
            "All images of the batch were turned by the first angle. Each has an angle of its own.": _turn_back(
                _right_y, _right_v, lambda theta: theta[:1].expand_as(theta)
            ),
            "All images of the batch were turned by the mean angle. Each has an angle of its own.": _turn_back(
                _right_y, _right_v, lambda theta: theta.mean().expand_as(theta)
            ),
            "The angles were taken for degrees. They are radians.": _turn_back(
                _right_y, _right_v, lambda theta: theta * math.pi / 180
            ),
            "The angles were turned into degrees. They are radians, as the cosine wants them.": _turn_back(
                _right_y, _right_v, lambda theta: theta * 180 / math.pi
            ),
            "The angle was scaled by a quarter turn. It is given in radians already.": _turn_back(
                _right_y, _right_v, lambda theta: theta * math.pi / 2
            ),
            "The sign of v is still wrong, and now the factor of y as well.": (
                _turn_back(lambda c, s: s, lambda c, s: s),
                _turn_back(lambda c, s: 1, lambda c, s: s),
                _turn_back(lambda c, s: -c, lambda c, s: s),
                _turn_back(lambda c, s: 1 / c, lambda c, s: s / c),
            ),
            "The angles of the batch came in reverse order.": _turn_back(
                _right_y, _right_v, lambda theta: theta.flip(0)
            ),
        }
    ),
    *combined(
        _turn_back,
        {
            "": _right_y,
            "Look at the factor of y: at angle 0 y is the clean image, and must come back.": lambda c, s: s,
            "y was not multiplied by anything. At a quarter turn y is noise, and nothing of it should be left.": (
                lambda c, s: 1
            ),
            "The factor of y was squared.": lambda c, s: c**2,
            "y was divided where it should be multiplied: a turn back uses the same factors.": lambda c, s: 1 / c,
            "y has the wrong sign.": lambda c, s: -c,
            "y is missing: it holds the image, too.": lambda c, s: 0,
        },
        {
            "": _right_v,
            "Look at the factor of v: at angle 0 v is noise, and nothing of it should be left.": lambda c, s: -c,
            "Look at the factor of v, and at its sign: at angle 0 v is noise, and nothing of it should be left.": (
                lambda c, s: c
            ),
            "v was not multiplied by anything.": lambda c, s: -1,
            "v was added as it is.": lambda c, s: 1,
            "The factor of v was squared.": lambda c, s: -(s**2),
            "v is missing: it holds the image, too.": lambda c, s: 0,
            "v was divided by the cosine.": lambda c, s: -s / c,
        },
    ),
)

X0_FROM_V = Exercise(
    title="Find the bug: the image from v",
    draw=_turned,
    answer=_turn_back(_right_y, _right_v),
    given=GIVEN,
    means="A turn is undone by a turn of the same size the other way: no division, so nothing can explode.",
    linear=("y", "v"),
    example=lambda: (
        torch.ones(1, 1, 1, 2),
        torch.full((1, 1, 1, 2), 0.5),
        torch.tensor([math.pi / 6], dtype=torch.float64),
    ),
    where=lambda y, v, theta: f"cos = {theta[0].cos():.3g} and sin = {theta[0].sin():.3g}",
    line="Put in a quarter turn: y is then the noise, and v is the image with a minus. What comes out?",
    mistakes=distinct(_turned, V_MISTAKES),
    properties=(
        Property(
            "Put your image back: with the noise that belongs to it, it must give y again. It does not.",
            lambda x0, y, v, theta: torch.allclose(
                (c := theta.cos().view(-1, 1, 1, 1)) * x0 + (s := theta.sin().view(-1, 1, 1, 1)) * (s * y + c * v),
                y,
                atol=1e-4,
            ),
        ),
    ),
)

# 02.5: one prediction, two errors -------------------------------------------------------------------------------------


def _errors(random):
    signal, noise_rate = number(random, 0.1, 0.95), number(random, 0.1, 0.95)
    return number(random, 0.01, 0.8), signal, signal if number(random, 0, 1) < 0.3 else noise_rate


RATIO = "A squared error grows with the square of a factor, as a variance does."
EPS_ERROR = Exercise(
    title="One prediction, two errors",
    draw=_errors,
    answer=lambda x0_error, signal, noise: (signal / noise) ** 2 * x0_error,
    means="The error of eps is the signal-to-noise ratio times that of x0: a small loss may mean a poor prediction.",
    example=lambda: (0.1, 0.8, 0.4),
    line="Write eps_hat - eps with x0_hat - x0. By which factor do they differ, and what does squaring do to it?",
    mistakes=named(
        {
            RATIO: lambda e, s, n: s / n * e,
            f"{RATIO} And there is a root.": (
                lambda e, s, n: (s / n) ** 0.5 * e,
                lambda e, s, n: (s / n) ** 0.5 * e**0.5,
            ),
            f"{RATIO} And the ratio is upside down.": lambda e, s, n: n / s * e,
            "You squared the error, too: it is a square already.": (
                lambda e, s, n: (s / n) ** 2 * e**2,
                lambda e, s, n: s / n * e**2,
            ),
            "The error is a square already, and you took its root.": lambda e, s, n: (s / n) ** 2 * e**0.5,
            "The signal rate is missing.": lambda e, s, n: e / n**2,
            "The signal rate is missing, and the noise rate is not squared.": lambda e, s, n: e / n,
            "The noise rate is missing.": (lambda e, s, n: s**2 * e, lambda e, s, n: s * e),
            "You used the noise rate only, as a factor.": (lambda e, s, n: n**2 * e, lambda e, s, n: n * e),
            "The signal rate is not squared.": lambda e, s, n: s / n**2 * e,
            "The noise rate is not squared.": lambda e, s, n: s**2 / n * e,
            "The signal rate stands on the wrong side of the line.": (
                lambda e, s, n: e / (s * n) ** 2,
                lambda e, s, n: e / s**2,
                lambda e, s, n: e / s,
            ),
            "You multiplied by both rates. One of them belongs below the line.": (
                lambda e, s, n: (s * n) ** 2 * e,
                lambda e, s, n: s * n * e,
            ),
            PRESERVING: (
                lambda e, s, n: s**2 / (1 - s**2) * e,
                lambda e, s, n: (1 - n**2) / n**2 * e,
            ),
            f"{PRESERVING} And the ratio is upside down.": (
                lambda e, s, n: (1 - s**2) / s**2 * e,
                lambda e, s, n: n**2 / (1 - n**2) * e,
            ),
            "You subtracted the two powers. One divides the other.": lambda e, s, n: (s**2 - n**2) * e,
            "You added something: an error of zero must stay zero.": (
                lambda e, s, n: (s / n) ** 2 + e,
                lambda e, s, n: s**2 * e + n**2,
                lambda e, s, n: (s**2 + n**2) * e,
            ),
            "You treated it as a mean of two errors.": lambda e, s, n: (s**2 * e + n**2) / (s**2 + n**2),
            "These are decibels. You need a plain factor.": lambda e, s, n: 20 * math.log10(s / n) * e,
            "This is the ratio only. The error of x0 has to come in.": lambda e, s, n: (s / n) ** 2,
            "An exponent of four: you squared twice.": lambda e, s, n: (s / n) ** 4 * e,
        }
    ),
    properties=(
        Property("A squared error is never negative.", lambda result, *_: result >= 0),
        Property(
            "Where the two rates are equal, the two errors must be equal.",
            lambda result, e, s, n: s != n or abs(result - e) < 1e-4,
        ),
        Property(
            "Where the signal is stronger than the noise, the error of eps must be larger, else smaller.",
            lambda result, e, s, n: s == n or (result > e) == (s > n),
        ),
    ),
)

EXERCISES = {"02.1": EPS_FROM_X0, "02.2": X0_FROM_EPS, "02.3": X0_FROM_V, "02.4": BEST_PREDICTION, "02.5": EPS_ERROR}
