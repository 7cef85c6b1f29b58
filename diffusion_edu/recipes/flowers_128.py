"""Train a U-Net that generates 128x128 flowers of five classes directly: `python -m
diffusion_edu.recipes.flowers_128`.

It is compared with the cascade. The network is that of flowers_simple: `--from flowers_simple --size 128` begins with
its weights.
"""

from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.recipe import Recipe

RECIPE = Recipe(
    name="flowers_128",
    title="Five flowers, 128x128 at once",
    network="simple_unet",
    config={"widths": [64, 128, 192, 192], "patch": 2, "embedding": 256},
    public="five flowers",
    size=128,
    sampling=Preset("DPM-Solver++", steps=15, guidance_scale=2.0, schedule="linear"),
    licence="Weights: MIT. Trained on the five flowers of TensorFlow (photographs, CC BY).",
)

if __name__ == "__main__":
    main(RECIPE)
