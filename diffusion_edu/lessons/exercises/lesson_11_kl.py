"""Lesson 11: the KL term of a VAE (11.3)."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, chosen, combined, named, one_wrong


def _codes(random):
    shape = inputs.whole(random, 2, 3), 4, 5, 6
    return inputs.noise(random, *shape), 1.5 * inputs.images(random, *shape)


TERMS: Parts = {
    "": lambda m, lv: (m**2 + lv.exp() - 1 - lv) / 2,
    "A factor is missing: for mean 1 and variance 1 the KL divergence is one half.": (
        lambda m, lv: m**2 + lv.exp() - 1 - lv
    ),
    "You take the log variance for the variance. Undo the logarithm first.": lambda m, lv: (
        (m**2 + lv - 1 - lv.log()) / 2
    ),
    "You take the log variance for the standard deviation. Undo the logarithm first.": (
        lambda m, lv: (m**2 + lv**2 - 1 - (lv**2).log()) / 2
    ),
    "The log variance is used as a variance in one place. Undo the logarithm there.": (
        lambda m, lv: (m**2 + lv - 1 - lv) / 2
    ),
    "The log variance is used as a standard deviation in one place. Undo the logarithm there.": (
        lambda m, lv: (m**2 + lv**2 - 1 - lv) / 2
    ),
    "You square the variance, or you take the log variance for the log of a standard deviation.": (
        lambda m, lv: (m**2 + (2 * lv).exp() - 1 - lv) / 2
    ),
    "You take the log variance for the log of a standard deviation, in both places.": (
        lambda m, lv: (m**2 + (2 * lv).exp() - 1 - 2 * lv) / 2
    ),
    "You use a standard deviation where the variance belongs.": lambda m, lv: (m**2 + (lv / 2).exp() - 1 - lv) / 2,
    "You use the standard deviation everywhere. The divergence is written with the variance.": (
        lambda m, lv: (m**2 + (lv / 2).exp() - 1 - lv / 2) / 2
    ),
    "The log is that of a standard deviation, and it is needed for the variance.": (
        lambda m, lv: (m**2 + lv.exp() - 1 - lv / 2) / 2
    ),
    "The term with the 1 is missing: for mean 0 and variance 1 the result must be 0.": (
        lambda m, lv: (m**2 + lv.exp() - lv) / 2
    ),
    "The 1 has the wrong sign: for mean 0 and variance 1 the result must be 0.": (
        lambda m, lv: (m**2 + lv.exp() + 1 - lv) / 2
    ),
    "The term with the log variance is missing: then a variance of 0 would be the best one.": (
        lambda m, lv: (m**2 + lv.exp() - 1) / 2
    ),
    "The log variance has the wrong sign: then a variance of 0 would be the best one.": (
        lambda m, lv: (m**2 + lv.exp() - 1 + lv) / 2
    ),
    "The variance itself is missing.": lambda m, lv: (m**2 - 1 - lv) / 2,
    "The variance has the wrong sign.": lambda m, lv: (m**2 - lv.exp() - 1 - lv) / 2,
    "The mean is not squared: a negative mean is as far away as a positive one.": lambda m, lv: (
        (m + lv.exp() - 1 - lv) / 2
    ),
    "The mean counts with its square, not with its size.": lambda m, lv: (m.abs() + lv.exp() - 1 - lv) / 2,
    "The mean is missing.": lambda m, lv: (lv.exp() - 1 - lv) / 2,
    "The square of the mean has the wrong sign.": lambda m, lv: (lv.exp() - 1 - lv - m**2) / 2,
    "A divergence is never negative: the sign of everything is wrong.": lambda m, lv: -(m**2 + lv.exp() - 1 - lv) / 2,
    "This is the divergence in the other direction, from the standard normal to the code.": (
        lambda m, lv: ((1 + m**2) * (-lv).exp() - 1 + lv) / 2
    ),
    "The mean is divided by the variance. That belongs to the other direction of the divergence.": (
        lambda m, lv: (m**2 * (-lv).exp() + lv.exp() - 1 - lv) / 2
    ),
    "The log variance has the wrong sign inside the exponential.": lambda m, lv: (m**2 + (-lv).exp() - 1 - lv) / 2,
    "Only the square of the mean is halved. Look at the brackets.": lambda m, lv: m**2 / 2 + lv.exp() - 1 - lv,
    "Only the last term is halved. Look at the brackets.": lambda m, lv: m**2 + lv.exp() - 1 - lv / 2,
    "Mean and log variance have changed places.": lambda m, lv: (lv**2 + m.exp() - 1 - m) / 2,
    "Only the mean counts in your result.": lambda m, lv: m**2 / 2,
    "Halved twice.": lambda m, lv: (m**2 + lv.exp() - 1 - lv) / 4,
}
SUMS: Parts = {
    "": lambda terms: terms.flatten(1).sum(1),
    "You average over the numbers of a code. Their divergences add up.": lambda terms: terms.flatten(1).mean(1),
    "You add up over the batch as well. Each image has a divergence of its own.": lambda terms: terms.sum(),
    "You average over everything. Each image has a divergence of its own, and it is a sum.": lambda terms: terms.mean(),
    "You add up, then average over the batch. Each image has a divergence of its own.": (
        lambda terms: terms.flatten(1).sum(1).mean()
    ),
    "You add up over the channels only. All numbers of an image belong to its code.": lambda terms: terms.sum(1),
    "You add up over the columns only. All numbers of an image belong to its code.": lambda terms: terms.sum(-1),
    "You add up over height and width only. The channels belong to the code as well.": lambda terms: terms.sum((2, 3)),
    "You add up over the batch. Each image has a divergence of its own.": lambda terms: terms.sum(0),
    "You average over the batch. Each image has a divergence of its own.": lambda terms: terms.mean(0),
    "Nothing is added up: the divergences of all numbers of a code add up.": lambda terms: terms,
    "You average over the channels, then add up. All numbers of a code count fully.": lambda terms: terms.mean(1).sum(
        (1, 2)
    ),
    "You keep the largest number of a code. They add up.": lambda terms: terms.flatten(1).amax(1),
    "This is the divergence of the first image only.": lambda terms: terms[0].sum(),
}


def _summed(term, total):
    return lambda mean, log_variance: total(term(mean, log_variance))


KL = Exercise(
    title="The KL term of a VAE",
    draw=_codes,
    answer=_summed(TERMS[""], SUMS[""]),
    means="It is 0 for mean 0 and variance 1 only. A VAE pays for every number that differs from that.",
    mistakes=(
        *one_wrong(_summed, TERMS, SUMS),
        *combined(_summed, chosen(TERMS, 1, 4, 20), chosen(SUMS, 1, 2, 3)),
        *named(
            {
                "You take the root of the sum. A divergence is no distance.": (
                    lambda m, lv: (m**2 + lv.exp() - 1 - lv).flatten(1).sum(1) ** 0.5,
                ),
                "You multiply by the number of images.": lambda m, lv: len(m) * _summed(TERMS[""], SUMS[""])(m, lv),
            }
        ),
    ),
    properties=(Property("A KL divergence is never negative.", lambda result, *_: bool((result >= -1e-9).all())),),
    example=lambda: (torch.tensor([[[[1.0]]]]), torch.tensor([[[[0.0]]]])),
    where=lambda m, lv: (
        f"mean = {m.item():.2g}, log_variance = {lv.item():.2g}"
        if m.numel() == 1
        else f"each code has {m[0].numel()} numbers"
    ),
    line="Look at each of the four terms: what is it for mean 0 and variance 1? Then look at the sum.",
)
