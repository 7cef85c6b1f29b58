"""Train the second classifier of scenes, which judges what was drawn: `python -m diffusion_edu.recipes.scene_judge --data FILE FILE`."""

from diffusion_edu.data.captions import load_subjects
from diffusion_edu.recipes.classifier import Recipe, main

RECIPE = Recipe(
    name="scene_judge",
    title="Scene judge, plain classifier",
    network="plain_classifier",
    sizes={"widths": [48, 96, 128, 128], "blocks": 2, "patch": 2},
    seed=2,
    public="captioned pictures",
    lr=1e-3,
    start="flower_judge",  # there are few pictures of scenes to learn from
    read=lambda data, size, tell, public: load_subjects(data, size, tell),
    licence="Weights: MIT. Trained on pictures made with Stable Diffusion 3.5 (MIT), on the five flowers of TensorFlow (photographs, CC BY) and on "
    "Oxford Flowers 102 (Nilsback & Zisserman 2008), pictures for research use.",
)

if __name__ == "__main__":
    main(RECIPE)
