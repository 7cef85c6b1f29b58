"""Train the cold diffusion model for six degradations: `python -m diffusion_edu.recipes.flowers_cold`."""

import numpy as np
import torch

from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.degradations import DEGRADATIONS, Degradation
from diffusion_edu.figures.grids import grid
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.recipe import Recipe
from diffusion_edu.training.objectives.restoration import Restoration

TIMESTEP = 60  # of 100: how far the images of the sheets are degraded


@torch.no_grad()
def restorations(run, count):
    """Show restored held-out images above the degraded ones, eight in a row, with different degradations."""
    images, rows = run.held_out[0] if run.held_out else to_signed(run.dataset.images), []
    for at in range(0, min(count, len(images)), 8):
        x0, pairs = images[at : at + 8], []
        for k in range(len(x0)):
            degrade = Degradation(list(DEGRADATIONS)[(at + k) % len(DEGRADATIONS)], (at + k,))
            x = run.compute.place(degrade(x0[k : k + 1], TIMESTEP))
            pairs.append(torch.cat([run.model.restorer(degrade)(x, TIMESTEP), x]))
        rows += [grid(to_bytes(row).cpu(), columns=8) for row in torch.stack(pairs, 1)]
    return np.concatenate(rows)


RECIPE = Recipe(
    name="flowers_cold",
    title="Flowers, cold diffusion",
    network="simple_unet",
    config={"widths": [64, 128, 192, 192], "patch": 2, "embedding": 256},
    batch=36,
    objective=Restoration(),
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
    labels=False,
    conditions=tuple(DEGRADATIONS),
    sheet=restorations,
)

if __name__ == "__main__":
    main(RECIPE)
