"""What is looked at while a network learns that is told an image."""

import torch
from PIL import Image

from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate


def beside_guides(run, count, path):
    """Save images that were not trained on, eight pairs in a row: what the network was told, and what it made of it with one seed each."""
    always = torch.Generator(run.compute.device).manual_seed(0)  # looking must not change what is learned
    x0, guides = run.kept or run.recipe.prepare(to_signed(run.images.images[:count]), None, always)
    rows = []
    for at in range(0, min(count, len(x0)), 8):
        told = guides[at : at + 8]
        *_, last = generate(
            run.model, Preset(**run.model.card.sampling), range(at, at + len(told)), run.compute.place(told)
        )
        rows.append(torch.stack([told[:, :3], last.x], dim=1).flatten(0, 1))
    Image.fromarray(grid(to_bytes(torch.cat(rows)).cpu(), columns=16)).save(path)
