"""Train the feature network of faces: `python -m diffusion_edu.recipes.face_features`."""

from diffusion_edu.recipes.classifier import Recipe, main

RECIPE = Recipe(
    name="face_features",
    title="Faces, feature network",
    network="residual_classifier",
    config={"widths": [48, 96, 128, 128], "blocks": 1, "patch": 2},
    seed=1,
    public="faces",
    licence="Weights: MIT. Trained on CelebA (Liu et al. 2015), images for non-commercial research.",
)

if __name__ == "__main__":
    main(RECIPE)
