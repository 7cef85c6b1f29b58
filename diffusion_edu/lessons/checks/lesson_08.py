"""The exercises of lesson 08, cold diffusion: what they expect, and the mistakes that have a name."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named
from diffusion_edu.lessons.checks.lesson_08_steps import COLD_STEP, NAIVE_STEP

# 08.1: an image that fades to a colour ------------------------------------------------------------------------------


def _fade_to(x0, t, T, color):
    return x0 * (1 - t / T) + color * (t / T)


def _fading(random):
    T, kind = inputs.whole(random, 6, 12), inputs.number(random, 0, 1)
    t = 0 if kind < 0.15 else T if kind > 0.6 else inputs.whole(random, 1, T - 1)
    return inputs.images(random, 2, 3, 4, 5), t, T, inputs.number(random, -0.9, 0.9)


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


FADE_TO = Exercise(
    title="Fade to a colour",
    draw=_fading,
    answer=_fade_to,
    means="Timestep 0 is the image, timestep T is the colour, and the way between them is straight.",
    example=lambda: (torch.full((1, 1, 1, 1), 0.8, dtype=torch.float64), 3, 10, -0.2),
    where=lambda x0, t, T, color: (
        f"{'one pixel of 0.8, ' if x0.numel() == 1 else ''}t = {t}, T = {T}, color = {color:.3g}"
    ),
    line="Look at what is kept: it is 1 at timestep 0 and 0 at timestep T.",
    mistakes=(
        *combined(_faded, IMAGE_PARTS, COLOR_PARTS),
        *named(
            {
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
            lambda x, x0, t, T, color: t > 0 or torch.allclose(x, x0),
        ),
        Property(
            "At timestep T every pixel must have the colour.",
            lambda x, x0, t, T, color: t < T or bool(((x - color).abs() < 1e-5).all()),
        ),
    ),
)

# 08.4: peak signal-to-noise ratio -----------------------------------------------------------------------------------


def _psnr(x, reference):
    return 10 * torch.log10(4 / (x - reference).square().flatten(1).mean(1))


def _pairs(random):
    reference = inputs.images(random, 3, 2, 4, 5)
    wrong = inputs.noise(random, 3, 2, 4, 5) * torch.tensor([0.05, 0.2, 0.6]).view(3, 1, 1, 1)
    return reference + inputs.number(random, 0.5, 1.5) * wrong + 0.05, reference


def _error(x, reference, sides=(1, 2, 3)):
    return (x - reference).square().mean(sides)


PSNR = Exercise(
    title="PSNR",
    draw=_pairs,
    answer=_psnr,
    means="20 dB is an error of a tenth of the range; each factor of ten in the error is 20 dB more.",
    example=lambda: (
        torch.tensor([0.2, 0.2, 0.02, 0.02], dtype=torch.float64).view(2, 1, 1, 2),
        torch.zeros(2, 1, 1, 2, dtype=torch.float64),
    ),
    where=lambda x, reference: (
        "every pixel of the first image is wrong by 0.2 and every pixel of the second one by 0.02"
        if len(x) == 2
        else "three images have small, middle and large errors"
    ),
    line="Look at three things in turn: the peak, the mean (over what?), and the factor before the logarithm.",
    mistakes=named(
        {
            "The peak is the distance from black to white. How large is it here, where black is -1?": (
                lambda x, y: 10 * torch.log10(1 / _error(x, y)),
                lambda x, y: 10 * torch.log10(0.5**2 / _error(x, y)),
            ),
            "The peak is not squared. The mean squared error is, so the ratio compares unlike things.": (
                lambda x, y: 10 * torch.log10(2 / _error(x, y))
            ),
            "255 is the peak of bytes. These images lie between -1 and 1.": (
                lambda x, y: 10 * torch.log10(255**2 / _error(x, y)),
                lambda x, y: 10 * torch.log10(255 / _error(x, y)),
                lambda x, y: 20 * torch.log10(255 / _error(x, y)),
            ),
            "The peak is a fixed number, the range of all possible images. You took it from this image.": (
                lambda x, y: 10 * torch.log10(y.amax((1, 2, 3)) ** 2 / _error(x, y)),
                lambda x, y: 10 * torch.log10(x.amax((1, 2, 3)) ** 2 / _error(x, y)),
                lambda x, y: 10 * torch.log10(y.max() ** 2 / _error(x, y)),
                lambda x, y: 10 * torch.log10(x.max() ** 2 / _error(x, y)),
                lambda x, y: 10 * torch.log10((y.amax((1, 2, 3)) - y.amin((1, 2, 3))) ** 2 / _error(x, y)),
                lambda x, y: 10 * torch.log10((y.max() - y.min()) ** 2 / _error(x, y)),
            ),
            "You average over the whole batch. Each image has a PSNR of its own.": (
                lambda x, y: 10 * torch.log10(4 / (x - y).square().mean()),
                lambda x, y: _psnr(x, y).mean(),
                lambda x, y: 10 * torch.log10(1 / (x - y).square().mean()),
                lambda x, y: 10 * torch.log10(4 / (x - y).square().mean(0)),
                lambda x, y: 20 * torch.log10(2 / (x - y).square().mean()),
            ),
            "The factor before the logarithm is that of amplitudes. You have powers: they are squared already.": (
                lambda x, y: 20 * torch.log10(4 / _error(x, y)),
                lambda x, y: 20 * torch.log10(2 / _error(x, y)),
                lambda x, y: 20 * torch.log10(1 / _error(x, y)),
            ),
            "You took a root of the error and kept the factor that belongs to powers.": (
                lambda x, y: 10 * torch.log10(2 / _error(x, y).sqrt()),
                lambda x, y: 10 * torch.log10(4 / _error(x, y).sqrt()),
                lambda x, y: 10 * torch.log10(1 / _error(x, y).sqrt()),
            ),
            "This is the natural logarithm. Decibels count powers of ten.": (
                lambda x, y: 10 * torch.log(4 / _error(x, y)),
                lambda x, y: 20 * torch.log(2 / _error(x, y).sqrt()),
                lambda x, y: 10 * torch.log(2 / _error(x, y)),
                lambda x, y: 10 * torch.log(1 / _error(x, y)),
            ),
            "This is the logarithm with base two. Decibels count powers of ten.": (
                lambda x, y: 10 * torch.log2(4 / _error(x, y)),
                lambda x, y: 10 * torch.log2(1 / _error(x, y)),
            ),
            "The ratio is upside down: a smaller error must give more decibels.": (
                lambda x, y: 10 * torch.log10(_error(x, y) / 4),
                lambda x, y: 10 * torch.log10(_error(x, y)),
                lambda x, y: 10 * torch.log10(_error(x, y) / 2),
            ),
            "These are bels. A decibel is a tenth of a bel.": lambda x, y: torch.log10(4 / _error(x, y)),
            "This is the ratio itself. Decibels are its logarithm.": lambda x, y: 4 / _error(x, y),
            "This is the mean squared error. It has to be compared with the peak, and turned into decibels.": _error,
            "You added up the squared errors. Their mean is asked for, so that large images do not lose.": (
                lambda x, y: 10 * torch.log10(4 / (x - y).square().sum((1, 2, 3)))
            ),
            "You used the mean of the absolute errors. PSNR uses their squares.": (
                lambda x, y: 10 * torch.log10(4 / (x - y).abs().mean((1, 2, 3))),
                lambda x, y: 20 * torch.log10(2 / (x - y).abs().mean((1, 2, 3))),
                lambda x, y: 10 * torch.log10(4 / (x - y).abs().mean((1, 2, 3)) ** 2),
            ),
            "You squared the mean error. Square first, then average: errors of different signs must not cancel.": (
                lambda x, y: 10 * torch.log10(4 / (x - y).mean((1, 2, 3)) ** 2)
            ),
            "There is one number for each channel. Average over the channels, too.": (
                lambda x, y: 10 * torch.log10(4 / _error(x, y, (2, 3)))
            ),
            "You average over the channels only. Average over rows and columns, too.": (
                lambda x, y: 10 * torch.log10(4 / _error(x, y, (1,)))
            ),
            "You subtract the mean of the error first. An image that is too dark everywhere is wrong, too.": (
                lambda x, y: 10 * torch.log10(4 / (x - y).flatten(1).var(1)),
                lambda x, y: 10 * torch.log10(4 / (x - y).flatten(1).var(1, unbiased=False)),
            ),
            "You compare with the power of the image (a signal-to-noise ratio). PSNR compares with the peak.": (
                lambda x, y: 10 * torch.log10(y.square().mean((1, 2, 3)) / _error(x, y)),
                lambda x, y: 10 * torch.log10(x.square().mean((1, 2, 3)) / _error(x, y)),
            ),
            "You compare each pixel by itself, and average the decibels. Average the errors first.": (
                lambda x, y: (10 * torch.log10(4 / (x - y).square())).mean((1, 2, 3))
            ),
            "You clip the image first. Then an error outside the range does not count.": (
                lambda x, y: _psnr(x.clamp(-1, 1), y)
            ),
        }
    ),
    properties=(
        Property(
            "A larger error must give fewer decibels.",
            lambda result, x, y: bool((result.diff() < 0).all()),
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
