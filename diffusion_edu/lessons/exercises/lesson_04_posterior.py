"""The exercises of lesson 04 about one step: what is kept and added, and the mean and the noise of the posterior.

A step has a factor for x, one for x0_hat and one for the fresh noise. Each is a function of the four rates: signal and
noise at t, then signal and noise at s. Every wrong factor is combined with the others.
"""

from dataclasses import replace

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import combined, distinct, factors, named
from diffusion_edu.lessons.exercises.lesson_04_parts import (
    ADDED,
    KEPT,
    OF_X,
    OF_X0,
    OF_Z,
    Rates,
)
from diffusion_edu.schedules import Schedule

# a schedule for the probe; its squares do not add to one
EXAMPLE = Schedule("example", torch.tensor([1, 0.8, 0.4, 0]).double(), torch.tensor([0, 0.5, 0.9, 1.1]).double())


def at(t, s, schedule):
    r = Rates(t, s, schedule)
    return f"signal[t] = {r.St:.2g}, signal[s] = {r.Ss:.2g}, noise[t] = {r.Nt:.2g} and noise[s] = {r.Ns:.2g}"


def with_line(start, line, mistakes):
    """The mistakes; those whose hint begins with these words get another line to look at."""
    return tuple(replace(each, line=line) if each.hint.startswith(start) else each for each in mistakes)


def _pair(random):
    schedule = inputs.bent_schedule(random, 10)
    return *inputs.two_timesteps(random, 10), schedule


# 04.1: what is kept and what is added ---------------------------------------------------------------------------------


def _kept_and_added(kept, more):
    """The answer of these two parts; the second one uses the student's own first number."""

    def answer(t, s, schedule):
        r = Rates(t, s, schedule)
        return kept(r), more(kept(r), r)

    return answer


def _kept_only(kept):
    return lambda t, s, schedule: (kept(Rates(t, s, schedule)), Rates(t, s, schedule).a)


_both = _kept_and_added(KEPT[""], ADDED[""])
NO_SHRINKING = "In both numbers the image and its noise do not shrink on the way from s to t."
KEPT_AND_ADDED = Exercise(
    title="What is kept and what is added",
    draw=_pair,
    answer=_both,
    means="Rates multiply, variances add. These two numbers are all that a sampler must know about the schedule.",
    mistakes=with_line(
        ("The first number", "In your first number", "In both numbers"),
        "Look at the first number: which factor leads from the signal rate at s to the signal rate at t?",
        distinct(
            _pair,
            (
                *named(
                    {f"{hint} The second number is right.": _kept_only(part) for hint, part in KEPT.items() if hint}
                ),
                *named(
                    {
                        NO_SHRINKING: _kept_and_added(lambda r: 1 + 0 * r.St, ADDED[""]),
                        "In your first number the image does not shrink. The second number is right.": (
                            _kept_only(lambda r: 1 + 0 * r.St)
                        ),
                        "These are the numbers of one single step, to t from t - 1. Here s can be any other.": (
                            lambda t, s, schedule: _both(t, t - 1, schedule)
                        ),
                        "These are the two numbers of the jump from timestep 0. Here the jump starts at s.": (
                            lambda t, s, schedule: _both(t, 0, schedule)
                        ),
                        "Both numbers are right, in the wrong order: first what is kept, then what is added.": (
                            lambda t, s, schedule: _both(t, s, schedule)[::-1]
                        ),
                        "Only the first number came back. Two are asked for.": lambda t, s, schedule: _both(
                            t, s, schedule
                        )[0],
                        "Only the second number came back. Two are asked for.": lambda t, s, schedule: _both(
                            t, s, schedule
                        )[1],
                        "These are the two rates at t. Asked for is the way from s to t.": lambda t, s, schedule: (
                            schedule.signal[t],
                            schedule.noise[t],
                        ),
                    }
                ),
                *combined(_kept_and_added, KEPT, ADDED),
            ),
        ),
    ),
    properties=(
        Property(
            "First number: an image with the rate of s must have the rate of t after the jump.",
            lambda both, t, s, schedule: bool(abs(both[0] * schedule.signal[s] - schedule.signal[t]) < 1e-4),
        ),
        Property("Second number: a variance is never negative.", lambda both, t, s, schedule: bool(both[1] >= 0)),
        Property(
            "Second number: on the way from timestep 0 all the noise at t is new.",
            lambda both, t, s, schedule: s > 0 or bool(abs(both[1] - schedule.noise[t] ** 2) < 1e-4),
        ),
        Property(
            "Second number: the old noise, after it has shrunk, and the new noise together must have the variance of "
            "the noise at t.",
            lambda both, t, s, schedule: bool(abs(both[1] - Rates(t, s, schedule).a) < 1e-4),
        ),
    ),
    example=lambda *_: (2, 1, EXAMPLE),
    where=at,
    line="Look at the second number: how much variance has the noise of s left after it has shrunk?",
)

# 04.2: the mean of the posterior --------------------------------------------------------------------------------------


def mean_of(of_x, of_x0):
    def answer(x, x0_hat, t, s, schedule):
        return of_x(Rates(t, s, schedule)) * x + of_x0(Rates(t, s, schedule)) * x0_hat

    return answer


def _two_images(random):
    t, s, schedule = _pair(random)
    return inputs.images(random, 2, 3, 5, 4), inputs.images(random, 2, 3, 5, 4), t, s, schedule


def ddim(x, x0_hat, t, s, schedule):
    r = Rates(t, s, schedule)
    return r.Ss * x0_hat + r.Ns / r.Nt * (x - r.St * x0_hat)


posterior_mean = mean_of(OF_X[""], OF_X0[""])
ONES = torch.ones(1, 1, 1, 1).double()
POSTERIOR_MEAN = Exercise(
    title="Where x_s lies on average",
    draw=_two_images,
    answer=posterior_mean,
    means="Two clues, x and the prediction. The better clue counts more; at s = 0 only the prediction counts.",
    mistakes=with_line(
        "Factor of x:",
        "Look at k, which comes from your kept_and_added: has that passed its own check?",
        distinct(
            _two_images,
            (
                *named(
                    {
                        "The two factors have changed places. At s = 0, which of the two images should come back?": (
                            mean_of(OF_X0[""], OF_X[""])
                        ),
                        "This is another sampler: it keeps all the noise that x seems to have (DDIM, lesson 5).": ddim,
                        "This is the prediction at timestep s, without any use of x.": mean_of(
                            OF_X["x is missing from the result."], lambda r: r.Ss
                        ),
                    }
                ),
                *combined(mean_of, OF_X, OF_X0),
                *named(
                    {
                        "This is the mean of one single step, from t to t - 1. Here s can be any lower timestep.": (
                            lambda x, x0_hat, t, s, schedule: posterior_mean(x, x0_hat, t, t - 1, schedule)
                        ),
                    }
                ),
            ),
        ),
    ),
    properties=(
        Property(
            "The result is not a factor times x plus another factor times x0_hat.",
            lambda mean, x, x0_hat, t, s, schedule: factors(mean, x, x0_hat)[0] == factors(mean, x, x0_hat)[0],
        ),
        Property(
            "At s = 0 the clean image must come back: x0_hat, and nothing of x.",
            lambda mean, x, x0_hat, t, s, schedule: s > 0 or torch.allclose(mean, x0_hat, atol=1e-4),
        ),
        Property(
            "Suppose the prediction is right. Then the image in the result has the signal rate of s. Yours has not.",
            lambda mean, x, x0_hat, t, s, schedule: bool(
                abs(factors(mean, x, x0_hat)[0] * schedule.signal[t] + factors(mean, x, x0_hat)[1] - schedule.signal[s])
                < 1e-3
            ),
        ),
        Property(
            "The image in your result has the right rate, but x and the prediction do not contribute the right parts.",
            lambda mean, x, x0_hat, t, s, schedule: torch.allclose(
                mean, posterior_mean(x, x0_hat, t, s, schedule), atol=1e-3
            ),
        ),
    ),
    linear=("x", "x0_hat"),
    example=lambda *_: (ONES, -ONES, 2, 1, EXAMPLE),
    where=lambda x, x0_hat, t, s, schedule: at(t, s, schedule),
    line="Look at the factor of x0_hat: x brings an image already; how much is missing to the signal rate of s?",
)

# 04.3: the standard deviation of the posterior ------------------------------------------------------------------------


def _std(of_z):
    return lambda t, s, schedule: of_z(Rates(t, s, schedule))


posterior_std = _std(OF_Z[""])
POSTERIOR_STD = Exercise(
    title="How much stays open",
    draw=_pair,
    answer=posterior_std,
    means="The two clues leave a little open, and noise fills it. At s = 0 nothing is open: no noise is added.",
    mistakes=distinct(
        _pair,
        (
            *named({hint: _std(part) for hint, part in OF_Z.items() if hint}),
            *named(
                {
                    "This is the noise of one single step, from t to t - 1. Here s can be any lower timestep.": (
                        lambda t, s, schedule: posterior_std(t, t - 1, schedule)
                    ),
                    "This is the logarithm of the variance. Noise is multiplied by a standard deviation.": (
                        lambda t, s, schedule: (posterior_std(t, s, schedule) ** 2).log()
                    ),
                    "This is the mean and the noise together, or two numbers. Asked for is one.": (
                        lambda t, s, schedule: (
                            _both(t, s, schedule)[0],
                            posterior_std(t, s, schedule),
                        )
                    ),
                }
            ),
        ),
    ),
    properties=(
        Property("A standard deviation is one number.", lambda std, t, s, schedule: std.numel() == 1),
        Property("A standard deviation is never negative.", lambda std, t, s, schedule: bool(std >= 0)),
        Property(
            "At s = 0 the image is clean: no noise may be added.",
            lambda std, t, s, schedule: s > 0 or bool(std.abs() < 1e-6),
        ),
        Property(
            "A step to s cannot add more noise than an image at s has.",
            lambda std, t, s, schedule: bool(std <= schedule.noise[s] + 1e-6),
        ),
        Property(
            "Together, the noise that the mean keeps from x and the fresh noise must have the variance of the noise at "
            "s. They have not.",
            lambda std, t, s, schedule: bool(
                abs((OF_X[""](Rates(t, s, schedule)) * schedule.noise[t]) ** 2 + std**2 - schedule.noise[s] ** 2) < 1e-4
            ),
        ),
    ),
    example=lambda *_: (2, 1, EXAMPLE),
    where=at,
    line="Look at the sum at timestep s: old noise, kept by the mean, and fresh noise. Which of your numbers are "
    "rates, and which are variances?",
)
