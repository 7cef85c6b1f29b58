"""Exercises 06.3 and 06.4: self-attention, and the way of an image through a U-Net."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named
from diffusion_edu.lessons.checks.inputs import images, noise, number, whole

# 06.3: self-attention ------------------------------------------------------------------------------------------------


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
    b, n, d = 2, whole(random, 4, 6), 3
    q, k, v = (noise(random, b, n, d) for _ in range(3))
    return q, k, v[:, :1].expand_as(v).clone() if number(random, 0, 1) < 0.25 else v


def _one_batch(q, k, v):
    """Attention among all positions of all images."""
    mixed = _scaled(q.flatten(0, 1), k.flatten(0, 1)).softmax(-1) @ v.double().flatten(0, 1)
    return mixed.view_as(v)


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
            lambda x, q, k, v: (v != v[:, :1]).any() or torch.allclose(x, v, atol=1e-4),
        ),
        Property(
            "A result lies outside the range of the values: are all your weights positive, and is their sum one?",
            lambda x, q, k, v: ((x <= v.amax(1, keepdim=True) + 1e-4) & (x >= v.amin(1, keepdim=True) - 1e-4)).all(),
        ),
    ),
    example=lambda: tuple(torch.tensor([[each]]).double().mT for each in ([2.0, 0.0], [1.0, 0.0], [10.0, 20.0])),
    line="Check in this order: the scores and their divisor, the axis of the softmax, the product with the values.",
)

# 06.4: the way through a U-Net ---------------------------------------------------------------------------------------


def _draw_forward(random):
    """Layers that do not commute, as functions of numbers: each one shrinks, bends and adds its own amount."""
    stages = 1 if number(random, 0, 1) < 0.15 else whole(random, 2, 4)
    down = [_layer(number(random, 0.5, 1.5), number(random, -1, 1)) for _ in range(stages)]
    up = [_joint(number(random, 0.5, 1.5), number(random, 0.2, 0.8), number(random, -1, 1)) for _ in range(stages)]
    return images(random, 2, 3, 4, 5), down, up


def _layer(factor, added):
    return lambda x: (factor * x + added).tanh()


def _joint(factor, amount, added):
    return lambda x, skip: (factor * x + amount * skip.square() + added).tanh()


def _way_down(x, down, keep=lambda before, after: after):
    skips = []
    for layer in down:
        after = layer(x)
        skips.append(keep(x, after))
        x = after
    return x, skips


def _way_up(x, up, skips):
    for layer, skip in zip(up, skips, strict=False):
        x = layer(x, skip)
    return x


def _through(order=lambda skips: skips[::-1], keep=lambda before, after: after, start=lambda x, bottom: bottom):
    """The answer that keeps something on the way down and gives it to the layers on the way up in this order."""

    def forward(x, down, up):
        bottom, skips = _way_down(x, down, keep)
        return _way_up(start(x, bottom), up, order(skips))

    return forward


def _unchained_up(x, down, up):
    bottom, skips = _way_down(x, down)
    return up[-1](bottom, skips[0])


def _exchanged_up(x, down, up):
    bottom, skips = _way_down(x, down)
    for layer, skip in zip(up, skips[::-1], strict=True):
        bottom = layer(skip, bottom)
    return bottom


def _own_skips(x, down, up):
    bottom, _ = _way_down(x, down)
    for layer in up:
        bottom = layer(bottom, bottom)
    return bottom


def _doubled_skips(x, down, up):
    bottom, skips = _way_down(x, down)
    for layer, skip in zip(up, skips[::-1], strict=True):
        bottom = layer(skip, skip)
    return bottom


def _added_before(x, down, up):
    bottom, skips = _way_down(x, down)
    for layer, skip in zip(up, skips[::-1], strict=True):
        bottom = layer(bottom + skip, skip)
    return bottom


def _added_after(x, down, up):
    bottom, skips = _way_down(x, down)
    for layer, skip in zip(up, skips[::-1], strict=True):
        bottom = layer(bottom, skip) + skip
    return bottom


def _first_up(x, down, up):
    bottom, skips = _way_down(x, down)
    return up[0](bottom, skips[-1])


def _unchained_down(x, down, up):
    skips = [layer(x) for layer in down]
    return _way_up(skips[-1], up, skips[::-1])


def _added(x, down, up):
    bottom, skips = _way_down(x, down)
    return bottom + sum(skips)


def _all_states(x, down, up):
    bottom, skips = _way_down(x, down)
    states = []
    for layer, skip in zip(up, skips[::-1], strict=True):
        states.append(bottom := layer(bottom, skip))
    return states


def _pairs(x, down, up):
    for go_down, go_up in zip(down, up, strict=True):
        x = go_down(x)
        x = go_up(x, x)
    return x


FORWARD = Exercise(
    title="Down, across and up",
    answer=_through(),
    means="Last in, first out: so each layer on the way up meets the skip of its own resolution.",
    draw=_draw_forward,
    mistakes=named(
        {
            "The first skip is used first: on the way up you meet the lowest resolution first.": _through(list),
            "You keep the inputs of the layers on the way down: their results are the skips.": (
                _through(keep=lambda before, after: before)
            ),
            "You keep the inputs of the layers, and use the first one first.": (
                _through(list, keep=lambda before, after: before)
            ),
            "Every layer on the way up gets the last skip: take it off the list.": _through(lambda s: [s[-1]] * len(s)),
            "Every layer on the way up gets the first skip.": _through(lambda skips: [skips[0]] * len(skips)),
            "The way up begins with the input: it should begin with the result of the last layer down.": (
                _through(start=lambda x, bottom: x)
            ),
            "The last skip is left out: all results of the way down are skips.": (
                _through(lambda skips: [*skips[-2::-1], skips[-1]])
            ),
            "A layer on the way up is missing: there are as many as on the way down.": (
                _through(lambda skips: skips[:0:-1]),
                _through(lambda skips: skips[-2::-1]),
            ),
            "The layers on the way up do not build on each other: each works on the result of the one before.": (
                _unchained_up
            ),
            "You change places: the first argument of a layer on the way up is x, the second one the skip.": (
                _exchanged_up
            ),
            "There is no skip: the layers on the way up get x twice.": _own_skips,
            "The layers on the way up get the skip twice: the first argument is x.": _doubled_skips,
            "The layers on the way up get zeros for the skip.": (
                lambda x, down, up: _way_up(_way_down(x, down)[0], up, [torch.zeros_like(x)] * len(up))
            ),
            "You add the skip to x yourself: the layer on the way up does what is to be done with it.": _added_before,
            "You add the skip to the result: the layer on the way up has used it already.": _added_after,
            "Only the first layer on the way up runs: is your last line inside the loop?": _first_up,
            "The layers on the way down all get the input: each one works on the result of the one before.": (
                _unchained_down
            ),
            "The way up is missing.": lambda x, down, up: _way_down(x, down)[0],
            "The skips are added up: the layers on the way up should use them.": _added,
            "The layers on the way up run in the wrong order.": (
                lambda x, down, up: _through()(x, down, up[::-1]),
                lambda x, down, up: _through(list)(x, down, up[::-1]),
            ),
            "The layers on the way down run in the wrong order.": lambda x, down, up: _through()(x, down[::-1], up),
            "You go down and up in turns: first all the way down, then all the way up.": _pairs,
            "Every skip is the input image.": lambda x, down, up: _way_up(_way_down(x, down)[0], up, [x] * len(up)),
            "You hand over the skips: the result of the last layer is wanted.": lambda x, down, up: _way_down(x, down)[
                1
            ],
            "You hand over a list of all results: the last one is wanted.": _all_states,
            "The whole way is walked twice.": lambda x, down, up: _through()(_through()(x, down, up), down, up),
            "Every layer on the way down runs twice: keep its result under a name.": (
                lambda x, down, up: _through()(x, [lambda x, f=f: f(f(x)) for f in down], up)
            ),
        }
    ),
    properties=(
        Property(
            "With one layer down and one up, the skip and x are the same: the result of the layer on the way down.",
            lambda x, start, down, up: len(up) > 1 or torch.allclose(x, _through()(start, down, up), atol=1e-4),
        ),
    ),
    where=lambda x, down, up: f"there are {len(down)} layers down and {len(up)} up",
    example=lambda: (
        torch.tensor([1.0]).double(),
        [lambda x: x + 1, lambda x: 10 * x],
        [lambda x, skip: x + skip, lambda x, skip: x - skip],
    ),
    line="Say for each layer on the way up: which skip does it get, and which x?",
)
