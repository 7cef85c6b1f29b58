"""Train the attention U-Net that paints the flower in a sketch: `python -m diffusion_edu.recipes.sketch_to_flower`."""

from diffusion_edu.editing.sketches import sketch
from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.conditioned import beside_guides
from diffusion_edu.recipes.run import Recipe

RECIPE = Recipe(
    name="sketch_to_flower",
    title="Sketch to flower",
    network="attention_unet",
    config={"widths": [64, 128, 256], "blocks": 1, "attention": [False, False, True], "patch": 2, "embedding": 256},
    sampling=Preset("DPM-Solver++", steps=15, guidance_scale=2.0, schedule="linear"),
    licence="Weights: MIT. Trained on Oxford Flowers 102 (Nilsback & Zisserman 2008), images for research use.",
    caution="It learned from sketches that a program made of photographs: what no photograph shows, it has never seen drawn.",
    labels=False,
    conditioning_channels=3,
    conditioning_image="a sketch",
    prepare=lambda x0, labels, generator: (x0, sketch(x0, generator)),
    show=beside_guides,
)

if __name__ == "__main__":
    main(RECIPE)
