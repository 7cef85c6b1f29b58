"""The exercises of lesson 08, cold diffusion: what they expect, and the mistakes that have a name."""

import math

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named
from diffusion_edu.lessons.exercises.lesson_08_psnr import PSNR
from diffusion_edu.lessons.exercises.lesson_08_steps import COLD_STEP, NAIVE_STEP

# 08.1: an image that fades to a colour ------------------------------------------------------------------------------


def _fade_to(x0, t, T, color):
    return x0 * (1 - t / T) + color * (t / T)


def _fading(random):
    T = inputs.whole(random, 6, 12)
    t = inputs.whole(random, 1, T - 1)
    return inputs.images(random, 2, 3, 4, 5), t, T, inputs.number(random, -0.9, 0.9)


def _also_at_both_ends(function, x0, t, T, color):
    """Ask at timestep 0, at t and at T: one result each."""
    results = [function(x0, each, T, color) for each in (0, t, T)]
    return None if any(each is None or each is ... for each in results) else results


IMAGE_PARTS: Parts = {
    "": lambda t, T: 1 - t / T,
    "The image becomes stronger with t. It should become weaker.": lambda t, T: t / T,
    "The image does not become weaker.": lambda t, T: 1,
    "The image is missing.": lambda t, T: 0,
    "The image is always at half strength, whatever t is.": lambda t, T: 0.5,
    "The factor of the image is that of a noise schedule. This fading is linear: no root.": lambda t, T: (
        (1 - t / T) ** 0.5
    ),
    "The factor of the image is squared. This fading is linear.": lambda t, T: (1 - t / T) ** 2,
    "The factor of the image falls too slowly at first: t over T is squared in it.": lambda t, T: 1 - (t / T) ** 2,
    "Whole-number division cuts off the fraction in the factor of the image.": lambda t, T: 1 - t // T,
    "The factor of the image is not divided by the number of timesteps.": lambda t, T: T - t,
    "The factor of the image uses t itself. Which fraction of the way is timestep t?": lambda t, T: 1 - t,
    "The image has the wrong sign.": lambda t, T: -(1 - t / T),
}
COLOR_PARTS: Parts = {
    "": lambda t, T: t / T,
    "The colour becomes weaker with t. It should become stronger.": lambda t, T: 1 - t / T,
    "The colour is there at full strength at every timestep.": lambda t, T: 1,
    "The colour is missing: the image fades to grey, not to the colour.": lambda t, T: 0,
    "The colour is always at half strength, whatever t is.": lambda t, T: 0.5,
    "The factor of the colour is that of a noise schedule. This fading is linear: no root.": lambda t, T: (
        (t / T) ** 0.5
    ),
    "The factor of the colour is squared. This fading is linear.": lambda t, T: (t / T) ** 2,
    "Whole-number division cuts off the fraction in the factor of the colour.": lambda t, T: t // T,
    "The factor of the colour is not divided by the number of timesteps.": lambda t, T: t,
    "The colour has the wrong sign.": lambda t, T: -t / T,
}


def _faded(image, color):
    return lambda x0, t, T, colour: image(t, T) * x0 + color(t, T) * colour


def _blank(kept):
    """The answer with this in the blank: the colour gets what the image loses."""
    return lambda x0, t, T, color: kept(t, T) * x0 + (1 - kept(t, T)) * color


FADE_TO = Exercise(
    title="Fade to a colour",
    draw=_fading,
    answer=_fade_to,
    run=_also_at_both_ends,
    means="Timestep 0 is the image, timestep T is the colour, and the way between them is straight.",
    example=lambda: (torch.full((1, 1, 1, 1), 0.8, dtype=torch.float64), 3, 10, -0.2),
    where=lambda x0, t, T, color: (
        f"{'one pixel of 0.8, ' if x0.numel() == 1 else ''}T = {T}, color = {color:.3g}, for t = 0, {t} and {T} in turn"
    ),
    line="Look at what is kept: it is 1 at timestep 0 and 0 at timestep T.",
    mistakes=(
        *combined(_faded, IMAGE_PARTS, COLOR_PARTS),
        *named(
            {
                "`kept` is a fraction between 0 and 1. You count timesteps.": (
                    _blank(lambda t, T: T - t),
                    _blank(lambda t, T: t),
                    _blank(lambda t, T: T),
                ),
                "This fading is linear: no root, no square, no cosine.": (
                    _blank(lambda t, T: (1 - t / T) ** 0.5),
                    _blank(lambda t, T: (1 - t / T) ** 2),
                    _blank(lambda t, T: 1 - (t / T) ** 0.5),
                    _blank(lambda t, T: math.cos(math.pi / 2 * t / T)),
                ),
                "You put in a number of timesteps. T is an argument: it can be any number.": (
                    _blank(lambda t, T: 1 - t / 100),
                    _blank(lambda t, T: 1 - t / 1000),
                ),
                "You count one timestep too many or too few. Is all of the image there at 0, and nothing at T?": (
                    _blank(lambda t, T: 1 - (t + 1) / T),
                    _blank(lambda t, T: 1 - (t - 1) / T),
                    _blank(lambda t, T: 1 - t / (T - 1)),
                    _blank(lambda t, T: 1 - t / (T + 1)),
                ),
                "Your fraction is negative. Which of the two timesteps is the larger one?": (
                    _blank(lambda t, T: (t - T) / T)
                ),
                "Whole-number division cuts off the fraction: between the two ends nothing of the image is kept.": (
                    _blank(lambda t, T: (T - t) // T)
                ),
                "You multiply the image by the colour. They should be mixed.": (
                    lambda x0, t, T, color: x0 * color,
                    lambda x0, t, T, color: x0 * (1 - t / T) * color,
                    lambda x0, t, T, color: x0 * (1 - t / T) * color * t / T,
                ),
                "The image jumps to the colour halfway. It should fade in equal steps.": (
                    lambda x0, t, T, color: x0 if t < T / 2 else 0 * x0 + color,
                    lambda x0, t, T, color: x0 if t <= T / 2 else 0 * x0 + color,
                ),
                "The colour is added first, and then everything fades.": lambda x0, t, T, color: (
                    (x0 + color * t / T) * (1 - t / T)
                ),
                "Look at the brackets: what is subtracted from one?": (
                    lambda x0, t, T, color: x0 * 1 - t / T + color * t / T,
                    lambda x0, t, T, color: x0 * (1 - t) / T + color * t / T,
                ),
            }
        ),
    ),
    properties=(
        Property(
            "At timestep 0 nothing has happened yet: the image must come back.",
            lambda results, x0, *_: torch.allclose(results[0], x0),
        ),
        Property(
            "At timestep T every pixel must have the colour.",
            lambda results, x0, t, T, color: bool(((results[2] - color).abs() < 1e-5).all()),
        ),
        Property(
            "Both ends are right. Between them the image must fade in equal steps.",
            lambda results, *inputs: torch.allclose(results[1], _fade_to(*inputs)),
        ),
    ),
)

# 08.5: pixels vanish one after another (debugging) ------------------------------------------------------------------


def _mask_pixels(x0, t, order):
    return torch.where(order > t, x0, 0.0)


def _given_mask(x0, t, order):
    random = torch.Generator().manual_seed(t)
    kept = torch.rand(order.shape, generator=random) > t / order.max()
    return torch.where(kept, x0, 0.0)


def _orders(random):
    order = 1 + torch.arange(15).remainder(8)[torch.randperm(15, generator=random)].view(3, 5)
    return inputs.images(random, 2, 4, 3, 5), inputs.whole(random, 0, 8), order


def _one_mask(order, t):
    return torch.rand(order.shape, generator=torch.Generator().manual_seed(0)) > t / order.max()


KEPT_PARTS: Parts = {
    "": lambda order, t: order > t,
    "A pixel vanishes at its timestep, not one timestep later.": lambda order, t: order >= t,
    "The mask is inverted: pixels appear where they should vanish.": lambda order, t: order <= t,
    "The mask is inverted, and it is wrong at the timestep itself.": lambda order, t: order < t,
    "Only the pixels of this timestep vanish. What about those that vanished earlier?": lambda order, t: order != t,
    "Only the pixels of this timestep are left.": lambda order, t: order == t,
    "The mask is the same for all t now, but it does not follow `order`.": _one_mask,
    "You compare `order` with a fraction. It holds timesteps.": lambda order, t: order > t / order.max(),
    "You compare a fraction with a timestep. `order` holds timesteps already.": lambda order, t: (
        order / order.max() > t
    ),
    "The pixels vanish in reading order. `order` says which one vanishes when.": lambda order, t: (
        torch.arange(order.numel()).view(order.shape) >= t
    ),
    "The pixels vanish from the wrong end of `order`.": lambda order, t: order.max() - order >= t,
    "Whole rows vanish together. Each pixel has a timestep of its own.": lambda order, t: (order[:, :1] > t).expand_as(
        order
    ),
    "Whole columns vanish together. Each pixel has a timestep of its own.": lambda order, t: (order[:1] > t).expand_as(
        order
    ),
}
GONE_PARTS: Parts = {
    "": lambda x0: 0.0 * x0,
    "A vanished pixel is grey, which is 0 here. Yours is white.": lambda x0: 0 * x0 + 1,
    "A vanished pixel is grey, which is 0 here. Yours is black.": lambda x0: 0 * x0 - 1,
    "A vanished pixel is grey, which is 0 here. Yours has the mean colour of the image.": lambda x0: x0.mean(
        (2, 3), keepdim=True
    ).expand_as(x0),
    "A vanished pixel is weaker, but not gone.": lambda x0: 0.5 * x0,
}


def _masked(kept, gone):
    return lambda x0, t, order: torch.where(kept(order, t), x0, gone(x0))


MASK_PIXELS = Exercise(
    title="Pixels vanish one after another",
    draw=_orders,
    answer=_mask_pixels,
    given=_given_mask,
    means="One order for the whole walk: what is gone at timestep s is gone at every higher t, too.",
    example=lambda: (
        torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]], dtype=torch.float64),
        2,
        torch.tensor([[1, 3], [2, 4]]),
    ),
    line="Look at `kept`: which of its parts is the same at all timesteps?",
    mistakes=(
        *combined(_masked, KEPT_PARTS, GONE_PARTS),
        *named(
            {
                "This is the mask. Multiply the image by it.": lambda x0, t, order: order > t,
                "You cut the pixels out. The image should keep its shape, with grey in their place.": (
                    lambda x0, t, order: x0[..., order > t]
                ),
                "You multiply by the timesteps themselves. A pixel is there, or it is not.": (
                    lambda x0, t, order: x0 * order,
                    lambda x0, t, order: x0 * (order - t),
                    lambda x0, t, order: x0 * (order - t).clamp(min=0),
                ),
                "The pixels become weaker. They should vanish one after another.": (
                    lambda x0, t, order: x0 * (1 - t / order.max()),
                    lambda x0, t, order: x0 * (1 - t / order).clamp(min=0),
                ),
                "Only the first channel loses its pixels. They vanish in all channels.": lambda x0, t, order: torch.cat(
                    [_mask_pixels(x0[:, :1], t, order), x0[:, 1:]], 1
                ),
                "Only the first image loses its pixels. They vanish in all images.": lambda x0, t, order: torch.cat(
                    [_mask_pixels(x0[:1], t, order), x0[1:]]
                ),
                "You order the pixels by brightness. `order` says which one vanishes when.": lambda x0, t, order: (
                    torch.where(x0.flatten(2).argsort(2).view_as(x0) > t, x0, 0.0)
                ),
            }
        ),
    ),
    properties=(
        Property(
            "At timestep 0 no pixel has vanished yet: the image must come back.",
            lambda x, x0, t, order: t > 0 or torch.allclose(x, x0),
        ),
        Property(
            "Every pixel is as it was, or it is 0. Yours has other values.",
            lambda x, x0, t, order: bool((((x - x0).abs() < 1e-6) | (x.abs() < 1e-6)).all()),
        ),
        Property(
            "The number of pixels that are left is not the number of those whose turn comes later.",
            lambda x, x0, t, order: int((x[0, 0].abs() > 0).sum()) == int((order > t).sum()),
        ),
        Property(
            "The number of vanished pixels is right, but they are not those that `order` names.",
            lambda x, x0, t, order: torch.equal(x[0, 0].abs() > 0, order > t),
        ),
    ),
)

EXERCISES = {
    "08.1": FADE_TO,
    "08.2": NAIVE_STEP,
    "08.3": COLD_STEP,
    "08.4": PSNR,
    "08.5": MASK_PIXELS,
}
