"""The exercises of lesson 01, adding noise: what they expect, and the mistakes that have a name."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, factors, named
from diffusion_edu.lessons.exercises.lesson_01_jump_on import JUMP_ON
from diffusion_edu.lessons.exercises.lesson_01_tables import ALPHA_BAR_FROM, CROSSING, VARIANCE_AT

PIXEL = torch.ones(1, 1, 1, 1, dtype=torch.float64)

# 01.1: noise an image to timestep t, from alpha_bar ------------------------------------------------------------------


def _mixed(image, noise):
    """The answer with these two factors, each a function of alpha_bar at the timestep."""
    return lambda x0, eps, t, alpha_bar: image(alpha_bar[t]) * x0 + noise(alpha_bar[t]) * eps


def _root(power):
    return power**0.5


def _root_of_rest(power):
    return (1 - power) ** 0.5


JUMP = _mixed(_root, _root_of_rest)
IMAGE_PARTS: Parts = {
    "": _root,
    "The image is multiplied by a power. alpha_bar is the square of the signal rate.": lambda p: p,
    "alpha_bar is a square already, and you squared it once more.": lambda p: p**2,
    "The image is multiplied by the root of its rate: one root too many.": lambda p: p**0.25,
    "The image has not shrunk. It has a rate, too.": lambda p: p**0,
    "The image is multiplied by a rate that grows with t. What happens to the image?": _root_of_rest,
    "The image is multiplied by a power that grows with t. What happens to the image?": lambda p: 1 - p,
    "The image becomes stronger with t. Is its rate on the right side of a division?": lambda p: p**-0.5,
    "The image has the wrong sign.": lambda p: -(p**0.5),
    "The image is missing.": lambda p: 0 * p,
}
NOISE_PARTS: Parts = {
    "": _root_of_rest,
    "The noise is multiplied by its variance. eps needs its standard deviation.": lambda p: 1 - p,
    "The two rates do not add up to one. Which two quantities do?": lambda p: 1 - p**0.5,
    "alpha_bar is a power already: to find the power of the noise, do not square it again.": lambda p: (
        (1 - p**2) ** 0.5
    ),
    "The noise has the rest of the power, not the rest of the signal rate.": lambda p: (1 - p**0.5) ** 0.5,
    "The noise has its full strength at every timestep.": lambda p: p**0,
    "The noise becomes weaker with t: it is multiplied by the signal's rate.": _root,
    "The noise becomes weaker with t: it is multiplied by the signal's power.": lambda p: p,
    "The noise is multiplied by the square of its variance. eps needs its standard deviation.": lambda p: (1 - p) ** 2,
    "The noise is multiplied by the root of its rate: one root too many.": lambda p: (1 - p) ** 0.25,
    "The noise shrinks together with the image: but it is added after the image has shrunk.": lambda p: (
        (p * (1 - p)) ** 0.5
    ),
    "The powers of image and noise add up to one. In your code the noise alone has more than one.": lambda p: (
        (1 + p) ** 0.5
    ),
    "The noise has the wrong sign.": lambda p: -((1 - p) ** 0.5),
    "The noise is missing.": lambda p: 0 * p,
}
BOTH_PARTS: dict[tuple[str, ...], str] = {
    (
        "The image is multiplied by a rate that",
        "The noise becomes weaker with t: it is multiplied by the signal's rate",
    ): ("Image and noise have changed places: at a low timestep the result is nearly pure noise."),
    ("The image is multiplied by a power. ", "The noise is multiplied by its variance"): (
        "You multiplied by powers. Image and noise need rates, and a power is the square of a rate."
    ),
    ("The image is multiplied by a power. ", "alpha_bar is a power already"): (
        "You took alpha_bar for the signal rate. It is the signal's power."
    ),
}


def _last_step(x0, eps, t, alpha_bar):
    kept = alpha_bar[t] / alpha_bar[max(t - 1, 0)]
    return kept**0.5 * x0 + (1 - kept) ** 0.5 * eps


ADD_NOISE = Exercise(
    title="One jump",
    draw=lambda random: (
        inputs.images(random, 2, 3, 5, 4),
        inputs.noise(random, 2, 3, 5, 4),
        inputs.whole(random, 0, 8),
        inputs.alpha_bar(random, 9),
    ),
    answer=JUMP,
    means="One formula reaches every timestep at once. No loop over the timesteps below it is needed.",
    mistakes=(
        *named(
            {
                "You read the table one timestep too low. Entry 0 is the clean image.": (
                    lambda x0, eps, t, a: JUMP(x0, eps, t - 1, a),
                    lambda x0, eps, t, a: JUMP(x0, eps, max(t - 1, 0), a),
                ),
                "You read the table one timestep too high. Entry 0 is the clean image.": (
                    lambda x0, eps, t, a: JUMP(x0, eps, t + 1, a)
                ),
                "The image has the rate of timestep t, but the noise has that of the timestep below.": (
                    lambda x0, eps, t, a: _root(a[t]) * x0 + _root_of_rest(a[t - 1]) * eps,
                    lambda x0, eps, t, a: _root(a[t]) * x0 + _root_of_rest(a[max(t - 1, 0)]) * eps,
                ),
                "The image has the rate of timestep t, but the noise has that of the timestep above.": (
                    lambda x0, eps, t, a: _root(a[t]) * x0 + _root_of_rest(a[t + 1]) * eps
                ),
                "The noise has the rate of the last timestep of the table, and not that of t.": (
                    lambda x0, eps, t, a: _root(a[t]) * x0 + _root_of_rest(a[-1]) * eps
                ),
                "The noise is that of the last small step only. You need the noise of all steps up to t.": (
                    lambda x0, eps, t, a: _root(a[t]) * x0 + (1 - a[t] / a[t - 1]) ** 0.5 * eps
                ),
                "You always read the last entry of the table.": lambda x0, eps, t, a: JUMP(x0, eps, -1, a),
                "You counted the timesteps from the end of the table.": lambda x0, eps, t, a: JUMP(
                    x0, eps, len(a) - 1 - t, a
                ),
                "This is only the last small step. A jump from the clean image joins all steps up to t.": _last_step,
                "You multiplied all entries of the table. alpha_bar is a product over all steps already.": (
                    lambda x0, eps, t, a: JUMP(x0, eps, t, a.cumprod(0))
                ),
                "This removes noise: you solved the formula for the clean image.": lambda x0, eps, t, a: (
                    (x0 - _root_of_rest(a[t]) * eps) / a[t] ** 0.5
                ),
                "You used t itself as a rate. Only the table says what t means.": lambda x0, eps, t, a: (
                    (1 - t / (len(a) - 1)) * x0 + t / (len(a) - 1) * eps
                ),
                "You clipped the result. Noise goes beyond the range of an image, and it must.": lambda x0, eps, t, a: (
                    JUMP(x0, eps, t, a).clamp(-1, 1)
                ),
                "You mixed inside the root. Image and noise each have their own factor.": lambda x0, eps, t, a: (
                    (a[t] * x0 + (1 - a[t]) * eps).abs() ** 0.5
                ),
            }
        ),
        *combined(_mixed, IMAGE_PARTS, NOISE_PARTS, together=BOTH_PARTS),
    ),
    properties=(
        Property(
            "At timestep 0 the clean image must come back, unchanged.",
            lambda x, x0, eps, t, _: t > 0 or torch.allclose(x, x0, atol=1e-4),
        ),
        Property(
            "The squares of your two factors do not add up to one. On this schedule they do.",
            lambda x, x0, eps, t, _: not abs(sum(f**2 for f in factors(x, x0, eps)) - 1) > 1e-3,
        ),
    ),
    linear=("x0", "eps"),
    example=lambda: (PIXEL, PIXEL, 1, torch.tensor([1.0, 0.64, 0.1]).double()),
    where=lambda x0, eps, t, alpha_bar: f"alpha_bar[t] = {alpha_bar[t]:.2f}",
    line="Look at the noise rate. What is the power of the noise? And which rate belongs to that power?",
)

# 01.5: a batch in which every image has its own timestep (find the bug) ----------------------------------------------

EACH, ROWS, COLUMNS = (-1, 1, 1, 1), (-1, 1), (-1,)


def _laid(shape, noise_shape=None, timestep=lambda t: t, image=_root, noise=_root_of_rest):
    """The answer that lays the rates of the timesteps along these sides of the batch."""

    def answer(x0, t, eps, alpha_bar):
        power = alpha_bar[timestep(t)]
        return image(power).view(shape) * x0 + noise(power).view(noise_shape or shape) * eps

    return answer


def _each(timestep):
    return _laid(EACH, timestep=timestep)


def _mean_power(x0, t, eps, alpha_bar):
    power = alpha_bar[t].mean()
    return power**0.5 * x0 + (1 - power) ** 0.5 * eps


def _mean_rates(x0, t, eps, alpha_bar):
    power = alpha_bar[t]
    return _root(power).mean() * x0 + _root_of_rest(power).mean() * eps


CORRUPT_BATCH = Exercise(
    title="A timestep for each image",
    draw=lambda random: (  # as many images as rows and columns: then a table along the wrong side raises nothing
        inputs.images(random, 6, 3, 6, 6),
        torch.randperm(10, generator=random)[:6],
        inputs.noise(random, 6, 3, 6, 6),
        inputs.alpha_bar(random, 9),
    ),
    answer=_laid(EACH),
    given=_laid(COLUMNS),
    means="One rate for each image. Broadcasting never complains when shapes fit by accident: look at the shapes.",
    mistakes=(
        *named(
            {
                "Now every row of pixels has its own timestep. But every image needs its own timestep.": _laid(ROWS),
                "The image part is right. The noise still changes from column to column.": _laid(EACH, COLUMNS),
                "The noise part is right. The image's rate still changes from column to column.": _laid(COLUMNS, EACH),
                "The image part is right. The noise changes from row to row.": _laid(EACH, ROWS),
                "The noise part is right. The image's rate changes from row to row.": _laid(ROWS, EACH),
                "One rate changes from row to row, the other one from column to column.": (
                    _laid(ROWS, COLUMNS),
                    _laid(COLUMNS, ROWS),
                ),
                "All images get the timestep of one of them. Each has its own.": (
                    _each(lambda t: t[:1]),
                    _each(lambda t: t[-1:]),
                    _each(lambda t: t.max()),
                    _each(lambda t: t.min()),
                    _each(lambda t: t.median()),
                    _each(lambda t: t.double().mean().long()),
                    _each(lambda t: t.double().mean().round().long()),
                ),
                "You averaged over the images. Each image has its own rates.": (_mean_power, _mean_rates),
                "The timesteps are in another order than the images.": (
                    _each(lambda t: t.sort().values),
                    _each(lambda t: t.flip(0)),
                ),
                "You used the number of the image as its timestep.": _each(lambda t: torch.arange(len(t))),
                "All images share the noise of the first one.": lambda x0, t, eps, a: _laid(EACH)(x0, t, eps[:1], a),
                "You noised the first image again and again.": lambda x0, t, eps, a: _laid(EACH)(x0[:1], t, eps, a),
                "You read the table one timestep too low.": (
                    _each(lambda t: t - 1),
                    _each(lambda t: (t - 1).clamp(min=0)),
                ),
                "You read the table one timestep too high.": _each(lambda t: (t + 1).clamp(max=9)),
            }
        ),
        *combined(
            lambda image, noise: _laid(EACH, image=image, noise=noise),
            IMAGE_PARTS,
            NOISE_PARTS,
            opening="The shapes are right now.",
            together=BOTH_PARTS,
        ),
    ),
    properties=(
        Property(
            "An image at timestep 0 must come back unchanged.",
            lambda x, x0, t, eps, _: all(torch.allclose(x[k], x0[k], atol=1e-4) for k in range(len(t)) if not t[k]),
        ),
        Property(
            "Within one image, the rates still change from pixel to pixel.",
            lambda x, x0, t, eps, _: all(f == f for k in range(len(t)) for f in factors(x[k], x0[k], eps[k])),
        ),
    ),
    example=lambda: (  # two images of two by two pixels, without noise
        torch.ones(2, 1, 2, 2).double(),
        torch.tensor([0, 1]),
        torch.zeros(2, 1, 2, 2).double(),
        torch.tensor([1.0, 0.25]).double(),
    ),
    where=lambda x0, t, eps, alpha_bar: (
        f"{len(t)} images of {x0.shape[-2]} x {x0.shape[-1]} pixels get the timesteps {t.tolist()}, and alpha_bar is "
        f"[{', '.join(f'{power:.2f}' for power in alpha_bar)}]"
    ),
    line="Look at the shapes of the two rates: along which axis of the batch do they change?",
)

EXERCISES = {
    "01.1": ADD_NOISE,
    "01.2": ALPHA_BAR_FROM,
    "01.3": VARIANCE_AT,
    "01.4": CROSSING,
    "01.5": CORRUPT_BATCH,
    "01.6": JUMP_ON,
}
