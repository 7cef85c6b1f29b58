"""The exercises of lesson 09, classes and classifier-free guidance: what they expect, and the mistakes with a name."""

from copy import deepcopy

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named
from diffusion_edu.lessons.checks.results import Unreadable

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

# 09.2: guide one prediction by the other -----------------------------------------------------------------------------


def _predictions(random):
    """Two predictions that leave [-1, 1], and a guidance scale."""
    shape = 3, 2, 4, 5
    scale = (0.0, 1.0, 0.5, 2.0)[inputs.whole(random, 0, 3)] if inputs.number(random, 0, 1) < 0.3 else None
    unconditional, conditional = 1.5 * inputs.images(random, *shape), 1.5 * inputs.images(random, *shape)
    return unconditional, conditional, inputs.number(random, 1.5, 7) if scale is None else scale


def guide(unconditional, conditional, scale):
    """Go from the unconditional to the conditional prediction, and on."""
    return unconditional + scale * (conditional - unconditional)


START = "At scale 0 the unconditional prediction must come out."
END = "At scale 1 the conditional prediction must come out."

GUIDE = Exercise(
    title="Guide one prediction by the other",
    draw=_predictions,
    answer=guide,
    means="Scale 0 is the unconditional prediction, 1 the conditional one; beyond 1 the same line goes on.",
    mistakes=named(
        {
            "The two predictions have changed places: you move away from the condition.": (
                lambda u, c, s: c + s * (u - c)
            ),
            "This is the convention of Ho & Salimans, with their weight w. Our scale counts from the unconditional "
            f"prediction. {END}": lambda u, c, s: c + s * (c - u),
            "You exchanged the predictions, and used the convention with the weight w.": lambda u, c, s: (
                u + s * (u - c)
            ),
            "You left out where the line starts: the difference alone is no prediction.": (lambda u, c, s: s * (c - u)),
            "The difference alone, with the wrong sign: where does the line start?": lambda u, c, s: s * (u - c),
            f"The scale is one too small. {END}": lambda u, c, s: u + (s - 1) * (c - u),
            "You divide by the scale: a larger scale must lead further away.": lambda u, c, s: (
                u + (c - u) / (s if s else 1e-9)
            ),
            f"You add the conditional prediction itself, not the difference of the two. {END}": (
                lambda u, c, s: u + s * c
            ),
            f"You add a multiple of the unconditional prediction to the conditional one. {START}": (
                lambda u, c, s: c + s * u
            ),
            f"You subtract the unconditional prediction once, whatever the scale is. {START}": (
                lambda u, c, s: s * c - u
            ),
            f"You subtract one prediction from a multiple of the other. {START}": lambda u, c, s: s * u - c,
            f"You multiply the conditional prediction alone, and use no unconditional one. {START}": (
                lambda u, c, s: s * c
            ),
            f"You multiply the unconditional prediction alone. {END}": lambda u, c, s: s * u,
            f"The scale multiplies both terms. Look at the brackets. {START}": (
                lambda u, c, s: s * (u + c - u) + s * u,
                lambda u, c, s: s * (u + s * (c - u)),
            ),
            f"The scale multiplies the start as well. {START}": lambda u, c, s: s * u + (c - u),
            f"The scale has no effect: this is the conditional prediction. {START}": lambda u, c, s: c,
            f"The scale has no effect: this is the unconditional prediction. {END}": lambda u, c, s: u,
            "This is the mean of the two predictions, whatever the scale is.": lambda u, c, s: (u + c) / 2,
            "This is the difference alone; neither scale nor start is used.": lambda u, c, s: c - u,
            f"You squared the scale. {END}": lambda u, c, s: u + s**2 * (c - u) if s not in (0, 1) else u - c,
            "You took the root of the scale.": lambda u, c, s: u + s**0.5 * (c - u) if s not in (0, 1) else u - c,
            "You clipped the result. Guidance itself leaves the range of images; clipping is a separate step.": (
                lambda u, c, s: (u + s * (c - u)).clamp(-1, 1)
            ),
            "You clipped the two predictions before guiding: then the guided difference is too small.": (
                lambda u, c, s: u.clamp(-1, 1) + s * (c.clamp(-1, 1) - u.clamp(-1, 1))
            ),
            "You divided by the sum of the weights. The weights of both predictions together are 1 already.": (
                lambda u, c, s: (u + s * c) / (1 + s)
            ),
            "A fraction of 1 is the most that you allow: guidance goes on beyond the conditional prediction.": (
                lambda u, c, s: u + min(s, 1) * (c - u) if s > 1 else 2 * u
            ),
            "You use the size of the difference and lose its sign.": lambda u, c, s: u + s * (c - u).abs(),
            "The numbers are rounded to whole scales.": lambda u, c, s: (
                u + round(s) * (c - u) if s != round(s) else 2 * u
            ),
        }
    ),
    properties=(
        Property(
            START, lambda result, u, c, s: s != 0 or (result.shape == u.shape and torch.allclose(result, u.double()))
        ),
        Property(
            END, lambda result, u, c, s: s != 1 or (result.shape == c.shape and torch.allclose(result, c.double()))
        ),
        Property(
            "Where both predictions agree, guidance changes nothing: the weights of the two must add up to 1.",
            lambda result, u, c, s: _weights_add_up(result, u, c),
        ),
    ),
    linear=("unconditional", "conditional"),
    where=lambda u, c, s: f"scale = {s:.3g}",
    line="Look at the start of the line, and at the direction that the scale multiplies.",
)


def _weights_add_up(result: Tensor, u: Tensor, c: Tensor) -> bool:
    """Whether the result is a u + (1 - a) c for one number a."""
    if result.shape != u.shape:
        return False
    along, away = (u - c).double().flatten(), (result - c.double()).flatten()
    a = (along @ away) / (along @ along)
    return bool(torch.allclose(a * along, away, atol=1e-4))


# 09.3: from the weight of the paper to our scale ---------------------------------------------------------------------


def scale_of(w):
    """The guidance scale of Ho & Salimans' weight w."""
    return 1 + w


SCALE_OF = Exercise(
    title="From the weight w to the guidance scale",
    draw=lambda random: (inputs.number(random, 0.1, 8),),
    answer=scale_of,
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
    properties=(Property("A scale is larger than its weight w.", lambda result, w: bool((result > w).all())),),
    example=lambda: (3.0,),
    line="Write both formulas with the factor of the conditional prediction, and compare the two factors.",
)

# 09.4: guide at some timesteps only ----------------------------------------------------------------------------------


def _interval(random):
    """Two predictions, a scale, a timestep and an interval."""
    low = inputs.whole(random, 2, 400)
    high = low + inputs.whole(random, 20, 400)
    unconditional, conditional = inputs.images(random, 2, 3, 4, 5), inputs.images(random, 2, 3, 4, 5)
    return unconditional, conditional, inputs.number(random, 2, 6), inputs.whole(random, low + 2, high - 2), low, high


def guide_between(unconditional, conditional, scale, t, low, high):
    """Guide at timesteps from low to high; elsewhere use the conditional prediction."""
    return guide(unconditional, conditional, scale) if low <= t <= high else conditional


def _at_all_places(function, unconditional, conditional, scale, t, low, high):
    """Ask below the interval, at its ends, inside and above: one result each."""
    places = (low - 1, low, t, high, high + 1, 0, 1000)
    results = [function(unconditional, conditional, scale, each, low, high) for each in places]
    if all(result is None or result is ... for result in results):
        return None
    for place, result in zip(places, results, strict=True):
        if result is None or result is ...:
            raise Unreadable(f"With low = {low}, high = {high} and t = {place} nothing comes back.")
    return results


def _between(inside, when, outside):
    def answer(u, c, scale, t, low, high):
        return inside(u, c, scale) if when(t, low, high) else outside(u, c, scale)

    return answer


WHEN: Parts = {
    "": lambda t, low, high: low <= t <= high,
    "Both ends belong to the interval.": lambda t, low, high: low < t < high,
    "The upper end belongs to the interval, too.": lambda t, low, high: low <= t < high,
    "The lower end belongs to the interval, too.": lambda t, low, high: low < t <= high,
    "It is the other way round: you guide outside the interval, and not inside it.": (
        lambda t, low, high: not low <= t <= high
    ),
    "The interval has an upper end, too.": lambda t, low, high: t >= low,
    "The interval has an upper end, too, and its lower end belongs to it.": lambda t, low, high: t > low,
    "The interval has a lower end, too.": lambda t, low, high: t <= high,
    "The interval has a lower end, too, and its upper end belongs to it.": lambda t, low, high: t < high,
    "You guide above the interval only.": lambda t, low, high: t > high,
    "You guide below the interval only.": lambda t, low, high: t < low,
    "You guide above the interval and at its upper end.": lambda t, low, high: t >= high,
    "You guide below the interval and at its lower end.": lambda t, low, high: t <= low,
}
NO_INTERVAL: Parts = {
    "": WHEN[""],
    "You guide at every timestep. Is your condition ever false?": lambda t, low, high: True,
    "You never guide. Is your condition ever true?": lambda t, low, high: False,
}
INSIDE: Parts = {
    "": guide,
    "Inside, the two predictions have changed places.": lambda u, c, s: c + s * (u - c),
    "Inside, you start from the conditional prediction: that is the convention with the weight w.": (
        lambda u, c, s: c + s * (c - u)
    ),
    "Inside, the start of the line is missing.": lambda u, c, s: s * (c - u),
    "Inside, you use the unconditional prediction without any guidance.": lambda u, c, s: u,
    "Inside, you multiply the conditional prediction alone.": lambda u, c, s: s * c,
    "Inside, you add the conditional prediction itself instead of the difference.": lambda u, c, s: u + s * c,
    "Inside, the scale is one too small.": lambda u, c, s: u + (s - 1) * (c - u),
    "Inside, you divide by the scale.": lambda u, c, s: u + (c - u) / s,
    "Inside, this is the mean of the two predictions.": lambda u, c, s: (u + c) / 2,
    "Inside, the result is clipped.": lambda u, c, s: guide(u, c, s).clamp(-1, 1),
}
OUTSIDE: Parts = {
    "": lambda u, c, s: c,
    "Outside the interval you drop the condition. Without guidance it still counts.": lambda u, c, s: u,
    "Outside the interval nothing is predicted: without guidance there is still a prediction.": lambda u, c, s: 0 * c,
    "Outside the interval you take the mean of both predictions; it costs a second evaluation.": (
        lambda u, c, s: (u + c) / 2
    ),
    "Outside the interval the scale must have no effect.": lambda u, c, s: s * c,
    "Outside the interval you return the difference alone.": lambda u, c, s: c - u,
    "Outside the interval you return the difference alone, scaled.": lambda u, c, s: s * (c - u),
    "Outside the interval you guide the other way.": lambda u, c, s: c + s * (u - c),
}

GUIDE_BETWEEN = Exercise(
    title="Guide at some timesteps only",
    draw=_interval,
    answer=guide_between,
    run=_at_all_places,
    means="Outside the interval one evaluation is enough: there the conditional prediction is used as it is.",
    mistakes=(
        *combined(_between, INSIDE, WHEN, OUTSIDE),
        *combined(_between, {"": guide}, NO_INTERVAL, {"": OUTSIDE[""]}),
        *named(
            {
                "Guidance is full inside the interval; it does not rise step by step.": (
                    lambda u, c, s, t, low, high: guide(u, c, s * (t - low) / (high - low)) if low <= t <= high else c,
                    lambda u, c, s, t, low, high: (
                        guide(u, c, 1 + (s - 1) * (t - low) / (high - low)) if low <= t <= high else c
                    ),
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Below and above the interval the conditional prediction must come out as it is.",
            lambda result, u, c, *_: all(
                result[k].shape == c.shape and torch.allclose(result[k], c.double()) for k in (0, 4, 5, 6)
            ),
        ),
        Property(
            "Both ends of the interval belong to it: the same guidance as inside.",
            lambda result, *_: torch.allclose(result[1], result[2]) and torch.allclose(result[3], result[2]),
        ),
    ),
    example=lambda: (torch.tensor([1.0]), torch.tensor([2.0]), 3.0, 500, 400, 600),
    where=lambda u, c, s, t, low, high: (
        f"unconditional = {u.flatten()[0]:.2g}, conditional = {c.flatten()[0]:.2g}, scale = {s:.2g}, low = {low}, "
        f"high = {high}, for t = {low - 1}, {low}, {t}, {high}, {high + 1}, 0 and 1000 in turn"
    ),
    line="Look at the condition of the `if`, and at what comes back where it is false.",
)

# 09.5: both predictions in one call ----------------------------------------------------------------------------------


class ClassNetwork:
    """A network for the check: every label has numbers of its own, and each call is counted."""

    def __init__(self, random, labels: int):
        self.factor, self.shift = inputs.images(random, labels), inputs.images(random, labels)
        self.calls: list[int] = []

    def __call__(self, x: Tensor, labels: Tensor) -> Tensor:
        """Predict images like x (b, c, h, w) for labels (b,)."""
        labels = torch.as_tensor(labels)
        if labels.shape != (len(x),):
            raise ValueError(f"net takes one label per image: {len(x)} images, labels of shape {tuple(labels.shape)}")
        if labels.is_floating_point() or labels.min() < 0 or labels.max() >= len(self.factor):
            raise ValueError(f"net knows the labels 0 to {len(self.factor) - 1}, not {labels.tolist()}")
        self.calls.append(len(x))
        factor, shift = (table[labels].view(-1, *[1] * (x.ndim - 1)) for table in (self.factor, self.shift))
        return factor * x + shift + 0.1 * x**2


def _network(random):
    """A network, images, labels, the null label and a scale; two labels lie above the null label."""
    classes = inputs.whole(random, 3, 6)
    b = inputs.whole(random, 2, 4)
    labels = torch.randint(1, classes, (b,), generator=random)
    net, x = ClassNetwork(random, classes + 3), inputs.images(random, b, 3, 5, 6)
    return net, x, labels, classes + inputs.whole(random, 0, 1), inputs.number(random, 1.5, 6)


def _counted(function, net, x, labels, null, scale):
    """Call an answer; its result, and how often the network was called and with how many images."""
    net = deepcopy(net)  # with no calls yet
    result = function(net, x, labels, null, scale)
    return None if result is None or result is ... else [result, [len(net.calls), sum(net.calls)]]


def _both(nulls, combine):
    """The answer in one call, with these labels for the first half."""

    def answer(net, x, labels, null, scale):
        first = nulls(labels, null)
        return combine(*net(torch.cat([x, x]), torch.cat([first, labels])).chunk(2), scale)

    return answer


def denoise_both(net, x, labels, null, scale):
    """Predict without and with the labels in one call, and guide."""
    return _both(lambda labels, null: torch.full_like(labels, null), guide)(net, x, labels, null, scale)


def with_class_0(net, x, labels, null, scale):
    """The faulty code that is handed out: label 0 stands for the null label."""
    return _both(lambda labels, null: torch.zeros_like(labels), guide)(net, x, labels, null, scale)


CLASS_0 = "Class 0 still stands for the null label."
NULLS: Parts = {
    "": lambda labels, null: torch.full_like(labels, null),
    CLASS_0: lambda labels, null: torch.zeros_like(labels),
    "The null label is one too high.": lambda labels, null: torch.full_like(labels, null + 1),
    "The null label is one too low: that is a real class.": lambda labels, null: torch.full_like(labels, null - 1),
    "You compute the null label from the labels of this batch. Use the one that you are given.": (
        lambda labels, null: torch.full_like(labels, int(labels.max()))
    ),
    "Class 1 is a real class. Use the null label that you are given.": lambda labels, null: torch.ones_like(labels),
    "The labels of the first half are in another order, and they are real classes.": (
        lambda labels, null: labels.flip(0)
    ),
}
COMBINE: Parts = {
    "": guide,
    "The halves have changed places: the null label comes first.": lambda u, c, s: c + s * (u - c),
    "You start from the conditional prediction: that is the convention with the weight w.": (
        lambda u, c, s: c + s * (c - u)
    ),
    "The scale has no effect: this is the prediction without a label.": lambda u, c, s: u,
    "The start of the line is missing.": lambda u, c, s: s * (c - u),
    "You add the conditional prediction itself instead of the difference.": lambda u, c, s: u + s * c,
    "This is the mean of both halves.": lambda u, c, s: (u + c) / 2,
    "The result still holds both halves: guide one by the other.": lambda u, c, s: torch.cat([u, c]),
    "The result still holds both halves, and both are guided.": lambda u, c, s: torch.cat([guide(u, c, s)] * 2),
    "The result is clipped. Clipping is a separate step.": lambda u, c, s: guide(u, c, s).clamp(-1, 1),
    "The scale is one too small.": lambda u, c, s: u + (s - 1) * (c - u),
    "You divide by the scale.": lambda u, c, s: u + (c - u) / s,
}


def _twice(combine, nulls=NULLS[""]):
    """The answer in two calls."""
    return lambda net, x, labels, null, s: combine(net(x, nulls(labels, null)), net(x, labels), s)


def _mixed_up(net, x, labels, null, s):
    """Images repeated one by one, labels half by half."""
    u, c = net(x.repeat_interleave(2, 0), torch.cat([torch.full_like(labels, null), labels])).chunk(2)
    return guide(u, c, s)


def _apart(net, x, labels, null, s):
    """Labels in pairs, the result cut in the middle."""
    pairs = torch.stack([torch.full_like(labels, null), labels], 1).flatten()
    return guide(*net(torch.cat([x, x]), pairs).chunk(2), s)


def _every_other(net, x, labels, null, s):
    """Halves in, every other image out."""
    out = net(torch.cat([x, x]), torch.cat([torch.full_like(labels, null), labels]))
    return guide(out[::2], out[1::2], s)


def _labels_first(combine):
    """The labels first, the null label second."""

    def answer(net, x, labels, null, s):
        return combine(*net(torch.cat([x, x]), torch.cat([labels, torch.full_like(labels, null)])).chunk(2), s)

    return answer


DENOISE_BOTH = Exercise(
    title="Both predictions in one call (find the bug)",
    draw=_network,
    answer=denoise_both,
    given=with_class_0,
    run=_counted,
    means=(
        "The null label is a label of its own. With a real class in its place the samples move away from that class, "
        "and nobody sees an error."
    ),
    mistakes=(
        *combined(_both, {hint: part for hint, part in NULLS.items() if hint != CLASS_0}, COMBINE),
        *combined(_both, {CLASS_0: NULLS[CLASS_0]}, COMBINE)[1:],
        *named(
            {
                "The scale has no effect: this is the conditional prediction alone. Or both halves get the same labels.": (
                    _both(NULLS[""], lambda u, c, s: c)
                ),
                "You multiply the conditional prediction alone.": _both(NULLS[""], lambda u, c, s: s * c),
                "Both halves get the same labels, and the result holds both halves.": _both(
                    lambda labels, null: labels, lambda u, c, s: torch.cat([u, c])
                ),
                "The network is called twice. One call with both halves is enough, and it is faster.": (
                    _twice(guide),
                    _twice(lambda u, c, s: c + s * (u - c)),
                    _twice(lambda u, c, s: c + s * (c - u)),
                    _twice(guide, NULLS[CLASS_0]),
                ),
                "The images and the labels no longer belong together: both must be repeated in the same order.": (
                    _mixed_up,
                    _apart,
                ),
                "You take every other image of the result. Its halves stand one after the other.": _every_other,
                "The network is called once with half of the images: one of the two predictions is missing.": (
                    lambda net, x, labels, null, s: net(x, labels),
                    lambda net, x, labels, null, s: s * net(x, labels),
                    lambda net, x, labels, null, s: net(x, torch.full_like(labels, null)),
                ),
                "The first half of the second argument goes to the first half of the images: follow the order.": (
                    _labels_first(lambda u, c, s: 2 * u - c)
                ),
            }
        ),
    ),
    properties=(
        Property(
            "The network must be called once, with all images twice.",
            lambda result, net, x, *_: result[1].tolist() == [1, 2 * len(x)],
        ),
    ),
    line="Look at the labels that the first half of the images gets.",
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
