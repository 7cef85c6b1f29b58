"""Exercise 06.3: self-attention."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named
from diffusion_edu.lessons.checks.inputs import noise, number, whole


def _attended(scores, weigh, mix):
    """The answer that is made of these three parts."""
    return lambda q, k, v: mix(weigh(scores(q, k)), v)


def _dots(q, k):
    return q.double() @ k.double().mT


def _unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def _scaled(q, k):
    return _dots(q, k) / q.shape[-1] ** 0.5


SCORES = {
    "": _scaled,
    "The scores are not divided by anything: with many features, one weight would take it all.": _dots,
    "You divide the scores by too much: which power of the number of features do they grow with?": (
        lambda q, k: _dots(q, k) / q.shape[-1]
    ),
    "You multiply the scores where you should divide.": lambda q, k: _dots(q, k) * q.shape[-1] ** 0.5,
    "You divide by a power of the number of positions: the number of features makes the scores large.": (
        lambda q, k: _dots(q, k) / q.shape[1] ** 0.5
    ),
    "You divide by the number of positions: the number of features makes the scores large.": (
        lambda q, k: _dots(q, k) / q.shape[1]
    ),
    "You divide by the number of images: the number of features makes the scores large.": (
        lambda q, k: _dots(q, k) / len(q) ** 0.5
    ),
    "Queries and keys are exchanged: a row of scores belongs to one query.": lambda q, k: _scaled(k, q),
    "You compare the queries with themselves.": lambda q, k: _scaled(q, q),
    "You compare the keys with themselves.": lambda q, k: _scaled(k, k),
    "The scores have the wrong sign: similar positions should read more from each other.": lambda q, k: -_scaled(q, k),
    "You compare lengths: a product of two directions is wanted.": lambda q, k: (
        torch.cdist(q.double(), k.double()) / q.shape[-1] ** 0.5
    ),
    "You normalise queries and keys first: their lengths count, too.": lambda q, k: _scaled(_unit(q), _unit(k)),
}
WEIGHTS = {
    "": lambda scores: scores.softmax(-1),
    "Your softmax runs over the queries: it is the keys that share the attention of one query.": lambda s: s.softmax(1),
    "Your softmax runs over the batch: images must not know of each other.": lambda scores: scores.softmax(0),
    "There is no softmax: weights should be positive and add up to one.": lambda scores: scores,
    "Your softmax runs over all pairs at once: each query has weights of its own.": (
        lambda scores: scores.flatten(1).softmax(1).view_as(scores)
    ),
    "You use a sigmoid: the weights of a query do not add up to one.": torch.sigmoid,
    "Your exponentials are not divided by their sum.": torch.exp,
    "You divide the scores by their sum: without the exponential, weights may be negative.": (
        lambda scores: scores / scores.sum(-1, keepdim=True)
    ),
    "You cut off negative scores instead of taking the exponential.": lambda scores: (
        scores.relu() / scores.relu().sum(-1, keepdim=True).clamp(min=1e-9)
    ),
    "Each query reads from one key only: the weights should be shared smoothly.": lambda scores: (
        torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores)
    ),
    "You use the logarithm of the weights.": lambda scores: scores.log_softmax(-1),
    "Two softmaxes, one after the other: one is enough.": lambda scores: scores.softmax(-1).softmax(-1),
}
MIXED = {
    "": lambda weights, v: weights @ v.double(),
    "The weights meet the values the wrong way round: a row of weights belongs to a query.": (
        lambda weights, v: weights.mT @ v.double()
    ),
    "You hand back the weights: they still have to mix the values.": lambda weights, v: weights,
    "You average the weighted values over the positions: each query gets a result of its own.": (
        lambda weights, v: (weights @ v.double()).mean(1)
    ),
    "You add the values to the result: the shortcut comes later, outside of this function.": (
        lambda weights, v: weights @ v.double() + v
    ),
    "You divide the result by the number of positions: the weights add up to one already.": (
        lambda weights, v: weights @ v.double() / v.shape[1]
    ),
}


def _draw_attend(random):
    kind = number(random, 0, 1)
    b, n, d = (2, 4, 4) if kind < 0.25 else (2, whole(random, 4, 6), 3)
    q, k, v = (noise(random, b, n, d) for _ in range(3))
    if kind < 0.25:  # values that make the weights visible
        return q, k, torch.eye(n, dtype=torch.float64).expand(b, n, n).clone()
    if kind < 0.55:  # in one of the images all values are equal
        v[int(kind < 0.4)] = v[0, 0].clone()
    return q, k, v


def _shows_weights(v):
    return v.shape[1] == v.shape[2] and torch.equal(v[0], torch.eye(len(v[0])).to(v))


def _one_batch(q, k, v):
    """Attention among all positions of all images."""
    mixed = _scaled(q.flatten(0, 1), k.flatten(0, 1)).softmax(-1) @ v.double().flatten(0, 1)
    return mixed.view_as(v)


def _example():
    rows = [[[2, 0, 0, 0], [2, 2, 0, 0]], [[1, 0, 0, 0], [0, 1, 0, 0]], [[10, 0, 0, 0], [20, 0, 0, 0]]]
    return tuple(torch.tensor([each], dtype=torch.float64) for each in rows)


ATTEND = Exercise(
    title="Self-attention",
    answer=lambda q, k, v: _scaled(q, k).softmax(-1) @ v.double(),
    means="Every position reads a weighted mean of all positions; who reads from whom depends on the image.",
    draw=_draw_attend,
    mistakes=(
        *combined(_attended, SCORES, chosen(WEIGHTS), chosen(MIXED)),
        *combined(_attended, chosen(SCORES), WEIGHTS, chosen(MIXED)),
        *combined(_attended, chosen(SCORES), chosen(WEIGHTS), MIXED),
        *combined(_attended, chosen(SCORES, 1, 2, 4, 5, 6), chosen(WEIGHTS, 1, 2, 3, 4, 5, 6), chosen(MIXED, 2, 4)),
        *named(
            {
                "Values and keys are exchanged: the weights come from queries and keys, and mix the values.": (
                    lambda q, k, v: _scaled(q, v).softmax(-1) @ k.double()
                ),
                "The queries are mixed where the values should be.": lambda q, k, v: (
                    _scaled(q, k).softmax(-1) @ q.double()
                ),
                "The keys are mixed where the values should be.": lambda q, k, v: (
                    _scaled(q, k).softmax(-1) @ k.double()
                ),
                "Positions of different images read from each other: the batch must stay apart.": _one_batch,
                "The softmax comes too late: it belongs to the scores, before the values are mixed.": (
                    lambda q, k, v: (_scaled(q, k) @ v.double()).softmax(-1)
                ),
                "You multiply queries and keys number by number: every query meets every key.": (
                    lambda q, k, v: (q * k / q.shape[-1] ** 0.5).softmax(-1) * v
                ),
                "You put queries and keys through a softmax each: it belongs to their products.": (
                    lambda q, k, v: q.softmax(-1) @ k.softmax(-1).mT @ v
                ),
                "All positions get the same: the mean of the values, whatever the queries are.": (
                    lambda q, k, v: v.mean(1, keepdim=True).expand_as(v)
                ),
                "All images get the weights of the first one.": (
                    lambda q, k, v: _scaled(q[:1], k[:1]).softmax(-1) @ v.double(),
                    lambda q, k, v: v[:, _dots(q, k)[0].argmax(-1)],
                ),
                "You add the queries to the result: the shortcut comes later, outside of this function.": (
                    lambda q, k, v: _scaled(q, k).softmax(-1) @ v.double() + q
                ),
                "Your attention is of features to features: it is the positions that read from each other.": (
                    lambda q, k, v: v.double() @ (_dots(q.mT, k.mT) / q.shape[-1] ** 0.5).softmax(-1).mT,
                    lambda q, k, v: v.double() @ (_dots(q.mT, k.mT) / q.shape[-1] ** 0.5).softmax(-1),
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Where all values of an image are equal, the result must be that value: your weights do not add up to one.",
            lambda x, q, k, v: all(
                torch.allclose(mine, values, atol=1e-4)
                for mine, values in zip(x, v, strict=True)
                if (values == values[:1]).all()
            ),
        ),
        Property(
            "A result lies outside the range of the values: are all your weights positive, and is their sum one?",
            lambda x, q, k, v: ((x <= v.amax(1, keepdim=True) + 1e-4) & (x >= v.amin(1, keepdim=True) - 1e-4)).all(),
        ),
        Property(
            "The weights of a query do not add up to one.",
            lambda x, q, k, v: not _shows_weights(v) or torch.allclose(x.sum(2), torch.ones(1).double(), atol=1e-4),
        ),
        Property(
            "A query does not read most from the key that is most similar to it: where do your scores come from?",
            lambda x, q, k, v: not _shows_weights(v) or torch.equal(x.argmax(2), _dots(q, k).argmax(2)),
        ),
        Property(
            "Each query reads most from the right key, but the weights are too even or too unequal.",
            lambda x, q, k, v: not _shows_weights(v) or torch.allclose(x, _scaled(q, k).softmax(-1), atol=1e-4),
        ),
    ),
    example=_example,
    line="Check in this order: the scores and their divisor, the axis of the softmax, the product with the values.",
)
