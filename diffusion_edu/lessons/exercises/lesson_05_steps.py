"""The exercises of lesson 05 about one step: DDIM, and the knob eta."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.families import chosen, combined, distinct, factors, named
from diffusion_edu.lessons.exercises.lesson_04_parts import OF_X, OF_X0, Rates, root
from diffusion_edu.lessons.exercises.lesson_04_posterior import EXAMPLE, ONES, at
from diffusion_edu.lessons.exercises.lesson_05_parts import EPS, IMAGE, MORE_EPS, ROOM, SCALE, SIGMA


def step_of(image, eps, scale, change=lambda x0_hat: x0_hat):
    """The answer of these parts; `change` is done to the prediction first."""

    def answer(x, x0_hat, t, s, schedule):
        r, x0_hat = Rates(t, s, schedule), change(x0_hat)
        return image(r) * x0_hat + scale(r) * eps(r, x, x0_hat)

    return answer


def rule_of(rule):
    """The answer that is a function of the rates, x and the prediction."""
    return lambda x, x0_hat, t, s, schedule: rule(Rates(t, s, schedule), x, x0_hat)


ddim = step_of(IMAGE[""], EPS[""], SCALE[""])


def _rates_of(result, x, x0_hat, t, schedule):
    """At which rates a result holds image and noise, if the prediction is right; NaN if it is no mixture."""
    of_x, of_x0 = factors(result, x, x0_hat)
    return of_x * schedule.signal[t] + of_x0, of_x * schedule.noise[t]


def _is(value, wanted):
    return bool(abs(value - wanted) < 1e-3)


def wrong(draw, right, mistakes):
    """The mistakes with numbers of their own; a pair of wrong parts can be right by accident."""
    return distinct(draw, (Mistake("", right), *mistakes))[1:]


LAWS = (
    Property(
        "The result is not a factor times x plus another factor times x0_hat.",
        lambda result, x, x0_hat, t, s, schedule: not _rates_of(result, x, x0_hat, t, schedule)[0].isnan(),
    ),
    Property(
        "Suppose the prediction is right. Then the image in the result has the signal rate of s. Yours has not.",
        lambda result, x, x0_hat, t, s, schedule: _is(_rates_of(result, x, x0_hat, t, schedule)[0], schedule.signal[s]),
    ),
    Property(
        "The image in the result is right. The noise in it does not have the noise rate of s.",
        lambda result, x, x0_hat, t, s, schedule: _is(_rates_of(result, x, x0_hat, t, schedule)[1], schedule.noise[s]),
    ),
)


def _trial(random):
    schedule = inputs.bent_schedule(random, 10)
    x, x0_hat = inputs.noise(random, 2, 3, 5, 4), inputs.images(random, 2, 3, 5, 4)
    return x, x0_hat, *inputs.two_timesteps(random, 10), schedule


# 05.1: a DDIM step ----------------------------------------------------------------------------------------------------

DDIM_STEP = Exercise(
    title="A step without fresh noise",
    draw=_trial,
    answer=ddim,
    means="Split x into image and noise, and put both together again with the rates of s. Nothing random is left.",
    mistakes=wrong(
        _trial,
        ddim,
        (
            *named(
                {
                    "Image and noise have changed places in the result.": rule_of(
                        lambda r, x, x0_hat: r.Ns * x0_hat + r.Ss * EPS[""](r, x, x0_hat)
                    ),
                    "This is the mean of a DDPM step. DDIM keeps all the predicted noise, at the rate of s.": rule_of(
                        lambda r, x, x0_hat: OF_X[""](r) * x + OF_X0[""](r) * x0_hat
                    ),
                    "Split and joined at the same timestep, x comes back. The result needs the rates of s.": rule_of(
                        lambda r, x, x0_hat: x
                    ),
                }
            ),
            *combined(step_of, IMAGE, EPS, SCALE),
            *combined(step_of, chosen(IMAGE), MORE_EPS, chosen(SCALE)),
            *named(
                {
                    "This is one single step, from t to t - 1. Here s can be any lower timestep.": (
                        lambda x, x0_hat, t, s, schedule: ddim(x, x0_hat, t, t - 1, schedule)
                    ),
                    "This step ends at timestep 0, whatever s is.": (
                        lambda x, x0_hat, t, s, schedule: ddim(x, x0_hat, t, 0, schedule)
                    ),
                    "This step never goes below timestep 1. At timestep 0 the image is clean.": (
                        lambda x, x0_hat, t, s, schedule: ddim(x, x0_hat, t, max(s, 1), schedule)
                    ),
                }
            ),
        ),
    ),
    properties=(
        Property(
            "At s = 0 the prediction must come back, and nothing else.",
            lambda result, x, x0_hat, t, s, schedule: s > 0 or torch.allclose(result, x0_hat, atol=1e-4),
        ),
        *LAWS,
    ),
    linear=("x", "x0_hat"),
    example=lambda *_: (ONES, -ONES, 2, 1, EXAMPLE),
    where=lambda x, x0_hat, t, s, schedule: at(t, s, schedule),
    line="Look at the predicted noise: what is left of x without its image, and at which rate is it there?",
)

# 05.2: eta ------------------------------------------------------------------------------------------------------------


def _with_eta(random):
    x, x0_hat, t, s, schedule = _trial(random)
    chosen = inputs.whole(random, 0, 4)
    eta = 0.0 if chosen == 0 else 1.0 if chosen == 1 else inputs.number(random, 0.2, 0.9)
    return x, x0_hat, t, s, eta, inputs.noise(random, 2, 3, 5, 4), schedule


def _noisy(image, eps, sigma, room, fresh=lambda sigma: sigma):
    def answer(x, x0_hat, t, s, eta, z, schedule):
        r = Rates(t, s, schedule)
        std = sigma(r, eta)
        return image(r) * x0_hat + room(r, std) * eps(r, x, x0_hat) + fresh(std) * z

    return answer


def _clamped(r, std):
    """What code does that asks torch for the root of a number which may be negative."""
    return root((r.Ns**2 - std**2).clamp(min=0))


ddim_eta = _noisy(IMAGE[""], EPS[""], SIGMA[""], ROOM[""])


def _noisy_alone(x, x0_hat, t, s, eta, z, schedule):
    return ddim_eta(x, x0_hat, t, s, eta, torch.ones_like(z), schedule)


def _eta_room(room):
    """The step in which eta alone decides how much of the old noise stays."""

    def answer(x, x0_hat, t, s, eta, z, schedule):
        r = Rates(t, s, schedule)
        return r.Ss * x0_hat + room(eta) * r.Ns * EPS[""](r, x, x0_hat) + SIGMA[""](r, eta) * z

    return answer


SOME_IMAGE = {hint: IMAGE[hint] for hint in list(IMAGE)[:3]}
SOME_EPS = {hint: EPS[hint] for hint in list(EPS)[:5]}
DDIM_ETA = Exercise(
    title="From DDIM to DDPM",
    draw=_with_eta,
    answer=ddim_eta,
    means="eta decides how much of the old noise is replaced by fresh noise: 0 is DDIM, 1 is DDPM.",
    mistakes=wrong(
        _with_eta,
        ddim_eta,
        (
            *combined(_noisy, SOME_IMAGE, SOME_EPS, SIGMA, ROOM),
            *named(
                {
                    hint: _noisy(IMAGE[""], EPS[""], sigma, _clamped)
                    for hint, sigma in SIGMA.items()
                    if hint and "missing, and" not in hint
                }
            ),
            *named(
                {
                    "sigma makes room in the old noise, but the fresh noise does not join.": _noisy(
                        IMAGE[""], EPS[""], SIGMA[""], ROOM[""], lambda std: 0 * std
                    ),
                    "The fresh noise joins at full strength. How strong must it be?": _noisy(
                        IMAGE[""], EPS[""], SIGMA[""], ROOM[""], lambda std: 1 + 0 * std
                    ),
                    "The fresh noise is multiplied by a variance.": _noisy(
                        IMAGE[""], EPS[""], SIGMA[""], ROOM[""], lambda std: std**2
                    ),
                    "The fresh noise is subtracted.": _noisy(IMAGE[""], EPS[""], SIGMA[""], ROOM[""], lambda std: -std),
                    "sigma joins without z: all pixels move by the same amount.": _noisy_alone,
                    "Old noise: sigma says how much room the fresh noise needs. eta alone does not.": (
                        _eta_room(lambda eta: 1 - eta),
                        _eta_room(lambda eta: (1 - eta**2) ** 0.5),
                        _eta_room(lambda eta: (1 - eta) ** 0.5),
                    ),
                    "You interpolate between the two samplers. That is not the same: variances add, not rates.": (
                        lambda x, x0_hat, t, s, eta, z, schedule: (
                            (1 - eta) * ddim_eta(x, x0_hat, t, s, 0.0, z, schedule)
                            + eta * ddim_eta(x, x0_hat, t, s, 1.0, z, schedule)
                        )
                    ),
                    "Your step ignores eta: it is always DDPM.": (
                        lambda x, x0_hat, t, s, eta, z, schedule: ddim_eta(x, x0_hat, t, s, 1.0, z, schedule)
                    ),
                    "These are the numbers of one single step, from t to t - 1. Here s can be any lower timestep.": (
                        lambda x, x0_hat, t, s, eta, z, schedule: ddim_eta(x, x0_hat, t, t - 1, eta, z, schedule)
                    ),
                    "All images get the noise of the first one.": (
                        lambda x, x0_hat, t, s, eta, z, schedule: ddim_eta(x, x0_hat, t, s, eta, z[:1], schedule)
                    ),
                }
            ),
        ),
    ),
    properties=(
        Property(
            "With eta = 0 it must be the step without fresh noise.",
            lambda result, x, x0_hat, t, s, eta, z, schedule: (
                eta > 0 or torch.allclose(result, ddim(x, x0_hat, t, s, schedule), atol=1e-4)
            ),
        ),
        Property(
            "At s = 0 the prediction must come back, and nothing else.",
            lambda result, x, x0_hat, t, s, eta, z, schedule: s > 0 or torch.allclose(result, x0_hat, atol=1e-4),
        ),
        Property(
            "With eta = 1 it must be the step of DDPM.",
            lambda result, x, x0_hat, t, s, eta, z, schedule: (
                eta < 1 or torch.allclose(result, ddim_eta(x, x0_hat, t, s, eta, z, schedule), atol=1e-4)
            ),
        ),
    ),
    linear=("x", "x0_hat", "z"),
    example=lambda *_: (ONES, -ONES, 2, 1, 0.5, ONES / 3, EXAMPLE),
    where=lambda x, x0_hat, t, s, eta, z, schedule: f"eta is {eta:.2g}, and {at(t, s, schedule)}",
    line="Look at the factor of z, and then at the old noise: both together must have the variance of timestep s.",
)
