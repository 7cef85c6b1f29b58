"""Train the evaluation classifier of scenes: `python -m diffusion_edu.recipes.scene_classifier --data FILE`."""

from dataclasses import replace

from diffusion_edu.recipes import scene_features
from diffusion_edu.recipes.classifier import main

RECIPE = replace(
    scene_features.RECIPE,
    name="scene_classifier",
    title="Scenes, evaluation classifier",
    network="plain_classifier",
    config={"widths": [48, 96, 128, 128], "blocks": 2, "patch": 2},
    seed=2,
    start="flower_classifier",
)

if __name__ == "__main__":
    main(RECIPE)
