"""Train the autoencoder of latent diffusion: `python -m diffusion_edu.recipes.autoencoder --data FILE FILE`.

It encodes images of 128x128 pixels as latents of 16x16.
"""

import argparse
from dataclasses import replace

import torch
from tqdm import tqdm

from diffusion_edu.data.images import cut, to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.codec import measure_latents
from diffusion_edu.recipes.command_line import parse_arguments, run_recipe, train
from diffusion_edu.recipes.model_setup import split_held_out
from diffusion_edu.recipes.recipe import Recipe
from diffusion_edu.training.objectives.autoencoding import Reconstruction
from diffusion_edu.training.perceptual import VGG16

CROP = 64  # of 128: the network works at any size, and trains on four times as many images in the same time


def random_crop(x0, labels, generator):
    """Cut a random square of CROP pixels out of each image x0 (b, 3, h, w)."""
    return cut(x0, CROP, generator), None


@torch.no_grad()
def reconstructions(run, count):
    """Show held-out images beside their reconstructions, four pairs in a row; whole images, not crops."""
    unseen, training_set = split_held_out(run.dataset)
    images, net, pairs = unseen[0] if unseen else to_signed(training_set.images[:count]), run.trained, []
    for x0 in run.compute.place(images[:count]).split(8):
        with torch.autocast(run.compute.device.type, run.compute.autocast, enabled=run.compute.autocast is not None):
            mean, _ = net.encode(x0)
            pairs.append(torch.stack([x0, net.decode(mean).float()], dim=1).flatten(0, 1))
    return grid(to_bytes(torch.cat(pairs)).cpu(), columns=8)


def latent_fields(run):
    """Measure mean and standard deviation of the latents of all training images, for the card."""
    tqdm.write(f"Measuring the latents of {len(run.training_set):,} images for the card.")
    batches = (to_signed(images) for images in run.training_set.images.split(32))
    return {"latents": measure_latents(run.trained, run.compute, batches)}


RECIPE = Recipe(
    name="autoencoder",
    title="Autoencoder, 8 times smaller",
    network="autoencoder",
    config={"latent": 4, "widths": [128, 224], "blocks": [1, 2], "patch": 4},
    public="five flowers",
    size=128,
    batch=16,  # each image has 64 latents to learn from
    lr=1e-3,
    ema=0.999,
    objective=Reconstruction(),
    licence="Weights: MIT. Trained on the five flowers of TensorFlow (photographs, CC BY) and on images made with "
    "Stable Diffusion 3.5 (MIT).",
    caution="It makes up what 16x16 latents cannot hold: letters, faces and fine patterns come back changed.",
    labels=False,
    prepare=random_crop,
    sheet=reconstructions,
    card_fields=latent_fields,
)


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line; the network of the perceptual loss can be chosen."""
    options, usual = argparse.ArgumentParser(add_help=False), recipe.objective.feature_network
    about = f"the network of the perceptual loss: a classifier of ours, or {VGG16}, downloaded once (default: {usual})"
    options.add_argument("--feature-network", metavar="NAME", default=usual, help=about)
    args = parse_arguments(recipe, words, [options])
    objective = replace(recipe.objective, feature_network=args.feature_network)
    run_recipe(train, replace(recipe, objective=objective), args)


if __name__ == "__main__":
    main()
