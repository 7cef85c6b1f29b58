"""Train the decoder of an autoencoder to please a critic: `python -m diffusion_edu.recipes.decoder_gan --from autoencoder --data FILE FILE`.

The encoder stays as it is. So do the latents, and whatever has learned to draw them draws sharper images from then on.
"""

from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
from tqdm import tqdm

from diffusion_edu.checkpoints import Model, load
from diffusion_edu.data.images import load_images
from diffusion_edu.networks.critic import AutoencoderGAN
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.recipes import autoencoder, command_line
from diffusion_edu.recipes.run import Run, earlier, under_way
from diffusion_edu.training.objectives.adversarial import Adversarial

FRACTION = 0.6  # of the way from the decoder that was begun with: at the end of it textures are sharp, and begin to repeat a pattern

RECIPE = replace(
    autoencoder.RECIPE,
    name="decoder_gan",
    lr=1.6e-3,
    ema=0.998,
    objective=Adversarial(),
    measure=lambda run: {"latents": run.first.card.latents},
)


class DecoderRun(Run):
    """A training of a decoder, first: the model that it begins with."""

    first: Model

    @property
    def learned(self):
        """The autoencoder between the one that was begun with and the one that pleases the critic (Wortsman et al. 2022, eq. 1)."""
        net = deepcopy(self.state.ema.autoencoder)
        for weight, before in zip(net.parameters(), self.first.net.parameters(), strict=True):
            weight.lerp_(before.to(weight), 1 - FRACTION)
        return net

    def card(self, **training):
        """Write the card of what has been learned so far."""
        return super().card(fraction=FRACTION, **training)


def begin(recipe, args):
    """Take an autoencoder that is there, and read the images."""
    file, compute = earlier(args), choose(args.device)
    start = load(args.start, compute=Compute(torch.device("cpu"))) if args.start else None
    if not start or start.card.prediction_type != recipe.objective.prediction_type:
        raise ValueError(
            f"Name the autoencoder whose decoder is to be sharper, for example: --from {autoencoder.RECIPE.name}."
        )
    recipe = replace(
        recipe,
        name=start.card.name,
        title=start.card.title,
        config=start.card.config,
        size=args.size or start.card.size,
    )
    images = replace(
        load_images(args.data, recipe.size, tqdm.write, recipe.public), labels=None, classes=(), attributes=()
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = AutoencoderGAN(deepcopy(start.net))
    run = DecoderRun(
        recipe, args, compute, images.to(compute.device), recipe.objective, *under_way(file, compute.place(net), args)
    )
    run.first = start
    return run


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line."""
    command_line.carry_out(partial(command_line.train, begin=begin), recipe, command_line.arguments(recipe, words))


if __name__ == "__main__":
    main()
