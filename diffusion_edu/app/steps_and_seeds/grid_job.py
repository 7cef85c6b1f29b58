"""Tables of images in the making: cell by cell, each by a walk of its own, with the time that it took."""

import time
from dataclasses import dataclass

from torch import Tensor

from diffusion_edu.data.images import to_bytes


@dataclass(frozen=True)
class Sampled:
    """Finished images uint8 (b, 3, h, w), and the seconds of computing that they took; 0 if that is not known."""

    images: Tensor
    seconds: float


def drawing(walks):
    """Finish one (cell, walk) after the other; yields {cell: Sampled} of those that are finished, at every state and at the end."""
    finished = {}
    for cell, states in walks:
        seconds, last = 0.0, None
        while True:
            begun = time.perf_counter()
            state = next(states, None)
            seconds += time.perf_counter() - begun
            if state is None:
                break
            last = state
            yield finished
        finished = {**finished, cell: Sampled(to_bytes(last.x.cpu()), seconds)}
    yield finished


def items(presets):
    """Count what drawing yields for walks by these presets."""
    return sum(preset.steps + 1 for preset in presets) + 1


def setting(request):
    """Say what all images of a table have in common, but for the sampler."""
    p, guidance = request.preset, "" if request.labels is None else f", guidance {request.preset.guidance_scale:g}"
    schedule = (
        f"{p.schedule} schedule{' with no signal left at T' if p.zero_snr else ''}, T = {p.T}, {p.spacing} spacing"
    )
    class_names = request.class_names_in_words[:1].upper() + request.class_names_in_words[1:]
    return f"{class_names}, {request.card.title}{guidance}, {schedule}"
