"""Train the evaluation classifier of flowers: `python -m diffusion_edu.recipes.flower_classifier`."""

from diffusion_edu.recipes.classifier import Recipe, main

RECIPE = Recipe(
    name="flower_classifier",
    title="Flowers, evaluation classifier",
    network="plain_classifier",
    config={"widths": [48, 96, 128, 128], "blocks": 2, "patch": 2},
    seed=2,
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
)

if __name__ == "__main__":
    main(RECIPE)
