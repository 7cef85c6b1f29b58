"""Ready-made sketches, as strokes of a brush, painted exactly as the canvas paints them."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import torch

from diffusion_edu.app.components.canvas.widget import COLOURS

INK = {name: [int(value[at : at + 2], 16) for at in (1, 3, 5)] for name, value in COLOURS}
SIZE = 64


def ring(x, y, radius, corners=28):
    """Return the corners of a closed circle."""
    return [
        (x + radius * math.cos(k / corners * math.tau), y + radius * math.sin(k / corners * math.tau))
        for k in range(corners + 1)
    ]


def rays(x, y, inner, outer, count, turn=0.0):
    """Return straight strokes away from a centre, two points each."""
    directions = [(math.cos(turn + k / count * math.tau), math.sin(turn + k / count * math.tau)) for k in range(count)]
    return [[(x + inner * a, y + inner * b), (x + outer * a, y + outer * b)] for a, b in directions]


def petals(x, y, inner, outer, count):
    """Return the closed outline of a flower with `count` petals around a centre."""
    turns = [k / (12 * count) * math.tau for k in range(12 * count + 1)]
    radii = [inner + (outer - inner) * abs(math.sin(count / 2 * turn)) for turn in turns]
    return [(x + r * math.cos(turn), y + r * math.sin(turn)) for r, turn in zip(radii, turns, strict=True)]


def spiral(x, y, radius, turns):
    """Return a spiral that starts in a centre."""
    parts = [k / 60 for k in range(61)]
    return [
        (x + radius * p * math.cos(turns * math.tau * p), y + radius * p * math.sin(turns * math.tau * p))
        for p in parts
    ]


CUP = [(20, 22), (22, 36), (32, 42), (42, 36), (44, 22), (38, 29), (32, 19), (26, 29), (20, 22)]
SKETCHES = {  # name: strokes, each a colour, a width in pixels, and the points of the stroke
    "yellow flower": [
        ("green", 3, [(32, 36), (33, 50), (30, 64)]),
        *[("yellow", 9, stroke) for stroke in rays(32, 27, 10, 18, 11)],
        ("brown", 16, [(32, 27)]),
    ],
    "outline": [
        ("black", 1, petals(32, 27, 10, 23, 7)),
        ("black", 1, ring(32, 27, 6)),
        ("black", 1, [(31, 44), (33, 55), (31, 64)]),
        ("black", 1, [(33, 55), (42, 49), (47, 51), (40, 56), (33, 57)]),
    ],
    "red tulip": [
        ("green", 3, [(32, 42), (32, 64)]),
        ("green", 4, [(32, 60), (22, 48)]),
        *[("red", 8, [(32, 36), top]) for top in ((24, 22), (32, 19), (40, 22))],
        ("red", 13, [(28, 33), (36, 33)]),
        ("black", 1, CUP),
    ],
    "pink rose": [
        *[("green", 6, leaf) for leaf in ([(20, 44), (14, 52)], [(46, 46), (52, 54)])],
        ("pink", 42, [(32, 31)]),
        ("red", 2, spiral(32, 31, 19, 3.5)),
    ],
    "two flowers": [
        *[("green", 2, [(x, y), (x + 3, 64)]) for x, y in ((18, 24), (44, 40))],
        *[("purple", 8, stroke) for stroke in rays(18, 20, 6, 9, 6)],
        *[("purple", 8, stroke) for stroke in rays(45, 36, 6, 9, 6, 0.4)],
        ("yellow", 8, [(18, 20)]),
        ("yellow", 8, [(45, 36)]),
    ],
}  # fmt: skip


@cache
def sketch_layer(name):
    """Paint one of SKETCHES as a layer uint8 (4, SIZE, SIZE)."""
    layer = np.zeros((4, SIZE, SIZE), np.uint8)
    for colour, width, points in SKETCHES[name]:
        for start, end in pairwise(points if len(points) > 1 else 2 * points):
            layer[:, stroke_pixels(start, end, width)] = [[value] for value in (*INK[colour], 255)]
    return torch.from_numpy(layer)


def stroke_pixels(start, end, width):
    """Return the pixels, bool (SIZE, SIZE), that a round brush covers from start (x, y) to end, as strokePixels in
    brush.js.
    """
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    (dx, dy), (px, py) = (end[0] - start[0], end[1] - start[1]), (x - start[0], y - start[1])
    along = np.clip((px * dx + py * dy) / ((dx * dx + dy * dy) or 1), 0, 1)
    return np.hypot(px - along * dx, py - along * dy) <= width / 2
