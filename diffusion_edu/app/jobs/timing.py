"""How fast this machine is, so that a page can say how long a click will take."""

import time

import torch

from diffusion_edu.app.jobs.worker import WORKER
from diffusion_edu.schedules import cosine

PACE = {}  # model name -> seconds for one image and one evaluation of the network


def measure(model, seconds=1.0, images=8):
    """Let the worker run the network for about `seconds`; remember and return the seconds per image and evaluation."""
    PACE[model.card.name] = WORKER.submit(_measure, model, seconds, images).result()
    return PACE[model.card.name]


@torch.no_grad()
def _measure(model, seconds, images):
    card, compute = model.card, model.compute
    x, denoise = compute.place(torch.zeros(images, card.channels, card.size, card.size)), model.denoiser(cosine())
    denoise(x, 500).sum().item()  # the first time is never the true time
    runs, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        denoise(x, 500).sum().item()  # reading a number waits for a GPU to finish
        runs += 1
    return spent / runs / images


def expected(model, preset, images, guiding):
    """Estimate the seconds that a walk will take, from a short measurement the first time and from real walks later."""
    pace = PACE.get(model.card.name) or measure(model, seconds=0.3)
    return pace * images * preset.nfe(guiding)


def learn(name, preset, images, guiding, seconds):
    """Remember how long a real walk took."""
    PACE[name] = seconds / images / preset.nfe(guiding)
