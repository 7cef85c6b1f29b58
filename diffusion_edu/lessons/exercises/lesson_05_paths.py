"""The exercises of lesson 05 about whole paths: the prediction that is clipped too late, and the way upwards."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named
from diffusion_edu.lessons.exercises.lesson_04_parts import Rates
from diffusion_edu.lessons.exercises.lesson_04_posterior import EXAMPLE, ONES, at
from diffusion_edu.lessons.exercises.lesson_05_parts import EPS, IMAGE, MORE_EPS, SCALE
from diffusion_edu.lessons.exercises.lesson_05_steps import ddim, rule_of, step_of, wrong

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
    return step_of(image, eps, scale, _clip)


DDIM_CLIPPED = Exercise(
    title="Clipped too late",
    draw=_higher,
    answer=_two(_clip, _clip),
    given=_two(_clip, _same),
    means="Image and noise must come from the same prediction. Then they add up to x again.",
    mistakes=wrong(
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
                        rule_of(lambda r, x, x0_hat: r.Ss * x0_hat + r.Ns * _clip(EPS[""](r, x, x0_hat))),
                        rule_of(lambda r, x, x0_hat: r.Ss * _clip(x0_hat) + r.Ns * _clip(EPS[""](r, x, x0_hat))),
                        rule_of(lambda r, x, x0_hat: r.Ss * _clip(x0_hat) + r.Ns * _clip(EPS[""](r, x, _clip(x0_hat)))),
                    ),
                    "The image is clipped after it was multiplied by its rate.": rule_of(
                        lambda r, x, x0_hat: _clip(r.Ss * x0_hat) + r.Ns * EPS[""](r, x, x0_hat)
                    ),
                    "Image and noise have changed places in the result.": rule_of(
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
    mistakes=wrong(
        _upwards,
        ddim,
        (
            *named(
                {
                    "The step goes down, as in your first exercise. Here it goes from s up to the higher t.": (
                        lambda x, x0_hat, s, t, schedule: ddim(x, x0_hat, t, s, schedule)
                    ),
                    "Image and noise have changed places in the result.": rule_of(
                        lambda r, x, x0_hat: r.Ns * x0_hat + r.Ss * EPS[""](r, x, x0_hat)
                    ),
                    "The image is noised anew, as in lesson 1, with x in place of noise.": rule_of(
                        lambda r, x, x0_hat: r.Ss * x0_hat + r.Ns * x
                    ),
                    "x is only scaled. Its image and its noise change in different ways.": (
                        rule_of(lambda r, x, x0_hat: r.Ss / r.St * x),
                        rule_of(lambda r, x, x0_hat: r.Ns / r.Nt * x),
                    ),
                    "This is one single step, from s to s + 1. Here t can be any higher timestep.": (
                        lambda x, x0_hat, s, t, schedule: ddim(x, x0_hat, s, s + 1, schedule)
                    ),
                    "x comes back unchanged. The result must have the rates of t.": rule_of(lambda r, x, x0_hat: x),
                }
            ),
            *combined(step_of, IMAGE, EPS, SCALE),
            *combined(step_of, chosen(IMAGE), MORE_EPS, chosen(SCALE)),
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
        f"signal[s] = {schedule.signal[s]:.2g}, signal[t] = {schedule.signal[t]:.2g}, "
        f"noise[s] = {schedule.noise[s]:.2g} and noise[t] = {schedule.noise[t]:.2g}"
    ),
    line="Look at the predicted noise: x is at timestep s now, so which two rates does it have?",
)
