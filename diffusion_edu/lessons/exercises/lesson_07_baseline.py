"""Exercise 07.2: the loss of doing nothing."""

import math

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import named
from diffusion_edu.lessons.checks.inputs import number

TYPES = ("eps", "x0", "v", "flow")
SMALLEST = {"eps": lambda p: 1.0, "x0": lambda p: p, "v": lambda p: (1 + p) / 2, "flow": lambda p: 1 + p}


def _baseline(prediction_type, power):
    return SMALLEST[prediction_type](power)


def _with(**wrong):
    """The right answer but for some prediction types."""
    return lambda prediction_type, power: (SMALLEST | wrong)[prediction_type](power)


def _all_types(function, _, power):
    found = [function(each, power) for each in TYPES]
    return None if any(each is None for each in found) else found


def _is(index, name):
    return lambda x, _, power: abs(x[index].item() - SMALLEST[name](power)) < 1e-4


BASELINE = Exercise(
    title="The loss of doing nothing",
    answer=_baseline,
    means="Without this number a loss means nothing: a network that has learned something must be below it.",
    draw=lambda random: ("each", number(random, 0.1, 0.9)),
    run=_all_types,
    mistakes=named(
        {
            "For eps you give the power of the images: the target is Gaussian noise.": _with(eps=lambda p: p),
            "For eps you give zero: a network that does nothing misses all of the noise.": _with(eps=lambda p: 0.0),
            "For x0 you give a standard deviation: a squared error is compared with a variance.": _with(x0=math.sqrt),
            "For x0 you give the power of noise: the target is the clean image.": _with(x0=lambda p: 1.0),
            "For x0 you give what is missing to one: the target is the clean image.": _with(x0=lambda p: 1 - p),
            "For x0 you give zero: a network that does nothing misses all of the image.": _with(x0=lambda p: 0.0),
            "For v you do not average over the angles: on average cosine squared is a half.": _with(v=lambda p: 1 + p),
            "For v you subtract: v has a minus in it, but variances add.": _with(v=lambda p: (1 - p) / 2),
            "For v you give the power of noise: v holds the image as well.": _with(v=lambda p: 1.0),
            "For v you count the noise only: v holds the image as well.": _with(v=lambda p: 0.5),
            "For v you count the image only: v holds the noise as well.": _with(v=lambda p: p / 2),
            "For v you give the power of the image: v holds the noise as well.": _with(v=lambda p: p),
            "For v you multiply the two powers: variances of independent parts add.": _with(v=lambda p: p / 4),
            "For v you average the rates, not their squares.": _with(
                v=lambda p: (2 / math.pi) ** 2 * (1 + p),
            ),
            "For v you take a root: a squared error is a variance.": _with(v=lambda p: ((1 + p) / 2) ** 0.5),
            "For v you take the value at one angle: the noise and the image count alike on average.": _with(
                v=lambda p: 0.75 + p / 4
            ),
            "For flow you subtract: the target has a minus in it, but variances add.": _with(flow=lambda p: 1 - p),
            "For flow you average over angles: its target has no angle in it.": _with(flow=lambda p: (1 + p) / 2),
            "For flow you count the noise only: the target holds the image as well.": _with(flow=lambda p: 1.0),
            "For flow you count the image only: the target holds the noise as well.": _with(flow=lambda p: p),
            "For flow you take a root: a squared error is a variance.": _with(flow=lambda p: (1 + p) ** 0.5),
            "For flow you square a difference of powers: square the target, then average.": _with(
                flow=lambda p: (1 - p) ** 2
            ),
            "Every answer is a standard deviation: a squared error is compared with a variance.": (
                lambda prediction_type, power: _baseline(prediction_type, power) ** 0.5
            ),
            "Your power is used as a standard deviation: it is a variance already.": (
                lambda prediction_type, power: _baseline(prediction_type, power**2)
            ),
            "You give one number for all types: each type has another target.": (
                lambda prediction_type, power: 1.0,
                lambda prediction_type, power: power,
                lambda prediction_type, power: (1 + power) / 2,
                lambda prediction_type, power: 1 + power,
                lambda prediction_type, power: 0.0,
            ),
            "For v and flow you subtract: there is a minus in both targets, but variances add.": (
                _with(v=lambda p: (1 - p) / 2, flow=lambda p: 1 - p),
                _with(v=lambda p: (1 - p) / 2, flow=lambda p: (1 - p) ** 2),
            ),
            "The answers for v and flow are exchanged: which target has the rates in it?": _with(
                v=lambda p: 1 + p, flow=lambda p: (1 + p) / 2
            ),
            "The answers for eps and x0 are exchanged.": _with(eps=lambda p: p, x0=lambda p: 1.0),
            "Nothing can be smaller than zero, but a network that returns the mean is wrong by the whole variance.": (
                lambda prediction_type, power: -_baseline(prediction_type, power)
            ),
        }
    ),
    properties=(
        Property("For eps it is wrong: what is the variance of standard Gaussian noise?", _is(0, "eps")),
        Property("For x0 it is wrong: what is the mean of the squared clean image?", _is(1, "x0")),
        Property(
            "Only flow is wrong: image and noise are independent. What is the variance of their difference?",
            lambda x, _, power: not _is(2, "v")(x, _, power) or _is(3, "flow")(x, _, power),
        ),
        Property(
            "For v it is wrong: square the target, average over noise and images, then over all angles.",
            _is(2, "v"),
        ),
    ),
    example=lambda: ("each", 0.5),
    where=lambda _, power: f"the power is {power:.2g} and the type is eps, x0, v and flow in turn",
    line="Write down the target of the type, square it, and average. Image and noise are independent.",
)
