"""Train the model from sketch to flower: `python -m diffusion_edu.recipes.sketch_to_flower`."""

from diffusion_edu.editing.sketches import sketch
from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.conditioned import conditioned_sheet
from diffusion_edu.recipes.recipe import Recipe

RECIPE = Recipe(
    name="sketch_to_flower",
    title="Sketch to flower",
    network="attention_unet",
    config={"widths": [64, 128, 256], "blocks": 1, "attention": [False, False, True], "patch": 2, "embedding": 256},
    sampling=Preset("DPM-Solver++", steps=15, guidance_scale=2.0, schedule="linear"),
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
    caution="It was trained on sketches that a program made from photographs: it knows no sketches of anything else.",
    labels=False,
    conditioning_channels=3,
    conditioning_image="a sketch",
    prepare=lambda x0, labels, generator: (x0, sketch(x0, generator)),
    sheet=conditioned_sheet,
)

if __name__ == "__main__":
    main(RECIPE)
