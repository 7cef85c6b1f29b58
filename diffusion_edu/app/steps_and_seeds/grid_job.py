"""The work behind a table of images: one walk per cell, and the seconds it took."""

import time
from dataclasses import dataclass

from torch import Tensor

from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.data.images import to_bytes


@dataclass(frozen=True)
class Sampled:
    """The finished images uint8 (b, 3, h, w) of a cell, and their seconds of computing; 0 if these are not known."""

    images: Tensor
    seconds: float


def sample_cells(walks):
    """Run (cell, walk) pairs one after the other, and yield {cell: Sampled} of the finished ones, per state and at the
    end.
    """
    finished = {}
    for cell, states in walks:
        seconds, last = 0.0, None
        while True:
            start = time.perf_counter()
            state = next(states, None)
            seconds += time.perf_counter() - start
            if state is None:
                break
            last = state
            yield finished
        finished = {**finished, cell: Sampled(to_bytes(last.x.cpu()), seconds)}
    yield finished


def count_items(presets):
    """Count what sample_cells yields for walks with these presets."""
    return sum(preset.steps + 1 for preset in presets) + 1


def describe(request):
    """Write what all images of a table have in common, except the sampler."""
    p, guidance = (
        request.preset,
        "" if request.labels is None else f", guidance scale {request.preset.guidance_scale:g}",
    )
    zero = " with zero terminal SNR" if p.zero_snr else ""
    names = request.class_names_in_words[:1].upper() + request.class_names_in_words[1:]
    names = f"{plain(names)}, {plain(request.card.title)}"
    return f"{names}{guidance}, {p.schedule} schedule{zero}, T = {p.T}, {p.spacing} spacing"
