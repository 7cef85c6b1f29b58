"""Train the evaluation classifier of faces: `python -m diffusion_edu.recipes.face_classifier`."""

from diffusion_edu.recipes.classifier import Recipe, main

RECIPE = Recipe(
    name="face_classifier",
    title="Faces, evaluation classifier",
    network="plain_classifier",
    config={"widths": [48, 96, 128, 128], "blocks": 2, "patch": 2},
    seed=2,
    public="faces",
    licence="Weights: MIT. Trained on CelebA (Liu et al. 2015), images for non-commercial research.",
)

if __name__ == "__main__":
    main(RECIPE)
