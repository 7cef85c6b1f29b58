"""Train the attention U-Net for 102 flowers: `python -m diffusion_edu.recipes.flowers_attention`."""

from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.recipe import Recipe

RECIPE = Recipe(
    name="flowers_attention",
    title="Flowers, attention U-Net",
    network="attention_unet",
    config={"widths": [64, 128, 256], "blocks": 1, "attention": [False, False, True], "patch": 2, "embedding": 256},
    sampling=Preset(
        "DPM-Solver++", steps=15, guidance_scale=2.0, schedule="linear"
    ),  # the best quality per second of `python -m benchmarks.quality`
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
)

if __name__ == "__main__":
    main(RECIPE)
