"""The exercises of lesson 00 about seeds: the noise of a batch, and the mistakes that have a name."""

import numpy as np
import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.inputs import whole

# 00.3 and 00.5: the noise of every image depends on its own seed only -------------------------------------------------

SHAPE = (3, 4, 5)


def _seeds(random):
    """Six or seven seeds, one of them twice, and the shape of an image."""
    seeds = [whole(random, 0, 10_000) for _ in range(whole(random, 6, 7))]
    seeds[3] = seeds[0]
    return seeds, SHAPE


def _one(seed, shape, make=torch.randn, **options):
    return make(tuple(shape), generator=torch.Generator().manual_seed(seed), **options)


def _each(make):
    """The answer that stacks make(k, seeds, shape) for every image k."""
    return lambda seeds, shape: torch.stack([make(k, seeds, shape) for k in range(len(seeds))])


def _in_turn(first, make=torch.randn):
    """The answer with one generator for the whole batch; first(seeds) is its seed."""

    def noise(seeds, shape):
        random = torch.Generator().manual_seed(first(seeds))
        return torch.stack([make(tuple(shape), generator=random) for _ in seeds])

    return noise


def _at_once(first):
    def noise(seeds, shape):
        return torch.randn((len(seeds), *shape), generator=torch.Generator().manual_seed(first(seeds)))

    return noise


def _second_draw(k, seeds, shape):
    random = torch.Generator().manual_seed(seeds[k])
    torch.randn(tuple(shape), generator=random)
    return torch.randn(tuple(shape), generator=random)


BATCH = (
    "One generator serves the whole batch. Its second image takes what the first one left over, so its noise depends "
    "on its place in the batch. Add an image in front: does the next one stay the same?"
)
FIRST = "The batch has one generator, and only the first seed is used. What are the other seeds for?"
OWN = "Look at where the generator is made, and at which seed it gets."


def _tell(function, seeds, shape):
    """Say which rows are equal, and whether a row stays the same if its seed is alone."""
    rows, alone = (torch.as_tensor(np.stack([*map(np.asarray, function(some, shape))])) for some in (seeds, seeds[1:2]))
    twins = "equal" if torch.equal(rows[0], rows[seeds.index(seeds[0], 1)]) else "not equal"
    same = "the same" if torch.equal(rows[1:2], alone) else "not the same"
    return (
        f"A case to try: for the seeds {seeds}, your rows {[k for k, seed in enumerate(seeds) if seed == seeds[0]]} "
        f"have the same seed and are {twins}. For the seed {seeds[1]} alone, your noise is {same} as your row 1."
    )


NOISE_MISTAKES = (
    Mistake(BATCH, _in_turn(lambda seeds: seeds[0])),
    Mistake(FIRST, _at_once(lambda seeds: seeds[0])),
    *(Mistake(BATCH, make(lambda seeds: seeds[-1])) for make in (_in_turn, _at_once)),
    *(
        Mistake("The batch has one generator, seeded with a mix of all seeds.", make(sum))
        for make in (_in_turn, _at_once)
    ),
    *(
        Mistake("Your generator has a fixed seed; the given seeds are not used.", make(lambda seeds, k=k: k))
        for make in (_in_turn, _at_once)
        for k in (0, 1, 42)
    ),
    Mistake(
        "These numbers have a mean near one half and none is below zero. Which distribution must the noise have?",
        _each(lambda k, seeds, shape: _one(seeds[k], shape, torch.rand)),
    ),
    Mistake(
        "You moved uniform numbers around zero. They have sharp limits: which distribution must the noise have?",
        _each(lambda k, seeds, shape: 2 * _one(seeds[k], shape, torch.rand) - 1),
    ),
    Mistake(
        "Two mistakes: one generator serves the whole batch, and the numbers are uniform, not Gaussian.",
        _in_turn(lambda seeds: seeds[0], torch.rand),
    ),
    Mistake(
        "You used the number of the image in the batch as its seed. The seeds are given.",
        _each(lambda k, seeds, shape: _one(k, shape)),
    ),
    Mistake(
        "You changed each seed by its place in the batch: then the place decides about the noise again.",
        _each(lambda k, seeds, shape: _one(seeds[k] + k, shape)),
    ),
    Mistake(
        "Every image starts from the first seed: all have the same noise.",
        _each(lambda k, seeds, shape: _one(seeds[0], shape)),
    ),
    Mistake(
        "Every image starts from the last seed: all have the same noise.",
        _each(lambda k, seeds, shape: _one(seeds[-1], shape)),
    ),
    Mistake("You sorted the seeds. Row k belongs to seed k.", lambda seeds, shape: _right(sorted(seeds), shape)),
    Mistake(
        "Your rows come in reverse order. Row k belongs to seed k.", lambda seeds, shape: _right(seeds[::-1], shape)
    ),
    Mistake(
        "Equal seeds were merged. Every seed in the list gets a row, also if it occurs twice.",
        lambda seeds, shape: _right(list(dict.fromkeys(seeds)), shape),
    ),
    Mistake(
        "Equal seeds were merged, and their order is lost. Every seed in the list gets a row, also if it occurs twice.",
        lambda seeds, shape: _right(list(set(seeds)), shape),
    ),
    Mistake(
        "You returned the noise of one image. Every seed needs a row of its own.",
        lambda seeds, shape: _one(seeds[0], shape),
    ),
    Mistake(
        "Your batch holds the last image only: is a line outside of the loop that belongs inside?",
        lambda seeds, shape: _right(seeds[-1:], shape),
    ),
    Mistake(
        "You returned the noise of the last image only: is something overwritten in the loop?",
        lambda seeds, shape: _one(seeds[-1], shape),
    ),
    Mistake(
        "You returned a batch with one image only. Does the function end inside the loop?",
        lambda seeds, shape: _right(seeds[:1], shape),
    ),
    Mistake(
        "The images were joined along their channels. The batch needs an axis of its own in front.",
        lambda seeds, shape: torch.cat([_one(seed, shape) for seed in seeds]),
    ),
    Mistake(
        "The images were stacked along a later axis. The batch is the first axis.",
        lambda seeds, shape: torch.stack([_one(seed, shape) for seed in seeds], dim=1),
    ),
    Mistake(
        "The images were stacked along the last axis. The batch is the first axis.",
        lambda seeds, shape: torch.stack([_one(seed, shape) for seed in seeds], dim=-1),
    ),
    Mistake(
        "You flattened the images. They keep the shape that is given.",
        lambda seeds, shape: _right(seeds, shape).flatten(1),
    ),
    Mistake(
        "A part of the shape is missing in your noise: use the whole shape.",
        lambda seeds, shape: _right(seeds, shape[1:]),
    ),
    Mistake(
        "The axes of an image are in another order than the shape says.",
        lambda seeds, shape: _right(seeds, (*shape[1:], shape[0])),
    ),
    Mistake(
        "The generator gave other numbers, because you asked it for numbers of double precision. Leave the type as it "
        "is.",
        _each(lambda k, seeds, shape: _one(seeds[k], shape, dtype=torch.float64)),
    ),
    Mistake(
        "The generator was used once before: your noise is its second. Take the first numbers after the seed.",
        _each(_second_draw),
    ),
    Mistake(
        "This noise comes from NumPy. A seed gives other numbers in another library.",
        lambda seeds, shape: np.stack([np.random.default_rng(seed).standard_normal(shape) for seed in seeds]),
    ),
    Mistake(
        "This noise comes from NumPy. A seed gives other numbers in another library.",
        lambda seeds, shape: np.stack([np.random.RandomState(seed).randn(*shape) for seed in seeds]),
    ),
    Mistake(
        "You moved and rescaled each noise to mean 0 and standard deviation 1. Noise has these only on average: "
        "leave it as it comes.",
        _each(lambda k, seeds, shape: (z := _one(seeds[k], shape)).sub(z.mean()) / z.std()),
    ),
    Mistake(
        "You limited the noise to the range of images. Noise has no limits.",
        lambda seeds, shape: _right(seeds, shape).clamp(-1, 1),
    ),
    Mistake(
        "The first image is right. Every later one holds the sum of all noises so far.",
        lambda seeds, shape: _right(seeds, shape).cumsum(0),
    ),
)


def _right(seeds, shape):
    return torch.stack([_one(seed, shape) for seed in seeds])


NOISE_PROPERTIES = (
    Property(
        "Every seed needs a row of its own.",
        lambda result, seeds, shape: len(result) == len(seeds),
    ),
    Property(
        "The same seed must give the same noise, wherever it stands in the batch.",
        lambda result, seeds, shape: torch.equal(result[0], result[3]),
    ),
    Property(
        "Different seeds must give different noise.",
        lambda result, seeds, shape: len({*map(float, result.flatten(1).sum(1))}) == len({*seeds}),
    ),
    Property(
        "No number is below zero: which distribution must the noise have?",
        lambda result, seeds, shape: bool((result < 0).any()),
    ),
    Property(
        "The first image is right, but not all of the others: their noise must depend on their own seed only.",
        lambda result, seeds, shape: (
            not torch.allclose(result[0], _one(seeds[0], shape).double(), atol=1e-5)
            or torch.allclose(result, _right(seeds, shape).double(), atol=1e-5)
        ),
    ),
)

NOISE_FOR = Exercise(
    title="One seed per image",
    draw=_seeds,
    answer=_right,
    means="Row k depends on seed k alone: add, remove or reorder images, and the others stay the same.",
    example=lambda: ([7, 8, 7], (1, 1, 2)),
    tell=_tell,
    line=OWN,
    mistakes=NOISE_MISTAKES,
    properties=NOISE_PROPERTIES,
)

# 00.5: find the bug ---------------------------------------------------------------------------------------------------

BATCH_NOISE = Exercise(
    title="Find the bug: the image that changes",
    draw=_seeds,
    answer=_right,
    given=_in_turn(lambda seeds: seeds[0]),
    means="A generator for every image: this is how the library does it. So every image can be repeated from its seed.",
    example=lambda: ([7, 8, 7], (1, 1, 2)),
    tell=_tell,
    line=OWN,
    mistakes=NOISE_MISTAKES[1:],
    properties=NOISE_PROPERTIES,
)
