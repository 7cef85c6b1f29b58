"""Sample sheets: images of the first seeds, not selected."""

import torch

from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate


def generate_samples(model, seeds, batch=32):
    """Generate one image per seed with the card's preset, the classes in turn; uint8 (n, 3, size, size)."""
    seeds, samples = list(seeds), []
    for some in (seeds[at : at + batch] for at in range(0, len(seeds), batch)):
        *_, last = generate(model, Preset(**model.card.sampling), some, model.card.labels_for(some))
        samples.append(to_bytes(last.x).cpu())
    return torch.cat(samples)


def sample_sheet(model, seeds):
    """Generate one image per seed, side by side, eight in a row: uint8 (h, w, 3)."""
    return grid(generate_samples(model, seeds), columns=8)
