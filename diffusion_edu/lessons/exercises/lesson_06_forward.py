"""Exercise 06.4: the way of an image through a U-Net."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import named
from diffusion_edu.lessons.checks.inputs import images, number, whole


def _draw_forward(random):
    """Layers that do not commute, as functions of numbers: each one shrinks, bends and adds its own amount."""
    stages = 1 if number(random, 0, 1) < 0.35 else whole(random, 3, 4)
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


def _lost_skip(x, down, up):
    bottom, skips = _way_down(x, down)
    for layer, skip in zip(up, [*skips[-2::-1], None], strict=True):
        bottom = layer(bottom, bottom if skip is None else skip)
    return bottom


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
            "Every layer on the way up gets the last skip: each one needs a skip of its own.": _through(
                lambda s: [s[-1]] * len(s)
            ),
            "Every layer on the way up gets the first skip.": _through(lambda skips: [skips[0]] * len(skips)),
            "The way up begins with the input: it should begin with the result of the last layer down.": (
                _through(start=lambda x, bottom: x)
            ),
            "The last skip comes too late: the first layer on the way up needs it.": (
                _through(lambda skips: [*skips[-2::-1], skips[-1]])
            ),
            "One skip is lost before the way up begins: the first layer on the way up needs the last skip.": (
                _lost_skip
            ),
            "The first layer on the way up gets the first skip: which entry does minus zero mean?": (
                _through(lambda skips: [skips[-i] for i in range(len(skips))])
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
            "Every layer on the way up gets the sum of all skips.": _through(lambda skips: [sum(skips)] * len(skips)),
            "Every layer on the way up gets the mean of all skips.": (
                _through(lambda skips: [sum(skips) / len(skips)] * len(skips))
            ),
            "Only the last layer on the way up runs: all of them do, one after the other.": (
                lambda x, down, up: up[-1](*((lambda way: (way[0], way[1][-1]))(_way_down(x, down))))
            ),
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
    where=lambda x, down, up: (
        "x = 1, the layers down add 1 and multiply by 10, and the layers up give x + skip and x - skip"
        if x.numel() == 1
        else f"there are {len(down)} layers down and {len(up)} up"
    ),
    example=lambda: (
        torch.tensor([1.0]).double(),
        [lambda x: x + 1, lambda x: 10 * x],
        [lambda x, skip: x + skip, lambda x, skip: x - skip],
    ),
    line="Say for each layer on the way up: which skip does it get, and which x?",
)
