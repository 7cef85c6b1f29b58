"""Lesson 09: both predictions in one call of the network (09.5)."""

from copy import deepcopy

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, chosen, combined, named, one_wrong
from diffusion_edu.lessons.checks.results import Unreadable
from diffusion_edu.lessons.exercises.lesson_09_guide import guide


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
    if result is None or result is ...:
        return None
    if (shape := tuple(torch.as_tensor(result).shape)) not in (tuple(x.shape), (2 * len(x), *x.shape[1:])):
        raise Unreadable(f"The result has the shape {shape}. It must be that of the images, {tuple(x.shape)}.")
    return [result, [len(net.calls), sum(net.calls)]]


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
    "You compute the null label: the highest label of the batch plus one. Use the one that you are given.": (
        lambda labels, null: torch.full_like(labels, int(labels.max()) + 1)
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
    u, c = net(torch.cat([x, x]), pairs).chunk(2)
    return guide(u, c, s)


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
        *one_wrong(_both, {hint: part for hint, part in NULLS.items() if hint != CLASS_0}, COMBINE),
        *combined(_both, {CLASS_0: NULLS[CLASS_0]}, COMBINE)[1:],
        *combined(_both, chosen(NULLS, 2, 3, 4), chosen(COMBINE, 1, 2, 4)),
        *named(
            {
                "The scale has no effect: this is the conditional prediction alone, or both halves have labels.": (
                    _both(NULLS[""], lambda u, c, s: c)
                ),
                "You multiply the conditional prediction alone.": _both(NULLS[""], lambda u, c, s: s * c),
                "Both halves get the same labels, and the result holds both halves.": _both(
                    lambda labels, null: labels, lambda u, c, s: torch.cat([u, c])
                ),
                "The conditional half needs the label of each image, in the order of the images.": (
                    lambda net, x, labels, null, s: _both(NULLS[""], guide)(net, x, labels.flip(0), null, s),
                    lambda net, x, labels, null, s: _both(NULLS[""], guide)(
                        net, x, labels[:1].expand_as(labels), null, s
                    ),
                    lambda net, x, labels, null, s: _both(NULLS[""], guide)(net, x, labels.sort().values, null, s),
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
