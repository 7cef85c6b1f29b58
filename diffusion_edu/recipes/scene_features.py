"""Train the feature network of scenes: `python -m diffusion_edu.recipes.scene_features --data FILE`."""

from diffusion_edu.data.captions import load_subjects
from diffusion_edu.recipes.classifier import Recipe, main

RECIPE = Recipe(
    name="scene_features",
    title="Scenes, feature network",
    network="residual_classifier",
    config={"widths": [48, 96, 128, 128], "blocks": 1, "patch": 2},
    seed=1,
    public="captioned images",
    lr=1e-3,
    start="flower_features",  # there are few images of scenes
    read=lambda data, size, tell, public: load_subjects(data, size, tell),
    licence="Weights: MIT. Trained on images made with Stable Diffusion 3.5 (MIT), on the five flowers of TensorFlow "
    "(photographs, CC BY) and on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
)

if __name__ == "__main__":
    main(RECIPE)
