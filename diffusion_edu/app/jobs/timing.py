"""The speed of this machine, so that a page can estimate how long a click takes."""

import time

import torch

from diffusion_edu.app.jobs.worker import WORKER
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.schedules import cosine

PIXELS = 8 * 64**2  # of the images that a measurement takes; one at least
SECONDS = {}  # name of a model -> seconds per image and network evaluation


def measure(model, seconds=1.0):
    """Let the worker run the network for about `seconds`; remember and return the seconds per image and evaluation.

    Raises Unusable if not even one image fits the memory.
    """
    images = max(1, min(8, PIXELS // model.card.size**2))
    try:
        SECONDS[model.card.name] = WORKER.submit(_measure, model, seconds, images).result()
    except MemoryError as problem:
        raise Unusable(
            f"The model {model.card.name} does not fit the memory of this machine ({problem}): choose another."
        ) from None
    return SECONDS[model.card.name]


@torch.no_grad()
def _measure(model, seconds, images):
    card, compute = model.card, model.compute
    x, denoise = compute.place(torch.zeros(images, card.channels, card.size, card.size)), model.denoiser(cosine())
    denoise(x, 500).sum().item()  # the first run is slower
    runs, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        denoise(x, 500).sum().item()  # reading a number waits for a GPU to finish
        runs += 1
    return spent / runs / images


def expected(model, preset, images, guiding):
    """Estimate the seconds of a walk, from a short measurement the first time and from real walks later."""
    seconds = SECONDS.get(model.card.name) or measure(model, seconds=0.3)
    return seconds * images * preset.nfe(guiding)


def learn(name, preset, images, guiding, seconds):
    """Remember how long a real walk took."""
    SECONDS[name] = seconds / images / preset.nfe(guiding)
