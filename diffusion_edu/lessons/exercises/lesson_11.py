"""The exercises of lesson 11, latents and text: what they expect, and the mistakes that have a name.

Standardising (11.1), numbers saved (11.2) and the decoder (11.5) are here, KL (11.3) and cross-attention (11.4) are in
files of their own.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, chosen, combined, named, one_wrong
from diffusion_edu.lessons.exercises.lesson_11_attention import CROSS_ATTEND
from diffusion_edu.lessons.exercises.lesson_11_kl import KL

# 11.1: latents with mean 0 and standard deviation 1 ------------------------------------------------------------------


def _latents(random):
    """Latents with equal sides, so that a wrong axis gives wrong numbers, not an error; mean and std per channel."""
    n = inputs.whole(random, 2, 4)
    std = 0.4 + 2 * torch.rand(n, generator=random, dtype=torch.float64)
    return 2 * inputs.noise(random, n, n, n, n), 3 * inputs.images(random, n), std


def per_channel(numbers: Tensor) -> Tensor:
    """One number per channel, (c,), in the shape that fits latents (b, c, h, w)."""
    return numbers[:, None, None]


def _per_image(numbers):
    return numbers[:, None, None, None]


def _per_row(numbers):
    return numbers[:, None]


def _per_column(numbers):
    return numbers


AXES: Parts = {
    "": per_channel,
    "The numbers go along the last axis, one for each column of the latent. They belong to the channels.": _per_column,
    "The numbers go along the rows of the latent. They belong to the channels.": _per_row,
    "The numbers go along the batch, one for each image. They belong to the channels.": _per_image,
    "You use one number for all channels. Each channel has its own.": lambda numbers: numbers.mean(),
    "You use the numbers of the first channel for all channels.": lambda numbers: numbers[0],
    "You added up the numbers of all channels.": lambda numbers: numbers.sum(),
}
FORMULAS: Parts = {
    "": lambda z, m, s: (z - m) / s,
    "You multiply by the standard deviation. That is the way back, or half of it.": lambda z, m, s: (z - m) * s,
    "This is the way back, from standardised to raw latents.": lambda z, m, s: z * s + m,
    "You add the mean. After standardising the mean must be 0.": lambda z, m, s: (z + m) / s,
    "You subtract the mean from what is divided already. It belongs to the raw latents.": lambda z, m, s: z / s - m,
    "Only the mean is divided. Look at the brackets.": lambda z, m, s: z - m / s,
    "You divide by the variance. Which of the two makes the standard deviation 1?": lambda z, m, s: (z - m) / s**2,
    "You divide by the root of the standard deviation.": lambda z, m, s: (z - m) / s**0.5,
    "The mean is still there: you only divide.": lambda z, m, s: z / s,
    "The standard deviation is still there: you only subtract.": lambda z, m, s: z - m,
    "The result has the wrong sign.": lambda z, m, s: (m - z) / s,
    "Mean and standard deviation have changed places.": lambda z, m, s: (z - s) / m,
    "You clamp the latents. Images have a range, latents have none.": lambda z, m, s: ((z - m) / s).clamp(-1, 1),
    "You clamp the raw latents. Images have a range, latents have none.": lambda z, m, s: (z.clamp(-1, 1) - m) / s,
    "You use the size of the mean and lose its sign.": lambda z, m, s: (z - m.abs()) / s,
    "You add something to the standard deviation. It is never 0 here.": lambda z, m, s: (z - m) / (s + 1),
    "You squeeze the result into a range. Standardised latents have none.": lambda z, m, s: ((z - m) / s).tanh(),
}
OWN = "You measure mean and standard deviation of these latents. Use those that you are given: they belong to all data."


def _standardised(axis, formula):
    return lambda z, mean, std: formula(z, axis(mean), axis(std))


def _own(dims, correction: int = 1) -> Callable:
    def answer(z, mean, std):
        return (z - z.mean(dims, keepdim=True)) / z.std(dims, keepdim=True, correction=correction)

    return answer


STANDARDISE = Exercise(
    title="Standardise latents",
    draw=_latents,
    answer=_standardised(per_channel, FORMULAS[""]),
    means="Now every channel has mean 0 and standard deviation 1, as the noise has: the noise schedule means the same.",
    mistakes=(
        *one_wrong(_standardised, AXES, FORMULAS),
        *combined(_standardised, chosen(AXES, 1, 2, 3, 4), chosen(FORMULAS, 1, 2, 3, 6)),
        *named(
            {
                OWN: tuple(_own(dims, n) for dims in ((0, 2, 3), (2, 3), (1, 2, 3), (0, 1, 2, 3)) for n in (0, 1)),
                "You bring the latents into a range. Mean and standard deviation are asked for.": (
                    lambda z, mean, std: 2 * (z - z.min()) / (z.max() - z.min()) - 1,
                    lambda z, mean, std: z / z.abs().max(),
                ),
                "The mean belongs to the channels, the standard deviation too: one of them has a wrong axis.": (
                    lambda z, mean, std: (z - per_channel(mean)) / std,
                    lambda z, mean, std: (z - mean) / per_channel(std),
                    lambda z, mean, std: (z - per_channel(mean)) / std.mean(),
                    lambda z, mean, std: (z - mean.mean()) / per_channel(std),
                ),
            }
        ),
    ),
    properties=(
        Property(
            "A latent that is equal to the mean of its channel must become 0 there.",
            lambda result, z, mean, std: bool((((z - per_channel(mean)) * result) >= -1e-6).all()),
        ),
    ),
    linear=("z", "mean"),
    example=lambda: (
        torch.tensor([[[[3.0]]]], dtype=torch.float64),
        torch.tensor([1.0], dtype=torch.float64),
        torch.tensor([2.0], dtype=torch.float64),
    ),
    where=lambda z, mean, std: f"std = {', '.join(f'{each:.3g}' for each in std.tolist())}",
    line="Look at the shape of `mean` and `std` there, and at the order of the two operations.",
)

# 11.2: how many numbers a latent saves -------------------------------------------------------------------------------


def _shapes(random):
    factor = 2 ** inputs.whole(random, 1, 4)
    height, width = factor * inputs.whole(random, 2, 9), factor * inputs.whole(random, 10, 20)
    return height, width, (5, 7, 10, 11, 4)[inputs.whole(random, 0, 4)], factor


TWO_SIDES = "A latent is shorter in height and in width: the factor counts for both."
SAVING = Exercise(
    title="How many numbers a latent saves",
    draw=_shapes,
    answer=lambda height, width, channels, factor: (
        3 * height * width / (channels * (height / factor) * (width / factor))
    ),
    means="The network works on that many fewer numbers in every step. Height and width do not matter for the ratio.",
    mistakes=named(
        {
            "An RGB image has three numbers for each pixel.": (
                lambda h, w, c, f: f**2 / c,
                lambda h, w, c, f: f**2 // c,
            ),
            TWO_SIDES: (lambda h, w, c, f: 3 * f / c, lambda h, w, c, f: 3 * f // c),
            f"{TWO_SIDES} And an RGB image has three numbers for each pixel.": lambda h, w, c, f: f / c,
            "It is upside down: the image has more numbers than the latent.": (
                lambda h, w, c, f: c / (3 * f**2),
                lambda h, w, c, f: c * (h // f) * (w // f) / (3 * h * w),
            ),
            "It is upside down, and an RGB image has three numbers for each pixel.": lambda h, w, c, f: c / f**2,
            "The latent has channels, too.": lambda h, w, c, f: 3 * f**2,
            "Neither the channels of the image nor those of the latent are counted.": lambda h, w, c, f: f**2,
            "The channels make the latent larger, not the saving.": (
                lambda h, w, c, f: 3 * f**2 * c,
                lambda h, w, c, f: f**2 * c,
                lambda h, w, c, f: f**2 * c / 3,
            ),
            "The latent has fewer positions: you left out that it is smaller.": (
                lambda h, w, c, f: 3 / c,
                lambda h, w, c, f: c / 3,
            ),
            "You round the result to a whole number.": (
                lambda h, w, c, f: 3 * h * w // (c * (h // f) * (w // f)),
                lambda h, w, c, f: round(3 * h * w / (c * (h // f) * (w // f))),
            ),
            "Your result depends on height or width. They cancel: both sides shrink by the same factor.": (
                lambda h, w, c, f: 3 * h * w / (c * f),
                lambda h, w, c, f: 3 * h * w / c / f * w / f,
                lambda h, w, c, f: 3 * h * w / c * h / f * w / f,
                lambda h, w, c, f: 3 * h * w / h / f * w / f * c,
                lambda h, w, c, f: 3 * h * w / h / f * w / f / c,
                lambda h, w, c, f: 3 * h / (c * f),
                lambda h, w, c, f: 3 * w / (c * f),
                lambda h, w, c, f: 3 * h * w / (c * f**2),
                lambda h, w, c, f: 3 * h * w / c,
                lambda h, w, c, f: 3 * h * w * f**2 / c,
                lambda h, w, c, f: 3 * (h + w) / (c * (h / f) * (w / f)),
                lambda h, w, c, f: 3 * h * w / (c * (h / f + w / f)),
            ),
            "The factor says how much shorter a side is. It is not the number of halvings.": (
                lambda h, w, c, f: 3 * 4**f / c,
                lambda h, w, c, f: 3 * 2**f / c,
            ),
            "This is the number of values in the latent, not the ratio.": lambda h, w, c, f: c * (h // f) * (w // f),
            "This is the number of values in the image, not the ratio.": lambda h, w, c, f: 3 * h * w,
            "This is a difference. A ratio is asked for.": lambda h, w, c, f: 3 * h * w - c * (h // f) * (w // f),
            "This is the part that is saved. The ratio of the two numbers is asked for.": (
                lambda h, w, c, f: 1 - c / (3 * f**2),
                lambda h, w, c, f: 100 * (1 - c / (3 * f**2)),
            ),
            "You divide by the number of positions of the image once too often.": lambda h, w, c, f: (
                3 * f**2 / (c * h * w)
            ),
            "The channels of the latent are counted twice.": lambda h, w, c, f: 3 * f**2 / c**2,
            "The factor must not be doubled: it counts once for each side.": (
                lambda h, w, c, f: 3 * 2 * f / c,
                lambda h, w, c, f: 3 * f**4 / c,
                lambda h, w, c, f: 3 * f**3 / c,
            ),
            "The factor makes the latent smaller: multiply where you divided.": lambda h, w, c, f: 3 / (c * f**2),
            "The image has three channels, not four.": lambda h, w, c, f: 4 * f**2 / c,
            "A root too many: compare numbers of values, not sides.": lambda h, w, c, f: (3 * f**2 / c) ** 0.5,
        }
    ),
    example=lambda: (8, 8, 4, 2),
    line="Write down the number of values of the image, then that of the latent.",
)

# 11.5: the decoder wants raw latents ---------------------------------------------------------------------------------


def _decoder(z):
    """A decoder that is not linear and mixes channels; its images have the shape of the latents."""
    return torch.tanh(0.4 * z + 0.3 * z.roll(1, 1)) + 0.05 * z


def _to_decode(random):
    z, mean, std = _latents(random)
    return _decoder, 0.5 * z, mean, std


RAW: Parts = {
    "": lambda z, m, s: z * s + m,
    "The mean is still missing.": lambda z, m, s: z * s,
    "The standard deviation is still missing.": lambda z, m, s: z + m,
    "Mean first, then standard deviation: then the mean is scaled, too. Undo the last operation first.": (
        lambda z, m, s: (z + m) * s
    ),
    "You standardise once more. The way back is needed.": lambda z, m, s: (z - m) / s,
    "You subtract the mean. Standardising did that; here it comes back.": lambda z, m, s: z * s - m,
    "You divide by the standard deviation. Standardising did that; here you multiply.": lambda z, m, s: z / s + m,
    "You divide and subtract: both are the wrong direction.": lambda z, m, s: z / s - m,
    "Mean and standard deviation have changed places.": lambda z, m, s: z * m + s,
    "You multiply by the variance.": lambda z, m, s: z * s**2 + m,
    "You multiply by the root of the standard deviation.": lambda z, m, s: z * s**0.5 + m,
    "You clamp the latents. Images have a range, latents have none.": lambda z, m, s: z.clamp(-1, 1) * s + m,
    "You clamp the raw latents. Images have a range, latents have none.": lambda z, m, s: (z * s + m).clamp(-1, 1),
    "You multiply the mean with the latents instead of adding it.": lambda z, m, s: z * s * m,
}
AFTER: Parts = {
    "": lambda x, m, s: x,
    "You clamp the image. That is a step of its own, and this decoder may leave the range.": (
        lambda x, m, s: x.clamp(-1, 1)
    ),
    "You scale after decoding as well.": lambda x, m, s: x * s + m,
}


def _decoded(axis, raw, after=AFTER[""]):
    return lambda decoder, z, mean, std: after(decoder(raw(z, axis(mean), axis(std))), axis(mean), axis(std))


DECODE = Exercise(
    title="Images from latents (find the bug)",
    draw=_to_decode,
    answer=_decoded(per_channel, RAW[""]),
    given=lambda decoder, z, mean, std: decoder(z),
    means="The decoder gets what it knows from training: raw latents. Standardising is undone in one place only.",
    mistakes=(
        *one_wrong(_decoded, AXES, RAW, AFTER),
        *combined(_decoded, chosen(AXES, 1, 3, 4), chosen(RAW, 1, 3, 4)),
        *named(
            {
                "You scale the image. The latents must be scaled, before the decoder sees them.": (
                    lambda decoder, z, mean, std: decoder(z) * per_channel(std) + per_channel(mean),
                    lambda decoder, z, mean, std: (decoder(z) - per_channel(mean)) / per_channel(std),
                    lambda decoder, z, mean, std: decoder(z) * std + mean,
                    lambda decoder, z, mean, std: decoder(z) * std[0] + mean[0],
                    lambda decoder, z, mean, std: decoder(z) * std.mean() + mean.mean(),
                    lambda decoder, z, mean, std: decoder(z * per_channel(std)) + per_channel(mean),
                    lambda decoder, z, mean, std: decoder(z + per_channel(mean)) * per_channel(std),
                ),
                "The decoder is not used: these are raw latents, not images.": (
                    lambda decoder, z, mean, std: z * per_channel(std) + per_channel(mean),
                    lambda decoder, z, mean, std: z * std + mean,
                ),
                "You decode twice.": lambda decoder, z, mean, std: decoder(
                    decoder(z) * per_channel(std) + per_channel(mean)
                ),
                "Still standardised latents: clamping the image does not repair that.": (
                    lambda decoder, z, mean, std: decoder(z).clamp(-1, 1),
                    lambda decoder, z, mean, std: decoder(z.clamp(-1, 1)),
                ),
                "You standardise the latents with their own numbers. The way back is needed.": (
                    lambda decoder, z, mean, std: decoder(_own((0, 2, 3))(z, mean, std)),
                    lambda decoder, z, mean, std: decoder(_own((0, 1, 2, 3))(z, mean, std)),
                ),
            }
        ),
    ),
    example=lambda: (
        lambda raw: 10 * raw,
        torch.tensor([[[[1.0]]]], dtype=torch.float64),
        torch.tensor([3.0], dtype=torch.float64),
        torch.tensor([2.0], dtype=torch.float64),
    ),
    where=lambda decoder, z, mean, std: (
        "decoder(raw) = 10 * raw, z = 1, mean = 3, std = 2"
        if z.numel() == 1
        else f"latents with {len(mean)} channels, each with its own mean and std"
    ),
    line="Look at what the decoder gets. What did standardising do, and in which order?",
)

EXERCISES = {
    "11.1": STANDARDISE,
    "11.2": SAVING,
    "11.3": KL,
    "11.4": CROSS_ATTEND,
    "11.5": DECODE,
}
