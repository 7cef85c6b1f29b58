"""The figures of lesson 00: noise from seeds, a walk, the first image of two batches, two networks with one noise."""

from collections.abc import Sequence

import torch
from torch import Tensor

from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.still import Captioned, images


def rms(a: Tensor, b: Tensor) -> float:
    """Return the root mean squared difference of two images: 0 if they are equal, 2 from black to white."""
    return (a - b).square().mean().sqrt().item()


def likeness(a: Tensor, b: Tensor) -> float:
    """Return the mean correlation of images a and b (b, ...), each without the mean of its set: 1 for equal ones."""
    ours, theirs = (x.flatten(1) - x.flatten(1).mean(0) for x in (a, b))
    return torch.cosine_similarity(ours, theirs).mean().item()


def noise_of_seeds(noise: Tensor, seeds: Sequence[int]) -> Captioned:
    """Show a corner of the noise (b, 3, h, w) of some seeds side by side; noise 0 is mid grey."""
    equal = [k for k in range(1, len(seeds)) if torch.equal(noise[k], noise[0])]
    words = f"{len(equal)} of the others equals the first one" if equal else "all are different"
    return Captioned(
        images(to_bytes(noise[:, :, :16, :16] / 3), [f"seed {seed}" for seed in seeds], zoom=7, gap=24),
        caption="A corner of 16 x 16 pixels, enlarged. The same seed gives the same noise, wherever it stands in the "
        "batch: compare the pixels. (The noise is divided by 3 here: it goes far beyond the range of images.)",
        alt=f"Noise of the seeds {', '.join(map(str, seeds))}: coloured grain; {words}.",
    )


def walk_to_image(states: Sequence[State], shown: int = 6) -> Captioned:
    """Show x of some states of a walk, from noise (left) to image (right), one row per image."""
    some = [states[round(k * (len(states) - 1) / (shown - 1))] for k in range(shown)]
    rows = len(some[0].x)
    x = torch.stack([state.x for state in some], dim=1).flatten(0, 1)
    grain = [(state.x - states[-1].x).square().mean().sqrt().item() for state in some]
    return Captioned(
        images(to_bytes(x), [f"t = {state.t}" for state in some], [""] * rows),
        caption="The reverse process: each step predicts the clean image and moves a little towards it. For more than "
        "half of the way you can see little but noise.",
        alt=f"{rows} flowers on their way from noise at timestep {some[0].t} to the finished image at timestep 0. The "
        f"distance to the finished image falls from {grain[0]:.2f} to {grain[-2]:.2f} and 0.",
    )


def first_images(pairs: dict[str, tuple[Tensor, Tensor]], small: int, large: int) -> Captioned:
    """Show the first image of a small and of a large batch, for each sampler: {name: (x, x)}, each (3, h, w)."""
    x = torch.stack([one for pair in pairs.values() for one in pair])
    found = "; ".join(f"{name}: they differ by {rms(*pair):.2f}" for name, pair in pairs.items())
    return Captioned(
        images(to_bytes(x), [f"first of {small}", f"first of {large}"], list(pairs)),
        caption=f"The first image of a batch of {small} and of a batch of {large}. One generator with seed 0 made "
        "all the noise of each batch.",
        alt=f"Two flowers for each sampler, from a batch of {small} and from one of {large}. Root mean squared "
        f"difference, where black and white are 2 apart: {found}.",
    )


def two_networks(samples: dict[str, Tensor], seeds: Sequence[int]) -> Captioned:
    """Show images (b, 3, h, w) of two networks from the same seeds, one row each."""
    a, b = samples.values()
    return Captioned(
        images(to_bytes(torch.cat([a, b])), [f"seed {seed}" for seed in seeds], list(samples)),
        caption="Two networks, the same noise in each column. Which parts of the two images are alike, and which are "
        "not?",
        alt=f"{len(seeds)} flowers of each of two networks. Images of one column are alike: their correlation is "
        f"{likeness(a, b):.2f}; for images of different columns it is {likeness(a, b.roll(1, 0)):.2f}.",
    )
