"""The order in which a training sees its images."""

from collections.abc import Iterator
from itertools import count
from typing import Annotated

import torch
from torch import Tensor

from diffusion_edu.checks import Count, Index, Rule, checked
from diffusion_edu.data.images import ImageSet, to_signed

Many = Annotated[int, Rule("a whole number, 1 or more", lambda n: n >= 1)]


@checked
def batches(
    images: ImageSet,
    size: Count,
    generator: torch.Generator,
    flip: bool = True,
    often: Tensor | None = None,
    seen: Index = 0,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield endless batches: images in [-1, 1] (size, 3, h, w), half of them mirrored, and their labels or None.

    Each image comes once per round; or at random, with the weights in often (n,). A training that has seen so many
    images goes on in the middle of its round.
    """
    device = images.images.device
    order = in_rounds(len(images), size, seen)
    while True:
        if often is None:
            chosen = next(order).to(device)
        else:
            chosen = torch.multinomial(often, size, replacement=True, generator=generator)
        x0 = to_signed(images.images[chosen])
        if flip:
            mirrored = torch.rand(size, 1, 1, 1, generator=generator, device=device) < 0.5
            x0 = torch.where(mirrored, x0.flip(3), x0)
        yield x0, None if images.labels is None else images.labels[chosen]


@checked
def in_rounds(n: Many, size: Count, seen: Index = 0) -> Iterator[Tensor]:
    """Yield endless batches of indices (size,): every index below n once per round, after the first `seen` ones.

    The order of a round depends on its number alone, so a resumed training needs to remember nothing.
    """
    waiting = torch.empty(0, dtype=torch.int64)
    for number in count(seen // n):
        following = torch.randperm(n, generator=torch.Generator().manual_seed(number))
        waiting = torch.cat([waiting, following[seen % n if number == seen // n else 0 :]])
        while len(waiting) >= size:
            yield waiting[:size]
            waiting = waiting[size:]
