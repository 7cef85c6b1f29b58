"""Answers to lesson 00, written from the signatures alone: wrong ones of students, right ones in other styles."""

from __future__ import annotations

import numpy as np
import torch


def rows(seeds, shape, draw=torch.randn):
    """One row per seed, each with a generator of its own."""
    return torch.stack([draw(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def one_generator(seeds, shape, seed=None, draw=torch.randn):
    """The whole batch from one generator."""
    generator = torch.Generator().manual_seed(seeds[0] if seed is None else seed)
    return draw((len(seeds), *shape), generator=generator)


def one_by_one(seeds, shape, seed):
    """One generator, one draw after the other; the same numbers as one draw of small tensors may not give."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(shape, generator=generator) for _ in seeds])


def seeded_inside(seeds, shape):
    """A generator is seeded, and the draw does not use it."""
    generator = torch.Generator()
    for seed in seeds:
        generator.manual_seed(seed)
    return torch.randn((len(seeds), *shape))


def last_seed(seeds, shape):
    """The generator is seeded again and again, then draws once."""
    generator = torch.Generator()
    for seed in seeds:
        generator.manual_seed(seed)
    return torch.randn((len(seeds), *shape), generator=generator)


def only_first(seeds, shape):
    """Every row is the first one."""
    return rows([seeds[0]] * len(seeds), shape)


def seeded_globally(seeds, shape):
    """The global random numbers, seeded for each row."""
    state = torch.random.get_rng_state()
    out = torch.empty((len(seeds), *shape))
    for k, seed in enumerate(seeds):
        torch.manual_seed(seed)
        out[k] = torch.randn(shape)
    torch.random.set_rng_state(state)
    return out


def in_numpy(seeds, shape):
    """Generators of numpy: other numbers."""
    return torch.stack([torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).float() for seed in seeds])


def long_walk(step, x, timesteps):
    """An index loop over the pairs."""
    states = [x]
    for k in range(len(timesteps) - 1):
        states.append(step(states[-1], timesteps[k], timesteps[k + 1]))
    return states


def walk_wrong(pairs, start=True, feed=True, swap=False):
    """A walk over `pairs(timesteps)`; `feed` hands the new image on."""

    def walk(step, x, timesteps):
        states = [x] if start else []
        now = x
        for t, s in pairs(timesteps):
            new = step(now, s, t) if swap else step(now, t, s)
            now = new if feed else now
            states.append(new)
        return states

    return walk


def neighbours(timesteps):
    return list(zip(timesteps[:-1], timesteps[1:], strict=True))


def walk_early(step, x, timesteps):
    """Returns inside the loop."""
    states = [x]
    for t, s in neighbours(timesteps):
        x = step(x, t, s)
        states.append(x)
        return states
    return states


def walk_late(step, x, timesteps):
    """Appends before the step: the last image is missing, the first is there twice."""
    states = [x]
    for t, s in neighbours(timesteps):
        states.append(x)
        x = step(x, t, s)
    return states


def walk_recursive(step, x, timesteps):
    if len(timesteps) == 1:
        return [x]
    return [x, *walk_recursive(step, step(x, timesteps[0], timesteps[1]), timesteps[1:])]


def walk_iterator(step, x, timesteps):
    states, steps = [x], iter(timesteps)
    t = next(steps)
    for s in steps:
        x = step(x, t, s)
        states.append(x)
        t = s
    return states


def walk_while(step, x, timesteps):
    states, k = [x], 1
    while k < len(timesteps):
        x = step(x, timesteps[k - 1], timesteps[k])
        states += [x]
        k += 1
    return states


def walk_accumulate(step, x, timesteps):
    from itertools import accumulate

    return list(accumulate(neighbours(timesteps), lambda now, pair: step(now, *pair), initial=x))


def in_place(step, x, timesteps):
    """One tensor is overwritten: the list holds the last image again and again."""
    x = x.clone()
    states = [x]
    for t, s in neighbours(timesteps):
        x.copy_(step(x, t, s))
        states.append(x)
    return states


def rows_list(seeds, shape):
    """Rows are cut from single draws."""
    return torch.cat([torch.randn((1, *shape), generator=torch.Generator().manual_seed(seed)) for seed in seeds], dim=0)


def rows_filled(seeds, shape):
    out = torch.empty((len(seeds), *shape))
    for row, seed in zip(out, seeds, strict=True):
        row.copy_(torch.empty(shape).normal_(generator=torch.Generator().manual_seed(seed)))
    return out


def rows_reseeded(seeds, shape):
    generator = torch.Generator()
    drawn = []
    for seed in seeds:
        generator.manual_seed(seed)
        drawn.append(torch.randn(*shape, generator=generator))
    return torch.stack(drawn)


WRONG_NOISE = [
    (one_generator, "one generator for the batch"),
    (last_seed, "generator seeded with the last seed only"),
    (seeded_inside, "the generator is not used"),
    (only_first, "every row has the first seed"),
    (lambda seeds, shape: rows(seeds, shape, torch.rand), "rand for randn"),
    (lambda seeds, shape: rows(range(len(seeds)), shape), "row number as seed"),
    (lambda seeds, shape: rows(seeds[::-1], shape), "rows in reverse order"),
    (lambda seeds, shape: rows(sorted(seeds, reverse=True)[:1] * len(seeds), shape), "the highest seed for all"),
    (lambda seeds, shape: rows([seed + k for k, seed in enumerate(seeds)], shape), "seed plus row number"),
    (lambda seeds, shape: one_generator(seeds, shape, sum(seeds)), "the sum of the seeds for one generator"),
    (lambda seeds, shape: rows(seeds, shape)[0], "only one image comes back"),
    (lambda seeds, shape: rows(seeds, shape[1:]), "the channels are missing"),
    (lambda seeds, shape: torch.cat(list(rows(seeds, shape))), "cat for stack"),
    (in_numpy, "numpy's generator"),
    (lambda seeds, shape: torch.randn((seeds, *shape)), "raises: a list as a size"),
]

WRONG = {
    "00.1": [
        (lambda image: image.float() / 255, "[0, 1] instead of [-1, 1]"),
        (lambda image: image.float() / 128 - 1, "128 for 127.5"),
        (lambda image: image.float() / 127 - 1, "127 for 127.5"),
        (lambda image: image.float() / 255 - 0.5, "shifted by a half, not stretched"),
        (lambda image: image.float() / 255 + 1, "added for subtracted"),
        (lambda image: 1 - image.float() / 127.5, "black and white exchanged"),
        (lambda image: image.float() / 127.5, "stretched, not shifted"),
        (lambda image: 2 * (image // 255).float() - 1, "integer division"),
        (lambda image: image.float() * 2 - 1, "not divided by 255"),
        (lambda image: image.float() - 127.5, "centred, not scaled"),
        (lambda image: (image * 2).float() / 255 - 1, "overflow of uint8 when doubled"),
        (lambda image: (image - 128).float() / 127.5, "overflow of uint8 when shifted"),
        (lambda image: image.float() / image.max() * 2 - 1, "divided by the image's own maximum"),
        (lambda image: (image.float() - image.float().mean()) / image.float().std(), "standardised"),
        (lambda image: image, "unchanged"),
    ],
    "00.2": [
        (lambda x: ((x + 1) * 127.5).to(torch.uint8), "neither rounded nor clamped"),
        (lambda x: ((x + 1) * 127.5).clamp(0, 255).to(torch.uint8), "truncated instead of rounded"),
        (
            lambda x: ((x + 1) * 127.5).round().to(torch.int64).remainder(256).to(torch.uint8),
            "wraps round: not clamped",
        ),
        (lambda x: (x * 255).round().clamp(0, 255).to(torch.uint8), "takes [0, 1]"),
        (lambda x: ((x + 1) * 128).round().clamp(0, 255).to(torch.uint8), "128 for 127.5"),
        (lambda x: ((x + 1) * 127).round().clamp(0, 255).to(torch.uint8), "127 for 127.5"),
        (lambda x: ((x + 1) * 127.5).round().clamp(0, 255), "stays a float"),
        (lambda x: ((x + 1) / 2).round().clamp(0, 1).mul(255).to(torch.uint8), "rounded before it is scaled"),
        (lambda x: ((1 - x) * 127.5).round().clamp(0, 255).to(torch.uint8), "black and white exchanged"),
        (lambda x: (x.abs().clamp(0, 1) * 255).round().to(torch.uint8), "absolute values"),
        (lambda x: ((x + 1) * 255).round().clamp(0, 255).to(torch.uint8), "not halved"),
        (lambda x: ((x + 1) * 127.5).ceil().clamp(0, 255).to(torch.uint8), "rounded up"),
        (lambda x: (((x - x.min()) / (x.max() - x.min())) * 255).round().to(torch.uint8), "stretched to its own range"),
        (lambda x: (x * 127.5).round().clamp(0, 255).to(torch.uint8), "the shift is missing"),
        (lambda x: ((x + 1) * 127.5).round().clamp(-1, 1).to(torch.uint8), "clamped to [-1, 1] after scaling"),
    ],
    "00.3": WRONG_NOISE,
    "00.4": [
        (walk_wrong(neighbours, start=False), "the first state is missing"),
        (walk_wrong(neighbours, feed=False), "each step starts from the first image"),
        (walk_wrong(neighbours, swap=True), "t and s exchanged"),
        (lambda step, x, timesteps: long_walk(step, x, timesteps)[-1], "only the last image"),
        (walk_wrong(lambda ts: neighbours(ts)[:-1]), "the last step is missing"),
        (walk_wrong(lambda ts: neighbours(ts)[1:]), "the first step is missing"),
        (lambda step, x, timesteps: long_walk(step, x, timesteps)[::-1], "the list runs backwards"),
        (walk_wrong(lambda ts: [(t, t) for t in ts[1:]]), "s for both timesteps"),
        (walk_wrong(lambda ts: [(t, t - 1) for t in ts[:-1]]), "t - 1 instead of the next timestep"),
        (walk_wrong(lambda ts: neighbours(sorted(ts))), "from clean to noisy"),
        (walk_early, "returns in the loop"),
        (walk_late, "appended before the step"),
        (lambda step, x, timesteps: torch.stack(long_walk(step, x, timesteps)).mean(0), "the mean of the states"),
        (in_place, "one tensor overwritten"),
        (
            lambda step, x, timesteps: [step(x, timesteps[k], timesteps[k + 1]) for k in range(len(timesteps))],
            "raises: index out of range",
        ),
    ],
    "00.5": WRONG_NOISE,
}

RIGHT_NOISE = [rows, rows_list, rows_filled, rows_reseeded, seeded_globally]

RIGHT = {
    "00.1": [
        lambda image: image.float() / 127.5 - 1,
        lambda image: 2 * (image.double() / 255) - 1,
        lambda image: (image.float() - 127.5) / 127.5,
        lambda image: torch.from_numpy(image.numpy().astype(np.float32) / 255 * 2 - 1),
        lambda image: torch.tensor([2 * value / 255 - 1 for value in image.flatten().tolist()]).reshape(image.shape),
    ],
    "00.2": [
        lambda x: ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8),
        lambda x: (x.clamp(-1, 1) * 127.5 + 127.5).round().byte(),
        lambda x: torch.from_numpy(np.clip(np.rint((x.numpy() + 1) / 2 * 255), 0, 255).astype(np.uint8)),
        lambda x: torch.floor((x.double().clamp(-1, 1) + 1) / 2 * 255 + 0.5).to(torch.uint8),
        lambda x: torch.tensor(
            [min(255, max(0, round((value + 1) * 127.5))) for value in x.flatten().tolist()], dtype=torch.uint8
        ).reshape(x.shape),
    ],
    "00.3": RIGHT_NOISE,
    "00.4": [long_walk, walk_recursive, walk_iterator, walk_while, walk_accumulate],
    "00.5": RIGHT_NOISE,
}
