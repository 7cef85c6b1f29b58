"""The exercises of lesson 05, DDIM and fast solvers: what they expect, and the mistakes that have a name."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.families import combined, distinct, factors, named
from diffusion_edu.lessons.checks.lesson_04_parts import OF_X, OF_X0, Rates, root
from diffusion_edu.lessons.checks.lesson_04_posterior import EXAMPLE, ONES, at
from diffusion_edu.lessons.checks.lesson_05_parts import EPS, IMAGE, ROOM, SCALE, SIGMA
from diffusion_edu.lessons.checks.lesson_05_timesteps import TIMESTEPS


def _step(image, eps, scale, change=lambda x0_hat: x0_hat):
    """The answer of these parts; `change` is done to the prediction first."""

    def answer(x, x0_hat, t, s, schedule):
        r, x0_hat = Rates(t, s, schedule), change(x0_hat)
        return image(r) * x0_hat + scale(r) * eps(r, x, x0_hat)

    return answer


def _rule(rule):
    """The answer that is a function of the rates, x and the prediction."""
    return lambda x, x0_hat, t, s, schedule: rule(Rates(t, s, schedule), x, x0_hat)


ddim = _step(IMAGE[""], EPS[""], SCALE[""])


def _rates_of(result, x, x0_hat, t, schedule):
    """At which rates a result holds image and noise, if the prediction is right; NaN if it is no mixture."""
    of_x, of_x0 = factors(result, x, x0_hat)
    return of_x * schedule.signal[t] + of_x0, of_x * schedule.noise[t]


def _is(value, wanted):
    return bool(abs(value - wanted) < 1e-3)


def _wrong(draw, right, mistakes):
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
    mistakes=_wrong(
        _trial,
        ddim,
        (
            *named(
                {
                    "Image and noise have changed places in the result.": _rule(
                        lambda r, x, x0_hat: r.Ns * x0_hat + r.Ss * EPS[""](r, x, x0_hat)
                    ),
                    "This is the mean of a DDPM step. DDIM keeps all the predicted noise, at the rate of s.": _rule(
                        lambda r, x, x0_hat: OF_X[""](r) * x + OF_X0[""](r) * x0_hat
                    ),
                    "Split and joined at the same timestep, x comes back. The result must have the rates of s.": _rule(
                        lambda r, x, x0_hat: x
                    ),
                }
            ),
            *combined(_step, IMAGE, EPS, SCALE),
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
SOME_IMAGE = {hint: IMAGE[hint] for hint in list(IMAGE)[:3]}
SOME_EPS = {hint: EPS[hint] for hint in list(EPS)[:5]}
DDIM_ETA = Exercise(
    title="From DDIM to DDPM",
    draw=_with_eta,
    answer=ddim_eta,
    means="eta decides how much of the old noise is replaced by fresh noise: 0 is DDIM, 1 is DDPM.",
    mistakes=_wrong(
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

# 05.4: clipped too late (find the bug) --------------------------------------------------------------------------------


def _higher(random):
    """A trial whose step ends above timestep 0: at 0 no noise is left that could be wrong."""
    x, x0_hat = inputs.noise(random, 2, 3, 5, 4), inputs.images(random, 2, 3, 5, 4)
    return x, 2 * x0_hat, *inputs.two_timesteps(random, 10, lowest=1), inputs.bent_schedule(random, 10)


def _clip(x0_hat):
    return x0_hat.clamp(-1, 1)


def _two(of_image, of_noise, result=lambda x_s: x_s):
    """The step whose image comes from one prediction and whose noise comes from another."""

    def answer(x, x0_hat, t, s, schedule):
        r = Rates(t, s, schedule)
        return result(r.Ss * of_image(x0_hat) + r.Ns * EPS[""](r, x, of_noise(x0_hat)))

    return answer


def _same(x0_hat):
    return x0_hat


def _clipped_parts(image, eps, scale):
    return _step(image, eps, scale, _clip)


DDIM_CLIPPED = Exercise(
    title="Clipped too late",
    draw=_higher,
    answer=_two(_clip, _clip),
    given=_two(_clip, _same),
    means="Image and noise must come from the same prediction. Then they add up to x again.",
    mistakes=_wrong(
        _higher,
        _two(_clip, _clip),
        (
            *named(
                {
                    "Nothing is clipped any more. The prediction must stay in the range of images.": _two(_same, _same),
                    "Now the noise belongs to the clipped prediction, and the image to the other one.": _two(
                        _same, _clip
                    ),
                    "The result is clipped in place of the prediction. x at s may leave the range: it holds noise.": (
                        _two(_same, _same, _clip)
                    ),
                    "The result is clipped, too. x at s may leave the range: it holds noise.": (
                        _two(_clip, _clip, _clip),
                        _two(_clip, _same, _clip),
                    ),
                    "The range of images is -1 to 1. Yours begins at 0.": _two(
                        lambda x: x.clamp(0, 1), lambda x: x.clamp(0, 1)
                    ),
                    "Only the upper end is clipped.": _two(lambda x: x.clamp(max=1), lambda x: x.clamp(max=1)),
                    "Only the lower end is clipped.": _two(lambda x: x.clamp(min=-1), lambda x: x.clamp(min=-1)),
                    "The prediction is rescaled, not clipped: values inside the range must stay.": (
                        _two(lambda x: x / x.abs().max(), lambda x: x / x.abs().max()),
                        _two(torch.tanh, torch.tanh),
                    ),
                    "x is clipped, too. It holds noise and may leave the range.": (
                        lambda x, x0_hat, t, s, schedule: ddim(_clip(x), _clip(x0_hat), t, s, schedule),
                        lambda x, x0_hat, t, s, schedule: ddim(_clip(x), x0_hat, t, s, schedule),
                    ),
                    "The predicted noise is clipped. Noise has no range.": (
                        _rule(lambda r, x, x0_hat: r.Ss * x0_hat + r.Ns * _clip(EPS[""](r, x, x0_hat))),
                        _rule(lambda r, x, x0_hat: r.Ss * _clip(x0_hat) + r.Ns * _clip(EPS[""](r, x, x0_hat))),
                        _rule(lambda r, x, x0_hat: r.Ss * _clip(x0_hat) + r.Ns * _clip(EPS[""](r, x, _clip(x0_hat)))),
                    ),
                    "The image is clipped after it was multiplied by its rate.": _rule(
                        lambda r, x, x0_hat: _clip(r.Ss * x0_hat) + r.Ns * EPS[""](r, x, x0_hat)
                    ),
                    "Image and noise have changed places in the result.": _rule(
                        lambda r, x, x0_hat: r.Ns * _clip(x0_hat) + r.Ss * EPS[""](r, x, _clip(x0_hat))
                    ),
                }
            ),
            *combined(_clipped_parts, IMAGE, EPS, SCALE, opening="The prediction is clipped in time."),
        ),
    ),
    properties=(
        Property(
            "Image and noise do not add up to x any more: the noise must belong to the clipped prediction.",
            lambda result, x, x0_hat, t, s, schedule: torch.allclose(
                result, ddim(x, _clip(x0_hat), t, s, schedule), atol=1e-3
            ),
        ),
    ),
    example=lambda *_: (ONES[0, 0], 2 * ONES[0, 0], 2, 1, EXAMPLE),
    where=lambda x, x0_hat, t, s, schedule: f"x is 1, the prediction is 2, and {at(t, s, schedule)}",
    line="Look at the order of the lines: is the prediction clipped before the noise is computed from it?",
)


# 05.5: upwards --------------------------------------------------------------------------------------------------------


def _upwards(random):
    x, x0_hat = inputs.noise(random, 2, 3, 5, 4), inputs.images(random, 2, 3, 5, 4)
    return x, x0_hat, *inputs.two_timesteps(random, 10, lowest=1)[::-1], inputs.bent_schedule(random, 10)


INVERT = Exercise(
    title="From image to noise",
    draw=_upwards,
    answer=ddim,
    means="DDIM without randomness is a path, and a path can be walked in both directions.",
    mistakes=_wrong(
        _upwards,
        ddim,
        (
            *named(
                {
                    "The step goes down, as in your first exercise. Here it goes from s up to the higher t.": (
                        lambda x, x0_hat, s, t, schedule: ddim(x, x0_hat, t, s, schedule)
                    ),
                    "Image and noise have changed places in the result.": _rule(
                        lambda r, x, x0_hat: r.Ns * x0_hat + r.Ss * EPS[""](r, x, x0_hat)
                    ),
                    "The image is noised anew, as in lesson 1, with x in place of noise.": _rule(
                        lambda r, x, x0_hat: r.Ss * x0_hat + r.Ns * x
                    ),
                    "x is only scaled. Its image and its noise change in different ways.": (
                        _rule(lambda r, x, x0_hat: r.Ss / r.St * x),
                        _rule(lambda r, x, x0_hat: r.Ns / r.Nt * x),
                    ),
                    "This is one single step, from s to s + 1. Here t can be any higher timestep.": (
                        lambda x, x0_hat, s, t, schedule: ddim(x, x0_hat, s, s + 1, schedule)
                    ),
                    "x comes back unchanged. The result must have the rates of t.": _rule(lambda r, x, x0_hat: x),
                }
            ),
            *combined(_step, IMAGE, EPS, SCALE),
        ),
    ),
    properties=(
        Property(
            "Step down again with the same prediction: x must come back.",
            lambda result, x, x0_hat, s, t, schedule: torch.allclose(
                ddim(result, x0_hat, t, s, schedule), x, atol=1e-3
            ),
        ),
    ),
    linear=("x", "x0_hat"),
    example=lambda *_: (ONES, -ONES, 1, 2, EXAMPLE),
    where=lambda x, x0_hat, s, t, schedule: (
        f"from s to t the signal rate falls from {schedule.signal[s]:.2g} to {schedule.signal[t]:.2g} and the noise rate "
        f"rises from {schedule.noise[s]:.2g} to {schedule.noise[t]:.2g}"
    ),
    line="Look at the predicted noise: x is at timestep s now, so which two rates does it have?",
)

EXERCISES = {
    "05.1": DDIM_STEP,
    "05.2": DDIM_ETA,
    "05.3": TIMESTEPS,
    "05.4": DDIM_CLIPPED,
    "05.5": INVERT,
}
