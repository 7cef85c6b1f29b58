"""Train the VAE for faces, a baseline for diffusion: `python -m diffusion_edu.recipes.faces_vae`."""

from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.recipe import Recipe
from diffusion_edu.training.objectives.autoencoding import Variational

RECIPE = Recipe(
    name="faces_vae",
    title="Faces, variational autoencoder",
    network="vae",
    config={"size": 64, "widths": [32, 64, 96, 128, 128], "code": 128},
    public="faces",
    objective=Variational(),
    licence="Weights: MIT. Trained on CelebA (Liu et al. 2015), images for non-commercial research.",
    labels=False,
)

if __name__ == "__main__":
    main(RECIPE)
