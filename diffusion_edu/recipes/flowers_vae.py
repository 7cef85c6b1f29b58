"""Train the VAE for flowers, a baseline for diffusion: `python -m diffusion_edu.recipes.flowers_vae`."""

from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.recipe import Recipe
from diffusion_edu.training.objectives.autoencoding import Variational

RECIPE = Recipe(
    name="flowers_vae",
    title="Flowers, variational autoencoder",
    network="vae",
    config={"size": 64, "widths": [32, 64, 96, 128, 128], "code": 128},
    public="flowers",
    objective=Variational(),
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
    labels=False,
)

if __name__ == "__main__":
    main(RECIPE)
