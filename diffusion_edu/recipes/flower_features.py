"""Train the feature network of 102 flowers: `python -m diffusion_edu.recipes.flower_features`."""

from diffusion_edu.recipes.classifier import Recipe, main

RECIPE = Recipe(
    name="flower_features",
    title="Flowers, feature network",
    network="residual_classifier",
    config={"widths": [48, 96, 128, 128], "blocks": 1, "patch": 2},
    seed=1,
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
)

if __name__ == "__main__":
    main(RECIPE)
