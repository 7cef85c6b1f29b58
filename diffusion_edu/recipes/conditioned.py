"""Sample sheets of a network with conditioning images."""

import torch

from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate


def conditioned_sheet(run, count):
    """Show pairs of held-out conditioning images and their samples, eight pairs in a row, one seed for each."""
    generator = torch.Generator(run.compute.device).manual_seed(0)  # its own: showing samples must not change training
    x0, conditions = run.held_out or run.recipe.prepare(to_signed(run.dataset.images[:count]), None, generator)
    rows = []
    for at in range(0, min(count, len(x0)), 8):
        some = conditions[at : at + 8]
        seeds, preset = range(at, at + len(some)), Preset(**run.model.card.sampling)
        *_, last = generate(run.model, preset, seeds, run.compute.place(some))
        rows.append(torch.stack([some[:, :3], last.x], dim=1).flatten(0, 1))
    return grid(to_bytes(torch.cat(rows)).cpu(), columns=16)
