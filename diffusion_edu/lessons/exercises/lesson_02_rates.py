"""The exercises of lesson 02 about two rates: from a predicted image to the noise and back; named mistakes."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.families import combined, distinct, named
from diffusion_edu.lessons.checks.inputs import bent_schedule, images, noise, whole
from diffusion_edu.schedules import Schedule

SHAPE = (2, 3, 5, 4)


def half_way(signal, noise):
    """A schedule of two timesteps; at timestep 1 it has these rates."""
    tables = (torch.tensor([1, signal, 0], dtype=torch.float64), torch.tensor([0, noise, 1], dtype=torch.float64))
    return Schedule("example", *tables)


def wrong_only(draw, right, mistakes):
    """Drop mistakes that give the right numbers or those of an earlier mistake."""
    return distinct(draw, (Mistake("", right), *mistakes))[1:]


def _mixture(random):
    return noise(random, *SHAPE), images(random, *SHAPE), whole(random, 1, 10), bent_schedule(random)


def _rates_at(x, known, t, schedule):
    return f"signal = {schedule.signal[t]:.3g} and noise = {schedule.noise[t]:.3g}"


def _solved(taken, divisor):
    """The answer (x - taken * known) / divisor; both are functions of the two rates."""

    def answer(x, known, t, schedule):
        rates = schedule.signal[t], schedule.noise[t]
        return (x - taken(*rates) * known) / divisor(*rates)

    return answer


SIGNAL, NOISE = (lambda s, n: s), (lambda s, n: n)
PRESERVING = (
    "You assumed that the squares of the rates add to one. Try the schedule flow: there the rates themselves do."
)
ADD_TO_ONE = "You assumed that the two rates add to one. They need not."
POWER = "You divided by a power. What makes x is a rate."


def _taken(right, other, what, sure):
    """The wrong things that are taken away from x, where `right` is the rate of what is known."""
    return {
        "": right,
        f"The {what} is in x with a rate of its own, not at full strength.": lambda s, n: 1,
        f"Two rates are in play. Which of them belongs to the {what} that you take away?": other,
        f"The {what} is in x with its rate; you took away its power, the square of the rate.": lambda s, n: (
            right(s, n) ** 2
        ),
        f"One root too many: the table holds the rate of the {what} already.": lambda s, n: right(s, n) ** 0.5,
        f"{PRESERVING} (Look at the part that you take away.)": sure,
        f"{ADD_TO_ONE} (Look at the part that you take away.)": lambda s, n: 1 - other(s, n),
        f"The {what} must be taken away from x, but you added it.": lambda s, n: -right(s, n),
        f"You forgot to take the {what} away.": lambda s, n: 0,
    }


def _divisor(right, other, what, sure):
    """The wrong divisors, where `right` is the rate of what is asked for."""
    return {
        "": right,
        f"What is left is the {what} times its rate, not yet the {what} itself.": lambda s, n: 1,
        f"Two rates are in play. Which of them belongs to the {what}, and so stands below the line?": other,
        f"{POWER} Compare with the rate of the {what}.": lambda s, n: right(s, n) ** 2,
        f"You divided by the power of the other part, not by the rate of the {what}.": lambda s, n: other(s, n) ** 2,
        f"One root too many below the line: the table holds the rate of the {what} already.": lambda s, n: (
            right(s, n) ** 0.5
        ),
        f"{PRESERVING} (Look below the line.)": sure,
        f"{ADD_TO_ONE} (Look below the line.)": lambda s, n: 1 - other(s, n),
        f"{PRESERVING} And it is a power, not a rate.": lambda s, n: sure(s, n) ** 2,
        f"You multiplied by the rate of the {what}. Which operation undoes a multiplication?": lambda s, n: (
            1 / right(s, n)
        ),
    }


def _unmix(known_rate, asked_rate, known, asked, sure_known, sure_asked):
    return combined(
        _solved,
        _taken(known_rate, asked_rate, known, sure_known),
        _divisor(asked_rate, known_rate, asked, sure_asked),
        together={("Two rates", "Two rates"): "Signal rate and noise rate have changed places."},
    )


def _from_noise(s, n):
    return (1 - n**2) ** 0.5


def _from_signal(s, n):
    return (1 - s**2) ** 0.5


def _brackets(known, asked):
    """Answers in which a bracket is missing, or what is returned is another thing."""

    def rates(t, schedule):
        pair = {"signal": schedule.signal[t], "noise": schedule.noise[t]}
        return pair[known], pair[asked]

    def only_known(x, k, t, schedule):
        mine, other = rates(t, schedule)
        return x - mine * k / other

    def only_x(x, k, t, schedule):
        mine, other = rates(t, schedule)
        return x / other - mine * k

    return named(
        {
            "A bracket is missing: only the second part was divided.": only_known,
            "A bracket is missing: only x was divided.": only_x,
        }
    )


def _mixes(mix):
    return Property(
        "Put your result back: mixed with the other part by the two rates, it must give x again. It does not.",
        lambda result, x, known, t, schedule: torch.allclose(
            mix(schedule.signal[t], schedule.noise[t], result, known), x, atol=1e-4
        ),
    )


EPS_FROM_X0 = Exercise(
    title="The noise behind a predicted image",
    draw=_mixture,
    answer=lambda x, x0_hat, t, schedule: (x - schedule.signal[t] * x0_hat) / schedule.noise[t],
    means="Whoever predicts the clean image has predicted the noise as well: x is known, and the rest is noise.",
    linear=("x", "x0_hat"),
    example=lambda: (torch.ones(1, 1, 1, 2), torch.full((1, 1, 1, 2), 0.5), 1, half_way(0.5, 0.8)),
    where=_rates_at,
    line="Write down how x is made, and solve for the noise: what is taken away first, what is divided last?",
    mistakes=distinct(
        _mixture,
        (*_unmix(SIGNAL, NOISE, "image", "noise", _from_noise, _from_signal), *_brackets("signal", "noise")),
    ),
    properties=(_mixes(lambda s, n, eps_hat, x0_hat: s * x0_hat + n * eps_hat),),
)

X0_FROM_EPS = Exercise(
    title="The image behind a predicted noise",
    draw=_mixture,
    answer=lambda x, eps_hat, t, schedule: (x - schedule.noise[t] * eps_hat) / schedule.signal[t],
    means="This is how a network of the DDPM paper, which predicts noise, becomes a denoiser.",
    linear=("x", "eps_hat"),
    example=lambda: (torch.ones(1, 1, 1, 2), torch.full((1, 1, 1, 2), 0.5), 1, half_way(0.5, 0.8)),
    where=_rates_at,
    line="Write down how x is made, and solve for the image: what is taken away first, what is divided last?",
    mistakes=distinct(
        _mixture,
        (*_unmix(NOISE, SIGNAL, "noise", "image", _from_signal, _from_noise), *_brackets("noise", "signal")),
    ),
    properties=(_mixes(lambda s, n, x0_hat, eps_hat: s * x0_hat + n * eps_hat),),
)
