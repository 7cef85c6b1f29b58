"""Train one network that undoes six degradations of the flowers, for cold diffusion: `python -m diffusion_edu.recipes.flowers_cold`."""

import numpy as np
import torch
from PIL import Image

from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.degradations import DEGRADATIONS, Degradation
from diffusion_edu.figures.grids import grid
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.run import Recipe
from diffusion_edu.training.objectives.restoration import Restoration

TIMESTEP = 60  # of 100: the sheets show images that have lost this much


@torch.no_grad()
def show(run, count, path):
    """Save images that were not trained on, eight in a row: what the network makes of them, above how they were degraded, each in its own way."""
    dataset, rows = run.kept[0] if run.kept else to_signed(run.images.images), []
    for at in range(0, min(count, len(dataset)), 8):
        x0, pairs = dataset[at : at + 8], []
        for k in range(len(x0)):
            degrade = Degradation(list(DEGRADATIONS)[(at + k) % len(DEGRADATIONS)], (at + k,))
            x = run.compute.place(degrade(x0[k : k + 1], TIMESTEP))
            pairs.append(torch.cat([run.model.restorer(degrade)(x, TIMESTEP), x]))
        rows += [grid(to_bytes(images).cpu(), columns=8) for images in torch.stack(pairs, 1)]
    Image.fromarray(np.concatenate(rows)).save(path)


RECIPE = Recipe(
    name="flowers_cold",
    title="Flowers, cold restorer",
    network="simple_unet",
    config={"widths": [64, 128, 192, 192], "patch": 2, "embedding": 256},
    batch=36,
    objective=Restoration(),
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
    labels=False,
    conditions=tuple(DEGRADATIONS),
    show=show,
)

if __name__ == "__main__":
    main(RECIPE)
