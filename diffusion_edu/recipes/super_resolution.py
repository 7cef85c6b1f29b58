"""Train the super-resolution model (twice as large): `python -m diffusion_edu.recipes.super_resolution`."""

import torch

from diffusion_edu.data.images import cut
from diffusion_edu.editing.super_resolution import CONDITIONING_CHANNELS, bicubic_downsample, conditioning_image
from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.conditioned import conditioned_sheet
from diffusion_edu.recipes.recipe import Recipe

CROP, MAX_NOISE = 64, 0.4


def crop_and_shrink(x0, labels, generator):
    """Crop each image x0 (b, 3, h, w), and make its conditioning image: half as large, with noise."""
    x0 = cut(x0, CROP, generator)
    small = bicubic_downsample(x0)
    fraction = MAX_NOISE * torch.rand(len(x0), generator=generator, device=x0.device) ** 2  # mostly little noise
    return x0, conditioning_image(small, fraction, torch.randn(small.shape, generator=generator, device=x0.device))


RECIPE = Recipe(
    name="super_resolution",
    title="Super-resolution, twice as large",
    network="simple_unet",
    config={"widths": [64, 128, 192, 192], "patch": 2, "embedding": 256},
    public="five flowers",
    size=128,
    sampling=Preset("DPM-Solver++", steps=20, guidance_scale=2.0, schedule="flow", options={"eta": 1.0}),
    licence="Weights: MIT. Trained on the five flowers of TensorFlow (photographs, CC BY) and on images made with "
    "Stable Diffusion 3.5 (MIT).",
    caution="The detail it adds is plausible, not true: never use it to recognise a face, a number or a letter.",
    labels=False,
    conditioning_channels=CONDITIONING_CHANNELS,
    conditioning_image="the same image, half as large",
    prepare=crop_and_shrink,
    sheet=conditioned_sheet,
)

if __name__ == "__main__":
    main(RECIPE)
