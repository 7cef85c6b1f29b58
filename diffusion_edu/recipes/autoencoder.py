"""Train the autoencoder of latent diffusion, 128x128 images to 16x16 latents: `python -m diffusion_edu.recipes.autoencoder --data FILE FILE`."""

import argparse
from dataclasses import replace

import torch
from PIL import Image
from tqdm import tqdm

from diffusion_edu.data.images import cut, to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.codec import measure_latents
from diffusion_edu.recipes import command_line
from diffusion_edu.recipes.model_setup import apart
from diffusion_edu.recipes.run import Recipe
from diffusion_edu.training.objectives.autoencoding import Reconstruction
from diffusion_edu.training.perceptual import VGG16

CROP = 64  # of 128: the network has no fixed size, and so learns from four times as many images in the same time


def cropped(x0, labels, generator):
    """Cut a square of CROP pixels out of each image x0 (b, 3, h, w)."""
    return cut(x0, CROP, generator), None


@torch.no_grad()
def beside_originals(run, count, path):
    """Save whole images that were not trained on, four pairs in a row: each beside what is left of it on the way to latents and back."""
    kept, trained_on = apart(run.images)
    images, net, pairs = kept[0] if kept else to_signed(trained_on.images[:count]), run.learned, []
    for x0 in run.compute.place(images[:count]).split(8):
        with torch.autocast(run.compute.device.type, run.compute.autocast, enabled=run.compute.autocast is not None):
            mean, _ = net.encode(x0)
            pairs.append(torch.stack([x0, net.decode(mean).float()], dim=1).flatten(0, 1))
    Image.fromarray(grid(to_bytes(torch.cat(pairs)).cpu(), columns=8)).save(path)


def scale(run):
    """Measure the mean and spread of the latents of all images that were trained on, for the card."""
    tqdm.write(f"Measuring the latents of {len(run.trained_on):,} images for the card.")
    parts = (to_signed(images) for images in run.trained_on.images.split(32))
    return {"latents": measure_latents(run.learned, run.compute, parts)}


RECIPE = Recipe(
    name="autoencoder",
    title="Autoencoder, 8 times smaller",
    network="autoencoder",
    config={"latent": 4, "widths": [128, 224], "blocks": [1, 2], "patch": 4},
    public="five flowers",
    size=128,
    batch=16,  # each of them has 64 places to learn from
    lr=1e-3,
    ema=0.999,
    objective=Reconstruction(),
    licence="Weights: MIT. Trained on the five flowers of TensorFlow (photographs, CC BY) and on images made with Stable Diffusion 3.5 (MIT).",
    caution="It makes up what 16x16 latents cannot hold: letters, faces and fine patterns come back changed.",
    labels=False,
    prepare=cropped,
    show=beside_originals,
    measure=scale,
)


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line; who looks at the images can be chosen."""
    options = argparse.ArgumentParser(add_help=False)
    about = f"who says how alike images look: a classifier of ours, or {VGG16}, downloaded once (default: {recipe.objective.feature_network})"
    options.add_argument("--feature-network", metavar="NAME", default=recipe.objective.feature_network, help=about)
    args = command_line.arguments(recipe, words, [options])
    command_line.carry_out(
        command_line.train, replace(recipe, objective=replace(recipe.objective, feature_network=args.feature_network)), args
    )


if __name__ == "__main__":
    main()
