"""Sheets of samples that nobody picked."""

import torch
from PIL import Image

from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate


def draw(model, seeds, batch=32):
    """Draw one image per seed by the card's own preset, the kinds taking turns; uint8 (n, 3, size, size)."""
    seeds, sampled = list(seeds), []
    for some in (seeds[at : at + batch] for at in range(0, len(seeds), batch)):
        *_, last = generate(model, Preset(**model.card.sampling), some, model.card.labels_for(some))
        sampled.append(to_bytes(last.x).cpu())
    return torch.cat(sampled)


def sheet(model, seeds, path):
    """Draw one image per seed and save them side by side, eight in a row."""
    Image.fromarray(grid(draw(model, seeds), columns=8)).save(path)
