"""Answers to the exercises of lesson 09 as students might write them; whoever wrote its checks had not seen them."""

import numpy as np
import torch

WRONG = {
    "09.1": [
        (lambda labels, null, fraction, u: torch.where(u < fraction, labels, null), "keeps the label where u is small"),
        (lambda labels, null, fraction, u: torch.where(u[0] < fraction, null, labels), "one u for the whole batch"),
        (
            lambda labels, null, fraction, u: torch.where(u.mean() < fraction, null, labels),
            "mean of u decides for the whole batch",
        ),
        (lambda labels, null, fraction, u: labels, "drops nothing"),
        (lambda labels, null, fraction, u: torch.full_like(labels, null), "drops every label"),
        (lambda labels, null, fraction, u: labels * (u >= fraction), "multiplies by the mask: class 0 for null"),
        (lambda labels, null, fraction, u: torch.where(u < fraction, -1, labels), "-1 as the null label"),
        (lambda labels, null, fraction, u: u < fraction, "returns the mask"),
        (lambda labels, null, fraction, u: labels[u >= fraction], "removes the images instead of their labels"),
        (
            lambda labels, null, fraction, u: torch.where(
                torch.arange(len(labels)) < int(fraction * len(labels)), null, labels
            ),
            "drops the first part of the batch",
        ),
        (
            lambda labels, null, fraction, u: torch.where(torch.argsort(u) < int(fraction * len(labels)), null, labels),
            "drops a fixed number, by argsort",
        ),
        (lambda labels, null, fraction, u: torch.where(u < 1 - fraction, null, labels), "1 - fraction"),
        (lambda labels, null, fraction, u: torch.where(u < fraction, labels + null, labels), "adds null to the label"),
        (
            lambda labels, null, fraction, u: torch.where(torch.rand(len(labels)) < fraction, null, labels),
            "draws its own u",
        ),
        (lambda labels, null, fraction, u: torch.where(labels < fraction, null, labels), "compares the labels"),
        (lambda labels, null, fraction, u: [null if u < fraction else k for k in labels], "compares the whole tensor"),
    ],
    "09.2": [
        (lambda unconditional, conditional, scale: conditional + scale * (conditional - unconditional), "paper's w"),
        (
            lambda unconditional, conditional, scale: unconditional + scale * (unconditional - conditional),
            "difference the wrong way",
        ),
        (
            lambda unconditional, conditional, scale: conditional + scale * (unconditional - conditional),
            "the two inputs exchanged",
        ),
        (lambda unconditional, conditional, scale: unconditional + scale * conditional, "no difference"),
        (lambda unconditional, conditional, scale: scale * (conditional - unconditional), "no start"),
        (lambda unconditional, conditional, scale: scale * conditional, "only the conditional prediction, scaled"),
        (
            lambda unconditional, conditional, scale: (unconditional + scale * (conditional - unconditional)).clamp(
                -1, 1
            ),
            "clipped",
        ),
        (
            lambda unconditional, conditional, scale: (unconditional + scale * conditional) / (1 + scale),
            "weighted mean",
        ),
        (
            lambda unconditional, conditional, scale: unconditional + (scale - 1) * (conditional - unconditional),
            "scale - 1 from the unconditional",
        ),
        (lambda unconditional, conditional, scale: conditional, "conditional only"),
        (
            lambda unconditional, conditional, scale: unconditional + (conditional - unconditional) / scale,
            "divides by the scale",
        ),
        (
            lambda unconditional, conditional, scale: (1 + scale) * conditional - unconditional,
            "paper's formula with the last w forgotten",
        ),
        (
            lambda unconditional, conditional, scale: scale * conditional - (1 + scale) * unconditional,
            "rearranged with a wrong sign",
        ),
        (
            lambda unconditional, conditional, scale: unconditional + scale * (conditional + unconditional),
            "plus for minus",
        ),
        (
            lambda unconditional, conditional, scale: unconditional + scale**2 * (conditional - unconditional),
            "scale squared",
        ),
    ],
    "09.3": [
        (lambda w: w, "no conversion"),
        (lambda w: w - 1, "the other direction"),
        (lambda w: 1 - w, "sign"),
        (lambda w: 1 / (1 + w), "reciprocal"),
        (lambda w: 1 + 2 * w, "difference counted twice"),
        (lambda w: 2 + w, "counts the start twice"),
        (lambda w: 2 * w, "doubled"),
        (lambda w: (1 + w) / w, "divided by w"),
        (lambda w: w / (1 + w), "a fraction of one"),
        (lambda w: (1 + w) ** 2, "squared"),
        (lambda w: -w, "negative"),
        (lambda w: int(w) + 1, "whole numbers only"),
        (lambda w: 1, "constant"),
        (lambda w: 1 + w / 2, "half of the difference"),
    ],
    "09.4": [
        (lambda u, c, scale, t, low, high: u + scale * (c - u), "interval ignored"),
        (
            lambda u, c, scale, t, low, high: u + scale * (c - u) if low <= t <= high else u,
            "unconditional outside",
        ),
        (
            lambda u, c, scale, t, low, high: c if low <= t <= high else u + scale * (c - u),
            "guided outside, not inside",
        ),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if low < t < high else c, "ends not included"),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if t <= high else c, "low ignored"),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if t >= low else c, "high ignored"),
        (lambda u, c, scale, t, low, high: c + scale * (c - u) if low <= t <= high else c, "paper's w inside"),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if low <= t <= high else 0 * c, "zero outside"),
        (
            lambda u, c, scale, t, low, high: u + scale * (c - u) if low <= t < high else c,
            "upper end not included",
        ),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if high <= t <= low else c, "low and high exchanged"),
        (lambda u, c, scale, t, low, high: scale * (c - u) if low <= t <= high else c, "no start inside"),
        (lambda u, c, scale, t, low, high: c + scale * (u - c) if low <= t <= high else c, "inputs exchanged inside"),
        (
            lambda u, c, scale, t, low, high: (u + c) / 2 if not low <= t <= high else u + scale * (c - u),
            "mean outside",
        ),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if low <= t <= high else scale * c, "scaled outside"),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if low <= t <= high else None, "nothing outside"),
        (lambda u, c, scale, t, low, high: u + scale * (c - u) if low < t <= high else c, "lower end not included"),
    ],
    "09.5": [
        (lambda net, x, labels, null, scale: _both(net, x, torch.zeros_like(labels), labels, scale), "class 0 as null"),
        (lambda net, x, labels, null, scale: _both(net, x, labels, torch.full_like(labels, null), scale), "order"),
        (
            lambda net, x, labels, null, scale: _both(
                net, x, torch.full_like(labels, null), torch.full_like(labels, null), scale
            ),
            "null twice",
        ),
        (
            lambda net, x, labels, null, scale: _both(net, x, torch.full_like(labels, -1), labels, scale),
            "-1 as null",
        ),
        (
            lambda net, x, labels, null, scale: _both(net, x, torch.full_like(labels, labels.max() + 1), labels, scale),
            "one more than the largest label of the batch",
        ),
        (
            lambda net, x, labels, null, scale: _both(net, x, torch.full_like(labels, null), labels, scale + 1),
            "the paper's w",
        ),
        (lambda net, x, labels, null, scale: net(x, labels), "not guided"),
        (
            lambda net, x, labels, null, scale: net(
                torch.cat([x, x]), torch.cat([torch.full_like(labels, null), labels])
            ),
            "returns both halves",
        ),
        (
            lambda net, x, labels, null, scale: _interleaved(net, x, labels, null, scale),
            "repeats each image, labels one half after the other",
        ),
        (
            lambda net, x, labels, null, scale: _strided(net, x, labels, null, scale),
            "takes the halves as even and odd rows",
        ),
        (
            lambda net, x, labels, null, scale: _both(net, x, torch.full_like(labels, null), labels.flip(0), scale),
            "labels in reverse",
        ),
        (
            lambda net, x, labels, null, scale: _both(net, x, torch.full_like(labels, null), labels, scale).clamp(
                -1, 1
            ),
            "clipped",
        ),
        (
            lambda net, x, labels, null, scale: _both(
                net, x, torch.full_like(labels, null), labels[:1].expand_as(labels), scale
            ),
            "first label for everybody",
        ),
        (
            lambda net, x, labels, null, scale: net(torch.cat([x, x]), torch.cat([null, labels])),
            "null is a number: cat raises",
        ),
    ],
    "09.6": [
        (lambda steps, scale: 2 * steps, "always two"),
        (lambda steps, scale: steps, "always one"),
        (lambda steps, scale: steps if scale == 1 else 2 * steps, "scale 0 forgotten"),
        (lambda steps, scale: steps if scale == 0 else 2 * steps, "scale 1 forgotten"),
        (lambda steps, scale: 2 * steps if scale > 1 else steps, "one evaluation for every scale up to 1"),
        (lambda steps, scale: steps if scale > 1 else 2 * steps, "the wrong way round"),
        (lambda steps, scale: int(steps * (1 + scale)), "scale as a factor, plus one"),
        (lambda steps, scale: scale * steps, "scale as a factor"),
        (lambda steps, scale: 2 * steps - 1 if scale not in (0, 1) else steps, "as Heun's method"),
        (lambda steps, scale: 2 * (steps + 1) if scale not in (0, 1) else steps + 1, "counts timesteps, not steps"),
        (lambda steps, scale: 0 if scale == 0 else steps if scale == 1 else 2 * steps, "nothing at scale 0"),
        (lambda steps, scale: steps + 2 if scale not in (0, 1) else steps, "plus two"),
        (lambda steps, scale: steps**2 if scale not in (0, 1) else steps, "squared"),
        (lambda steps, scale: 2 if scale not in (0, 1) else 1, "per step, not per image"),
        (lambda steps, scale: 3 * steps if scale not in (0, 1) else steps, "three: with the guided one"),
        (lambda steps, scale: 2 * steps if scale >= 1 else steps, "two at scale 1"),
    ],
}


def _both(net, x, first, second, scale):
    unconditional, conditional = net(torch.cat([x, x]), torch.cat([first, second])).chunk(2)
    return unconditional + scale * (conditional - unconditional)


def _interleaved(net, x, labels, null, scale):
    doubled = x.repeat_interleave(2, 0)
    unconditional, conditional = net(doubled, torch.cat([torch.full_like(labels, null), labels])).chunk(2)
    return unconditional + scale * (conditional - unconditional)


def _strided(net, x, labels, null, scale):
    both = net(torch.cat([x, x]), torch.cat([torch.full_like(labels, null), labels]))
    return both[0::2] + scale * (both[1::2] - both[0::2])


def _numpy_drop(labels, null, fraction, u):
    dropped = labels.numpy().copy()
    dropped[u.numpy() < fraction] = null
    return dropped


def _copied_drop(labels, null, fraction, u):
    dropped = labels.clone()
    dropped[u < fraction] = null
    return dropped


def _branch(u, c, scale, t, low, high):
    if t < low or t > high:
        return c
    return (1 - scale) * u + scale * c


def _with_repeat(net, x, labels, null, scale):
    nulls = labels.new_full((len(labels),), null)
    out = net(x.repeat(2, *[1] * (x.ndim - 1)), torch.cat((nulls, labels)))
    return (1 - scale) * out[: len(x)] + scale * out[len(x) :]


def _with_lerp(net, x, labels, null, scale):
    out = net(torch.cat([x, x]), torch.cat([torch.full_like(labels, null), labels]))
    return torch.lerp(out[: len(x)], out[len(x) :], float(scale))


def _with_stack(net, x, labels, null, scale):
    pairs = torch.stack([x, x]).flatten(0, 1)
    which = torch.stack([torch.ones_like(labels) * null, labels]).flatten()
    unconditional, conditional = net(pairs, which).unflatten(0, (2, -1))
    return scale * (conditional - unconditional) + unconditional


def _loop_of_rows(net, x, labels, null, scale):
    out = net(torch.cat([x, x]), torch.tensor([int(null)] * len(labels) + labels.tolist()))
    rows = [out[k] + scale * (out[k + len(x)] - out[k]) for k in range(len(x))]
    return torch.stack(rows)


def _with_split(net, x, labels, null, scale):
    null_labels = torch.full((len(labels),), null, dtype=labels.dtype)
    out = net(torch.vstack([x, x]), torch.hstack([null_labels, labels]))
    unconditional, conditional = torch.split(out, len(x))
    return conditional + (scale - 1) * (conditional - unconditional)


RIGHT = {
    "09.1": [
        lambda labels, null, fraction, u: torch.where(u < fraction, null, labels),
        _numpy_drop,
        _copied_drop,
        lambda labels, null, fraction, u: [
            null if number < fraction else int(label) for label, number in zip(labels, u, strict=True)
        ],
        lambda labels, null, fraction, u: labels * (u >= fraction) + null * (u < fraction),
        lambda labels, null, fraction, u: labels.masked_fill(u < fraction, null),
    ],
    "09.2": [
        lambda unconditional, conditional, scale: (1 - scale) * unconditional + scale * conditional,
        lambda unconditional, conditional, scale: conditional + (scale - 1) * (conditional - unconditional),
        lambda unconditional, conditional, scale: torch.lerp(
            torch.as_tensor(unconditional), torch.as_tensor(conditional), float(scale)
        ),
        lambda unconditional, conditional, scale: (
            np.array(unconditional) + float(scale) * (np.array(conditional) - np.array(unconditional))
        ),
        lambda unconditional, conditional, scale: unconditional + scale * conditional - scale * unconditional,
    ],
    "09.3": [
        lambda w: w + 1,
        lambda w: 1.0 + float(w),
        lambda w: np.add(w, 1),
        lambda w: torch.as_tensor(w, dtype=torch.float64) + 1,
        lambda w: -(-1 - w),
    ],
    "09.4": [
        _branch,
        lambda u, c, scale, t, low, high: u + scale * (c - u) if low <= t <= high else c,
        lambda u, c, scale, t, low, high: u + (scale if low <= t and t <= high else 1) * (c - u),
        lambda u, c, scale, t, low, high: torch.where(torch.tensor(low <= t <= high), (1 - scale) * u + scale * c, c),
        lambda u, c, scale, t, low, high: c + (low <= t <= high) * (scale - 1) * (c - u),
    ],
    "09.5": [_with_repeat, _with_lerp, _with_stack, _loop_of_rows, _with_split],
    "09.6": [
        lambda steps, scale: steps if scale in (0, 1) else 2 * steps,
        lambda steps, scale: steps * (1 + (scale != 0 and scale != 1)),
        lambda steps, scale: int(steps * (2 if scale * (scale - 1) else 1)),
        lambda steps, scale: sum(1 if scale in (0.0, 1.0) else 2 for _ in range(steps)),
        lambda steps, scale: steps * bool(scale != 1) + steps * bool(scale != 0),
    ],
}
