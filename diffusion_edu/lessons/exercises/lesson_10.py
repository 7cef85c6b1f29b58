"""The exercises of lesson 10, editing and cascades: what they expect, and the mistakes that have a name."""

import math

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named
from diffusion_edu.lessons.exercises.lesson_10_cascade import HOLD, RESAMPLE_PATH
from diffusion_edu.lessons.exercises.lesson_10_inpainting import INPAINT_STEP, KEEP_KNOWN
from diffusion_edu.lessons.exercises.lesson_10_slerp import SLERP

# 10.1: where image-to-image starts ----------------------------------------------------------------------------------


def _start_from(x0, strength, eps, schedule):
    t = round(strength * schedule.T)
    signal, noise = schedule.rates(t, x0)
    return t, signal * x0 + noise * eps


def _strengths(random):
    """An image, a strength that lies clearly between two timesteps, noise, and a schedule."""
    T, near = inputs.whole(random, 9, 14), inputs.number(random, -0.3, 0.3)
    x0, eps = inputs.images(random, 2, 3, 4, 5), inputs.noise(random, 2, 3, 4, 5)
    return x0, (inputs.whole(random, 1, T - 1) + near) / T, eps, inputs.bent_schedule(random, T)


def _at_all_strengths(function, x0, strength, eps, schedule):
    """Ask for both ends, a strength below and one above the nearest timestep, and at last for the one that is given."""
    between = ((schedule.T // 2 + part) / schedule.T for part in (-0.2, 0.2))
    results = [function(x0, each, eps, schedule) for each in (0.0, 1.0, *between, strength)]
    return None if any(result is None for result in results) else results


TIMESTEPS: Parts = {
    "": lambda strength, T: round(strength * T),
    "The timestep is cut off. Take the nearest whole number.": lambda strength, T: int(strength * T),
    "The timestep is rounded up. Take the nearest whole number.": lambda strength, T: math.ceil(strength * T),
    "You start one timestep too high: strength 0 would already add noise.": lambda strength, T: min(
        round(strength * T) + 1, T
    ),
    "You start one timestep too low: strength 1 would not reach the last timestep.": lambda strength, T: max(
        round(strength * T) - 1, 0
    ),
    "The strength is the wrong way round: strength 0 should change nothing.": lambda strength, T: round(
        (1 - strength) * T
    ),
    "You always start at the last timestep. Where does the strength come in?": lambda strength, T: T,
    "You round the strength itself. Round after multiplying.": lambda strength, T: round(strength) * T,
    "The strength is squared.": lambda strength, T: round(strength**2 * T),
    "You start at least at timestep 1. Strength 0 should change nothing.": lambda strength, T: max(
        round(strength * T), 1
    ),
    "Strength 1 should start at the last timestep, not one below it.": lambda strength, T: round(strength * (T - 1)),
}
MIXTURES: Parts = {
    "": lambda x0, eps, signal, noise, strength: signal * x0 + noise * eps,
    "The image is clean. A walk from timestep t needs an image with the noise of timestep t.": (
        lambda x0, eps, signal, noise, strength: x0
    ),
    "This is noise only: nothing of the image is left.": lambda x0, eps, signal, noise, strength: eps,
    "The image does not shrink. At timestep t it has the signal rate.": (
        lambda x0, eps, signal, noise, strength: x0 + noise * eps
    ),
    "The noise joins at full strength.": lambda x0, eps, signal, noise, strength: signal * x0 + eps,
    "The image shrinks, and the noise is missing.": lambda x0, eps, signal, noise, strength: signal * x0,
    "The two rates have changed places.": lambda x0, eps, signal, noise, strength: noise * x0 + signal * eps,
    "You multiply with powers. Image and noise need rates.": (
        lambda x0, eps, signal, noise, strength: signal**2 * x0 + noise**2 * eps
    ),
    "The image is multiplied by a power. It needs the signal rate.": (
        lambda x0, eps, signal, noise, strength: signal**2 * x0 + noise * eps
    ),
    "The noise is multiplied by its variance. It needs the noise rate.": (
        lambda x0, eps, signal, noise, strength: signal * x0 + noise**2 * eps
    ),
    "You mix image and noise by the strength. The schedule says how much of each there is at timestep t.": (
        lambda x0, eps, signal, noise, strength: (1 - strength) * x0 + strength * eps
    ),
    "You mix by roots of the strength. The schedule says how much of each there is at timestep t.": (
        lambda x0, eps, signal, noise, strength: (1 - strength) ** 0.5 * x0 + strength**0.5 * eps
    ),
    "You add the strength times noise. The schedule says how much noise there is at timestep t.": (
        lambda x0, eps, signal, noise, strength: x0 + strength * eps
    ),
    "The noise has the wrong sign.": lambda x0, eps, signal, noise, strength: signal * x0 - noise * eps,
    "The noise rate is not one minus the signal rate. Read both from the schedule.": (
        lambda x0, eps, signal, noise, strength: signal * x0 + (1 - signal) * eps
    ),
    "You take the roots of the rates. Image and noise need the rates themselves.": (
        lambda x0, eps, signal, noise, strength: signal**0.5 * x0 + noise**0.5 * eps
    ),
}


def _started(top, mixture):
    def answer(x0, strength, eps, schedule):
        t = top(strength, schedule.T)
        return t, mixture(x0, eps, *schedule.rates(t, x0), strength)

    return answer


START_FROM = Exercise(
    title="Where image-to-image starts",
    draw=_strengths,
    run=_at_all_strengths,
    answer=_start_from,
    means="Strength 0 gives the image back, bit for bit. Strength 1 starts where generation starts.",
    linear=("x0", "eps"),
    where=lambda x0, strength, eps, schedule: f"strength = {strength:.3g} and T = {schedule.T}",
    line="Check two things: t, a fraction of all timesteps as a whole number, and the two rates at this t.",
    mistakes=(
        *combined(_started, TIMESTEPS, MIXTURES),
        *named(
            {
                "The timestep comes first, the noisy image second.": lambda *given: _start_from(*given)[::-1],
                "Only the noisy image came back. Where does the walk start? Give the timestep, too.": (
                    lambda *given: _start_from(*given)[1]
                ),
                "Only the timestep came back. Give the noisy image, too.": lambda *given: _start_from(*given)[0],
                "A timestep is a whole number. Round it.": lambda x0, strength, eps, schedule: (
                    strength * schedule.T,
                    _start_from(x0, strength, eps, schedule)[1],
                ),
                "You never start above timestep 0. Where does the strength come in?": lambda x0, *rest: (0, x0),
                "The first result is the strength. Give the timestep that belongs to it.": (
                    lambda x0, strength, eps, schedule: (strength, _start_from(x0, strength, eps, schedule)[1])
                ),
                "The timestep is right, but the image is noised to the last timestep.": (
                    lambda x0, strength, eps, schedule: (
                        round(strength * schedule.T),
                        _start_from(x0, 1.0, eps, schedule)[1],
                    )
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Strength 0 should change nothing: timestep 0, and the image itself.",
            lambda result, x0, strength, eps, schedule: torch.equal(result[1], x0),
        ),
        Property(
            "Strength 1 should start at the last timestep.",
            lambda result, x0, strength, eps, schedule: result[2] == schedule.T,
        ),
    ),
)

EXERCISES = {
    "10.1": START_FROM,
    "10.2": KEEP_KNOWN,
    "10.3": SLERP,
    "10.4": INPAINT_STEP,
    "10.5": HOLD,
    "10.6": RESAMPLE_PATH,
}
