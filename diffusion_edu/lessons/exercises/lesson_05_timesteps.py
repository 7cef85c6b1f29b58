"""The exercise of lesson 05 about the timesteps that a walk visits."""

import math

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import distinct, named


def _numbers(random):
    """T and a number of steps that does not divide T, and with which no timestep lies half-way between two."""
    while True:
        T, steps = inputs.whole(random, 30, 1000), inputs.whole(random, 3, 14)
        if T % steps and all(2 * T * k % steps or T * k % steps == 0 for k in range(steps)):
            return T, steps


def timesteps(T, steps):
    """The right answer."""
    return [round(T * (1 - k / steps)) for k in range(steps + 1)]


def _even(start, end, count):
    return [round(value) for value in torch.linspace(start, end, count, dtype=torch.float64).tolist()]


def _stride(T, steps):
    return T // steps


TIMESTEPS = Exercise(
    title="Which timesteps",
    draw=_numbers,
    answer=timesteps,
    means="The first step starts at pure noise, the last one ends at the clean image, and all are equally long.",
    mistakes=distinct(
        _numbers,
        named(
            {
                "The walk does not end at timestep 0: whole strides fit only where the steps divide T.": (
                    lambda T, steps: [T - k * _stride(T, steps) for k in range(steps + 1)]
                ),
                "The walk does not start at T: whole strides fit only where the steps divide T.": (
                    lambda T, steps: [k * _stride(T, steps) for k in range(steps, -1, -1)]
                ),
                "The walk starts near T, but not at T: the last entry is cut off. And does it end at 0?": (
                    lambda T, steps: [k * _stride(T, steps) for k in range(steps - 1, -1, -1)]
                ),
                "Whole strides do not fit, and there are too few timesteps: so many steps need one timestep more.": (
                    lambda T, steps: [T - k * _stride(T, steps) for k in range(steps)]
                ),
                "These are whole strides from T until nothing is left. How many steps were asked for?": (
                    lambda T, steps: list(range(T, -1, -_stride(T, steps))),
                    lambda T, steps: list(range(T, 0, -_stride(T, steps))),
                    lambda T, steps: [*range(T, 0, -_stride(T, steps)), 0],
                    lambda T, steps: list(range(T, 0, -T // steps)),
                    lambda T, steps: list(range(T, -1, -T // steps)),
                ),
                "You took the number of steps for the length of a step.": (
                    lambda T, steps: list(range(T, -1, -steps)),
                    lambda T, steps: list(range(T, 0, -steps)),
                    lambda T, steps: [*range(T, 0, -steps), 0],
                ),
                "The fractions are cut off. Round to the nearest timestep.": (
                    lambda T, steps: [int(T * (1 - k / steps)) for k in range(steps + 1)],
                    lambda T, steps: [T * (steps - k) // steps for k in range(steps + 1)],
                ),
                "The fractions are rounded up. Round to the nearest timestep.": (
                    lambda T, steps: [math.ceil(T * (steps - k) / steps) for k in range(steps + 1)],
                    lambda T, steps: [T - T * k // steps for k in range(steps + 1)],
                ),
                "A timestep is a whole number: it is an index into the table.": (
                    lambda T, steps: [T * (1 - k / steps) for k in range(steps + 1)]
                ),
                "The list rises. A walk starts at noise, at T.": lambda T, steps: timesteps(T, steps)[::-1],
                "The last timestep is missing. The walk must end at the clean image.": (
                    lambda T, steps: timesteps(T, steps)[:-1]
                ),
                "The first timestep is missing. The walk starts at pure noise.": lambda T, steps: timesteps(T, steps)[
                    1:
                ],
                "Both ends are there, but a step too few: so many steps need one timestep more.": (
                    lambda T, steps: _even(T, 0, steps),
                    lambda T, steps: [
                        int(value) for value in torch.linspace(T, 0, steps, dtype=torch.float64).tolist()
                    ],
                ),
                "The list rises, and its largest timestep is missing. A walk starts at noise, at T.": (
                    lambda T, steps: timesteps(T, steps)[::-1][:-1]
                ),
                "There is one step too many.": lambda T, steps: _even(T, 0, steps + 2),
                "The walk ends at timestep 1. There is still a little noise.": lambda T, steps: _even(T, 1, steps + 1),
                "The last step is one timestep long, the others are longer. All should be equally long.": (
                    lambda T, steps: [*_even(T, 1, steps), 0]
                ),
                "The walk starts at T - 1. In this course the table has T + 1 entries, and T is pure noise.": (
                    lambda T, steps: _even(T - 1, 0, steps + 1),
                    lambda T, steps: [max(t - 1, 0) for t in timesteps(T, steps)],
                    lambda T, steps: [t - 1 for t in timesteps(T, steps)],
                ),
                "The walk starts at T - 1, and a step is missing.": lambda T, steps: _even(T - 1, 0, steps),
                "All timesteps are one too high: the last one must be 0.": (
                    lambda T, steps: [t + 1 for t in timesteps(T, steps)]
                ),
                "Timestep 0 stands there twice: the last step goes nowhere.": lambda T, steps: [
                    *timesteps(T, steps),
                    0,
                ],
                "These are fractions of T. The walk needs timesteps.": (
                    lambda T, steps: [1 - k / steps for k in range(steps + 1)]
                ),
                "These are the numbers of the steps. The walk needs timesteps, from T.": (
                    lambda T, steps: list(range(steps, -1, -1)),
                    lambda T, steps: list(range(steps + 1)),
                ),
                "These are all timesteps. How many steps were asked for?": lambda T, steps: list(range(T, -1, -1)),
                "This is the length of a step only.": (
                    lambda T, steps: T / steps,
                    lambda T, steps: T // steps,
                    lambda T, steps: round(T / steps),
                ),
                "These are the lengths of the steps. The walk needs the timesteps themselves.": (
                    lambda T, steps: [T / steps] * steps,
                    lambda T, steps: [
                        a - b for a, b in zip(timesteps(T, steps), timesteps(T, steps)[1:], strict=False)
                    ],
                ),
                "The length of a step is rounded first. Its error adds up: round each timestep instead.": (
                    lambda T, steps: [T - k * round(T / steps) for k in range(steps + 1)],
                    lambda T, steps: [max(T - k * round(T / steps), 0) for k in range(steps + 1)],
                    lambda T, steps: [*(T - k * round(T / steps) for k in range(steps)), 0],
                ),
                "The last step is longer than the others. All should be equally long.": (
                    lambda T, steps: [*(T - k * _stride(T, steps) for k in range(steps)), 0]
                ),
                "The first step is longer than the others. All should be equally long.": (
                    lambda T, steps: [T, *(k * _stride(T, steps) for k in range(steps - 1, -1, -1))]
                ),
                "The steps become shorter on the way. All should be equally long.": (
                    lambda T, steps: [round(T * (1 - k / steps) ** 2) for k in range(steps + 1)]
                ),
            }
        ),
    ),
    properties=(
        Property("The list must start at T.", lambda result, T, steps: result.numel() > 0 and result.flatten()[0] == T),
        Property("The list must end at 0.", lambda result, T, steps: result.flatten()[-1] == 0),
        Property("Timesteps are whole numbers.", lambda result, T, steps: bool((result == result.round()).all())),
        Property(
            "The timesteps must fall, and none may come twice.", lambda result, T, steps: (result.diff() < 0).all()
        ),
        Property(
            "Some steps are longer than others by more than rounding explains.",
            lambda result, T, steps: bool((result.diff() + T / steps).abs().max() <= 1),
        ),
    ),
    example=lambda *_: (10, 3),
    where=lambda T, steps: f"T = {T} and steps = {steps}",
    line="Look at one entry: how far from T is it, as a fraction of the whole way? Round at the very end.",
)
