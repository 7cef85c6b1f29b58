"""Lesson 00: typical wrong answers get the hint for their mistake; right ones are accepted in any form."""

import math

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.checkpoints import load
from diffusion_edu.generation import Preset, generate
from diffusion_edu.lessons.exercises.lesson_00 import EXERCISES
from diffusion_edu.lessons.figures.lesson_00 import likeness, rms


def seeded(seed, shape, make=torch.randn):
    return make(shape, generator=torch.Generator().manual_seed(seed))


def appended(seeds, shape):
    rows = []
    for seed in seeds:
        random = torch.Generator()
        random.manual_seed(seed)
        rows.append(torch.empty(shape).normal_(generator=random))
    return torch.stack(rows)


def filled(seeds, shape):
    noise = torch.zeros(len(seeds), *shape)
    for k, seed in enumerate(seeds):
        noise[k] = seeded(seed, shape)
    return noise


def reseeded(seeds, shape):
    noise, random = [], torch.Generator()
    for seed in seeds:
        noise.append(torch.randn(1, *shape, generator=random.manual_seed(seed)))
    return torch.cat(noise)


def by_global(seeds, shape):
    noise = []
    for seed in seeds:
        torch.manual_seed(seed)
        noise.append(torch.randn(*shape))
    return torch.stack(noise)


def one_generator(seeds, shape, make=torch.randn):
    random = torch.Generator().manual_seed(seeds[0])
    return torch.stack([make(shape, generator=random) for _ in seeds])


NOISE = [
    appended,
    filled,
    reseeded,
    by_global,
    lambda seeds, shape: np.stack([seeded(s, shape).numpy() for s in seeds]),
]
NOT_NOISE = [
    (
        lambda seeds, shape: torch.randn((len(seeds), *shape), generator=torch.Generator().manual_seed(seeds[0])),
        "one gen",
    ),
    (lambda seeds, shape: filled(range(len(seeds)), shape), "number of the image in the batch"),
    (lambda seeds, shape: filled([seeds[0]] * len(seeds), shape), "the first seed"),
    (lambda seeds, shape: filled(sorted(seeds), shape), "sorted the seeds"),
    (lambda seeds, shape: filled(seeds, shape)[0], "noise of one image"),
    (lambda seeds, shape: torch.cat(list(filled(seeds, shape))), "along their channels"),
    (lambda seeds, shape: torch.stack([seeded(s, shape, torch.rand) for s in seeds]), "mean near one half"),
    (lambda seeds, shape: torch.randn(len(seeds), *shape), "draws random numbers of its own"),
    (lambda seeds, shape: filled([max(seeds)] * len(seeds), shape), "ifferent"),
    (lambda seeds, shape: filled([seed + 1 for seed in seeds], shape) * 0.5, "mistake has no name"),
]


def recursive(step, x, timesteps):
    if len(timesteps) == 1:
        return [x]
    return [x, *recursive(step, step(x, timesteps[0], timesteps[1]), timesteps[1:])]


def indexed(step, x, timesteps):
    states = [x]
    for k in range(1, len(timesteps)):
        x = step(x, timesteps[k - 1], timesteps[k])
        states += [x]
    return states


def with_next(step, x, timesteps):
    states, rest = [], iter(timesteps)
    t = next(rest)
    for s in rest:
        states.append(x)
        x, t = step(x, t, s), s
    return [*states, x]


def popping(step, x, timesteps):
    left, states = list(timesteps), [x]
    while len(left) > 1:
        t = left.pop(0)
        states.append(step(states[-1], t, left[0]))
    return tuple(states)


def along(pairs):
    def walk(step, x, timesteps):
        states = [x]
        for t, s in pairs(timesteps):
            states.append(step(states[-1], t, s))
        return states

    return walk


RIGHT = {
    "00.1": [
        lambda image: 2 * (image / 255) - 1,
        lambda image: (image.double() - 127.5) / 127.5,
        lambda image: image.numpy().astype(float) / 127.5 - 1,
        lambda image: torch.lerp(torch.tensor(-1.0), torch.tensor(1.0), image / 255),
        lambda image: -(1 - image.to(torch.float32) * 2 / 255),
    ],
    "00.2": [
        lambda x: (x * 127.5 + 127.5).clamp(0, 255).round().byte(),
        lambda x: ((x.clamp(-1, 1) + 1) / 2 * 255).round().to(torch.uint8),
        lambda x: np.clip(np.rint((x.numpy() + 1) * 127.5), 0, 255).astype(np.uint8),
        lambda x: (((x + 1) * 127.5).clamp(0, 255) + 0.5).floor().type(torch.uint8),
        lambda x: torch.minimum(torch.maximum((x + 1) * 127.5, torch.tensor(0.0)), torch.tensor(255.0)).round().byte(),
    ],
    "00.3": NOISE,
    "00.4": [recursive, indexed, with_next, popping, lambda *inputs: torch.stack(indexed(*inputs))],
    "00.5": NOISE,
}

WRONG = {
    "00.1": [
        (lambda image: image / 255, "Where is black?"),
        (lambda image: image / 128 - 1, "White does not quite arrive"),
        (lambda image: image / 127 - 1, "White goes beyond"),
        (lambda image: image / 255 - 0.5, "only half as wide"),
        (lambda image: image.float() - 127.5, "still reach more than a hundred"),
        (lambda image: 2 * image / 255 - 1, "A byte ran over"),
        (lambda image: 1 - image / 127.5, "wrong sign"),
        (lambda image: image // 128 * 2 - 1.0, "different numbers"),
        (lambda image: image / image.max() * 2 - 1, "brightest pixel of this image"),
        (lambda image: (image / 127.5 - 1).round(), "whole numbers"),
        (lambda image: (image / 255).sqrt() * 2 - 1, "has no name"),
    ],
    "00.2": [
        (lambda x: ((x + 1) * 127.5).clamp(0, 255).byte(), "cut off the fraction"),
        (lambda x: ((x + 1) * 127.5).round().byte(), "a little above white"),
        (lambda x: ((x + 1) * 127.5).byte(), "a little above white"),
        (lambda x: ((x + 1) * 128).clamp(0, 255).byte(), "white is not byte 255"),
        (lambda x: (x * 255).clamp(0, 255).round().byte(), "Where is black?"),
        (lambda x: ((x + 1) * 127.5).clamp(0, 1).round().byte(), "no value above 1"),
        (lambda x: ((x + 1) * 127.5).round().clamp(0, 255), "of type torch.uint8"),
        (lambda x: ((1 - x) * 127.5).round().clamp(0, 255).byte(), "changed places"),
        (lambda x: ((x + 1) * 127.5).ceil().clamp(0, 255).byte(), "round everything up"),
        (lambda x: ((x.clamp(-1, 1) + 1) * 127.5).byte(), "cut off the fraction"),
    ],
    "00.3": [(one_generator, "One generator serves"), *NOT_NOISE],
    "00.4": [
        (lambda step, x, t: indexed(step, x, t)[1:], "first state is missing"),
        (lambda step, x, t: indexed(step, x, t)[:-1], "last state is missing"),
        (lambda step, x, t: indexed(step, x, t)[-1], "last state only"),
        (along(lambda ts: [(t, t - 1) for t in ts[:-1]]), "next one on the list"),
        (along(lambda ts: zip(ts[1:], ts[:-1], strict=True)), "the wrong way round"),
        (lambda step, x, ts: [x] + [step(x, t, s) for t, s in zip(ts, ts[1:], strict=False)], "from the noise again"),
        (along(lambda ts: [(t, 0) for t in ts[:-1]]), "down to timestep 0"),
        (along(lambda ts: zip(ts[::2], ts[1::2], strict=False)), "every second step"),
        (lambda step, x, ts: indexed(step, x, ts)[::-1], "comes first"),
        (along(lambda ts: [(t, s) for t, s in zip(ts, ts[2:], strict=False)]), "Your steps overlap"),
    ],
    "00.5": [
        (lambda seeds, shape: one_generator([seeds[-1]], shape).expand(len(seeds), *shape), "last seed"),
        *NOT_NOISE,
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_one_generator_gives_the_first_images_the_same_start_and_other_noise_later():
    draws = {}
    for images in (4, 8):
        random = torch.Generator().manual_seed(0)
        draws[images] = [torch.randn(images, 3, 64, 64, generator=random) for _ in range(2)]
    assert torch.equal(draws[4][0], draws[8][0][:4]) and not torch.equal(draws[4][1], draws[8][1][:4])


def test_two_thirds_of_gaussian_noise_lie_within_one_standard_deviation():
    assert math.erf(0.5**0.5) == pytest.approx(0.683, abs=1e-3)


def test_two_networks_turn_the_same_noise_into_nearly_the_same_flower():
    preset, label = Preset(sampler="DDIM", steps=5, schedule="linear", guidance_scale=1.0), 53
    one, other = (
        list(generate(load(name), preset, [7, 8, 9], [label] * 3))[-1].x
        for name in ("flowers_simple", "flowers_attention")
    )
    assert load("flowers_simple").card.classes[label] == "sunflower"
    assert likeness(one, other) > 0.8 > 0.2 > likeness(one, other.roll(1, 0)), (likeness(one, other), rms(one, other))
