"""Exercise 08.4, PSNR: what it expects, and the mistakes that have a name."""

import math

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import named


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
            "The peak is not squared, but the error is. Both must be squares.": (
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
                lambda x, y: 10 * torch.log10((x.amax((1, 2, 3)) - x.amin((1, 2, 3))) ** 2 / _error(x, y)),
                lambda x, y: 10 * torch.log10((x.max() - x.min()) ** 2 / _error(x, y)),
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
            "The logarithm belongs to the whole ratio, not to the peak alone. Look at the brackets.": (
                lambda x, y: 10 * math.log10(4) / _error(x, y)
            ),
            "You compare with the standard deviation of the error. The mean of its square is asked for.": (
                lambda x, y: 10 * torch.log10(4 / (x - y).flatten(1).std(1)),
                lambda x, y: 10 * torch.log10(2 / (x - y).flatten(1).std(1)),
            ),
            "These are bels. A decibel is a tenth of a bel.": lambda x, y: torch.log10(4 / _error(x, y)),
            "This is the ratio itself. Decibels are its logarithm.": lambda x, y: 4 / _error(x, y),
            "This is the mean squared error. It has to be compared with the peak, and turned into decibels.": _error,
            "You added up the squared errors. Take their mean: then the number of pixels has no effect.": (
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
