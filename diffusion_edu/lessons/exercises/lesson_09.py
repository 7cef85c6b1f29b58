"""The exercises of lesson 09, classes and classifier-free guidance: what they expect, and the mistakes with a name."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import named
from diffusion_edu.lessons.checks.results import Unreadable
from diffusion_edu.lessons.exercises.lesson_09_both import DENOISE_BOTH
from diffusion_edu.lessons.exercises.lesson_09_guide import GUIDE, GUIDE_BETWEEN

# 09.1: drop labels for training --------------------------------------------------------------------------------------


def _labels(random):
    """Labels, null label, fraction and one uniform number per image; one of these is equal to the fraction."""
    b, classes, fraction = inputs.whole(random, 6, 9), inputs.whole(random, 3, 6), inputs.whole(random, 2, 6) / 8
    u = torch.rand(b, generator=random, dtype=torch.float64)
    u[inputs.whole(random, 1, b - 1)] = fraction
    u[0], u[-1] = (0.05, 0.95) if inputs.number(random, 0, 1) < 0.5 else (0.95, 0.05)
    labels = torch.randint(1, classes, (b,), generator=random)
    labels[inputs.whole(random, 0, b - 1)] = 0
    return labels, classes + inputs.whole(random, 0, 3), fraction, u


def drop_labels(labels, null, fraction, u):
    """Replace the labels of a fraction of the images by the null label."""
    return torch.where(u < fraction, null, labels)


def _replaced(where, by=lambda labels, null: null):
    """The answer that replaces the labels `where(u, fraction)` is true."""
    return lambda labels, null, fraction, u: torch.where(where(u, fraction), by(labels, null), labels)


def _by_place(first: bool):
    """The answers that drop the first, or the last, images of the batch, rounded in three ways."""

    def answer(rounding):
        def drop(labels, null, fraction, u):
            n = int(rounding(torch.tensor(fraction * len(labels))))
            changed = labels.clone()
            changed[slice(n) if first else slice(len(labels) - n, None)] = null
            return changed

        return drop

    return tuple(map(answer, (torch.floor, torch.round, torch.ceil)))


DROP_LABELS = Exercise(
    title="Drop labels for training",
    draw=_labels,
    answer=drop_labels,
    means=(
        "One network now learns both predictions: with the label for most images, without it for the others. "
        "Each image decides for itself."
    ),
    mistakes=named(
        {
            "You changed nothing: some labels must become the null label.": lambda labels, null, fraction, u: labels,
            "You dropped all labels. Without any label the network cannot learn what a class is.": (
                lambda labels, null, fraction, u: torch.full_like(labels, null)
            ),
            "It is the other way round: you keep the labels that should be dropped, and drop those to be kept.": (
                _replaced(lambda u, f: u >= f),
                _replaced(lambda u, f: u > f),
            ),
            "A number equal to the fraction keeps its label: with fraction 0 no label may be dropped, and u can "
            "be exactly 0.": _replaced(lambda u, f: u <= f),
            "You drop the labels with the probability of keeping them: fraction is the part that is dropped.": (
                _replaced(lambda u, f: u < 1 - f),
                _replaced(lambda u, f: u > 1 - f),
            ),
            "One number decides for the whole batch: all labels are dropped, or none. Each image needs its own "
            "decision.": (
                _replaced(lambda u, f: (u[0] < f).expand_as(u)),
                _replaced(lambda u, f: (u[-1] < f).expand_as(u)),
                _replaced(lambda u, f: (u.mean() < f).expand_as(u)),
            ),
            "A real class stands for the null label: class 0 is the first class. Use the null label that you are "
            "given.": _replaced(lambda u, f: u < f, lambda labels, null: 0),
            "-1 is not the null label of this network. Use the null label that you are given.": _replaced(
                lambda u, f: u < f, lambda labels, null: -1
            ),
            "102 is the null label of one model only. Use the null label that you are given.": _replaced(
                lambda u, f: u < f, lambda labels, null: 102
            ),
            "You compute the null label from the labels of this batch. Use the one that you are given.": (
                _replaced(lambda u, f: u < f, lambda labels, null: labels.max()),
                _replaced(lambda u, f: u < f, lambda labels, null: labels.max() + 1),
                _replaced(lambda u, f: u < f, lambda labels, null: len(labels)),
            ),
            "You removed the images themselves. They stay in the batch, only their label is replaced.": (
                lambda labels, null, fraction, u: labels[u >= fraction],
                lambda labels, null, fraction, u: labels[u < fraction],
            ),
            "This is the mask, not the labels.": (
                lambda labels, null, fraction, u: u < fraction,
                lambda labels, null, fraction, u: u >= fraction,
            ),
            "You compare the labels, which are names. The random number of the image decides, not its class.": (
                lambda labels, null, fraction, u: torch.where(labels < fraction, null, labels),
                lambda labels, null, fraction, u: torch.where(labels > fraction, null, labels),
            ),
            "You added the null label to the class. It takes the place of the class.": (
                lambda labels, null, fraction, u: labels + null * (u < fraction)
            ),
            "You mixed the label and the null label. A label is a name, there is nothing between two of them.": (
                lambda labels, null, fraction, u: (1 - fraction) * labels + fraction * null,
                lambda labels, null, fraction, u: (1 - u) * labels + u * null,
            ),
            "The place in the batch decides for you. Each image has a random number: that decides.": (
                *_by_place(True),
                *_by_place(False),
            ),
            "You use a fraction of your own. It is an argument of the function.": (
                _replaced(lambda u, f: u < 0.1),
                _replaced(lambda u, f: u < 0.5),
                _replaced(lambda u, f: u < 0.2),
            ),
        }
    ),
    properties=(
        Property(
            "Each entry must be the image's own label or the null label, nothing else.",
            lambda result, labels, null, *_: bool(((result == labels) | (result == null)).all()),
        ),
        Property(
            "An image with a small u loses its label before one with a large u.",
            lambda result, labels, null, fraction, u: (result == null).any() and u[result == null].max() <= fraction,
        ),
    ),
    example=lambda: (torch.tensor([1, 2, 3]), 4, 0.5, torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)),
    line="Look at the comparison, and at what is put where it is true.",
)

# 09.3: from the weight of the paper to our scale ---------------------------------------------------------------------


def scale_of(w):
    """The guidance scale of Ho & Salimans' weight w."""
    return 1 + w


def _small_and_large(function, w):
    """Ask for a weight below 1 and for w."""
    results = [function(each) for each in (w / 10, w)]
    if any(each is None or each is ... for each in results):
        return None
    if any(torch.as_tensor(each).numel() != 1 for each in results):
        raise Unreadable("Return one number, the scale.")
    return torch.stack([torch.as_tensor(each, dtype=torch.float64).squeeze() for each in results])


SCALE_OF = Exercise(
    title="From the weight w to the guidance scale",
    draw=lambda random: (inputs.number(random, 1.5, 8),),
    answer=scale_of,
    run=_small_and_large,
    means="w counts from the conditional prediction, our scale from the unconditional one.",
    mistakes=named(
        {
            "At w = 0 the paper uses the conditional prediction as it is. Which scale does that?": (
                lambda w: w,
                lambda w: w**2,
                lambda w: 2 * w,
                lambda w: w / 2,
                lambda w: w / (1 + w),
                lambda w: w * (1 + w),
                lambda w: w**0.5,
                lambda w: 10 * w,
            ),
            "You go in the wrong direction: this would turn a scale into a weight w.": lambda w: w - 1,
            "A larger w guides more, and your scale becomes smaller.": (
                lambda w: 1 - w,
                lambda w: 1 / (1 + w),
                lambda w: -w,
                lambda w: 1 / w,
                lambda w: -1 - w,
                lambda w: 2.718281828**-w,
            ),
            "At w = 0 you are right. How much does the scale grow when w grows by one?": (
                lambda w: 1 + 2 * w,
                lambda w: 1 + w / 2,
                lambda w: 1 + w**2,
                lambda w: 1 + w**0.5,
                lambda w: (1 + w) ** 2,
                lambda w: (1 + w) ** 0.5,
                lambda w: 2**w,
                lambda w: 2.718281828**w,
            ),
            "At w = 0 the conditional prediction must come out: is that scale 2?": lambda w: w + 2,
            "Both numbers are weights of the same difference; there is nothing to divide by.": (
                lambda w: (1 + w) / w,
                lambda w: (1 + w) / 2,
            ),
            "A weight may have a fraction: do not round it.": (lambda w: 1 + int(w), lambda w: 1 + round(w)),
            "The weight has an effect below 1, too.": (
                lambda w: max(1, w),
                lambda w: 1 + max(1, w),
                lambda w: 1 + min(1, w),
            ),
            "Your scale does not depend on w.": (lambda w: 1, lambda w: 0, lambda w: 2),
        }
    ),
    properties=(Property("A scale is larger than its weight w.", lambda result, w: bool(result[1] > w)),),
    example=lambda: (3.0,),
    where=lambda w: f"w = {w / 10:.3g} and {w:.3g} in turn",
    line="Write both formulas with the factor of the conditional prediction, and compare the two factors.",
)

# 09.6: what guidance costs (optional) --------------------------------------------------------------------------------


def nfe(steps, scale):
    """Count the network evaluations per image."""
    return steps if scale in (0, 1) else 2 * steps


def _at_scales(function, steps, scale):
    """Ask at the scales 0, 1, a half and another one."""
    results = [function(steps, each) for each in (0, 1, 0.5, scale)]
    return None if any(each is None or each is ... for each in results) else results


def _count(at_0, at_1, at_half, above):
    """The answer with these counts at the scales 0, 1, between them, and above."""

    def answer(steps, scale):
        count = at_0 if scale == 0 else at_1 if scale == 1 else at_half if scale < 1 else above
        return count(steps)

    return answer


def _one(n):
    return n


def _two(n):
    return 2 * n


NFE = Exercise(
    title="What guidance costs (optional)",
    draw=lambda random: (inputs.whole(random, 3, 60), inputs.number(random, 2.5, 9)),
    answer=nfe,
    run=_at_scales,
    means="Guidance doubles the cost of every step; the two ends of the line need one prediction only.",
    mistakes=named(
        {
            "Two predictions are not always needed: at the two ends of the line one is enough.": _count(
                _two, _two, _two, _two
            ),
            "Guidance needs two predictions in every step.": _count(_one, _one, _one, _one),
            "Scale 1 is right. Which prediction does scale 0 need?": _count(_two, _one, _two, _two),
            "Scale 0 is right. Which prediction does scale 1 need?": _count(_one, _two, _two, _two),
            "Between 0 and 1 both predictions are needed, too.": _count(_one, _one, _one, _two),
            "Scale 0 without a condition still samples an image: the network is needed.": (
                _count(lambda n: 0, _one, _two, _two),
                _count(lambda n: 0, _two, _two, _two),
                _count(lambda n: 0, _one, _one, _two),
                _count(lambda n: 0, lambda n: 0, _two, _two),
            ),
            "It is the other way round: the ends are cheap, everything else is expensive.": _count(
                _two, _two, _one, _one
            ),
            "Scale 0 and scale 1 are cheap, and so is nothing else: look at a scale between them, and above.": (
                _count(_one, _one, _two, _one),
                _count(_two, _one, _two, _one),
            ),
            "A larger scale does not cost more: the number of predictions counts, not how far you go.": (
                lambda n, s: n * s,
                lambda n, s: n * (1 + s),
                lambda n, s: round(n * s),
                lambda n, s: n + s,
                lambda n, s: int(n * s),
                lambda n, s: n if s in (0, 1) else n * s,
                lambda n, s: n * max(1, s),
                lambda n, s: n + n * s,
                lambda n, s: n ** min(s, 2),
            ),
            "Only the first step would be guided like this: each step needs both predictions.": (
                _count(_one, _one, lambda n: n + 1, lambda n: n + 1),
                _count(_one, _one, lambda n: n + 2, lambda n: n + 2),
                lambda n, s: n + 1,
                lambda n, s: n + 2,
            ),
            "The number of sampling steps is the number of intervals: neither one more nor one less.": (
                _count(lambda n: n - 1, lambda n: n - 1, lambda n: 2 * (n - 1), lambda n: 2 * (n - 1)),
                _count(lambda n: n + 1, lambda n: n + 1, lambda n: 2 * (n + 1), lambda n: 2 * (n + 1)),
                _count(_one, _one, lambda n: 2 * n - 1, lambda n: 2 * n - 1),
                _count(_one, _one, lambda n: 2 * n + 1, lambda n: 2 * n + 1),
            ),
            "Two predictions a step are twice the steps, not their square.": (
                _count(_one, _one, lambda n: n**2, lambda n: n**2),
                lambda n, s: n**2,
            ),
            "Guidance uses two predictions, not three.": (
                _count(_one, _one, lambda n: 3 * n, lambda n: 3 * n),
                lambda n, s: 3 * n,
            ),
            "Guidance does not save evaluations.": (
                _count(_one, _one, lambda n: n / 2, lambda n: n / 2),
                _count(_one, _one, lambda n: n // 2, lambda n: n // 2),
                lambda n, s: n // 2,
                lambda n, s: n / 2,
            ),
            "Count per image: the steps have an effect, too.": (
                _count(lambda n: 1, lambda n: 1, lambda n: 2, lambda n: 2),
                lambda n, s: 2,
            ),
        }
    ),
    properties=(
        Property("At scale 1 one prediction in every step is enough.", lambda result, n, s: result[1] == n),
        Property("At scale 0 one prediction in every step is enough.", lambda result, n, s: result[0] == n),
        Property("All scales other than the two ends cost the same.", lambda result, n, s: result[2] == result[3]),
    ),
    example=lambda: (10, 4.0),
    where=lambda n, s: f"steps = {n} and scale = 0, 1, a half and {s:.2g} in turn",
    line="List for each scale which of the two predictions enters the result.",
)

EXERCISES = {
    "09.1": DROP_LABELS,
    "09.2": GUIDE,
    "09.3": SCALE_OF,
    "09.4": GUIDE_BETWEEN,
    "09.5": DENOISE_BOTH,
    "09.6": NFE,
}
