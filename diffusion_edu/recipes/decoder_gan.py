"""Sharpen the decoder of an autoencoder with a discriminator: `python -m diffusion_edu.recipes.decoder_gan --from
NAME`.

The encoder does not change. So latents keep their meaning, and every latent model of it generates sharper images.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import torch
from tqdm import tqdm

from diffusion_edu.checkpoints import Model, load
from diffusion_edu.data.images import load_images
from diffusion_edu.networks.critic import AutoencoderGAN
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.recipes import autoencoder
from diffusion_edu.recipes.command_line import parse_arguments, run_recipe, train
from diffusion_edu.recipes.memory import check_batch
from diffusion_edu.recipes.run import Run, check_size
from diffusion_edu.training.objectives.adversarial import Adversarial

FRACTION = 0.6  # of the way from the first decoder to the trained one, whose sharp textures repeat a pattern

RECIPE = replace(
    autoencoder.RECIPE,
    name="decoder_gan",
    lr=1.6e-3,
    ema=0.998,
    objective=Adversarial(),
    card_fields=lambda run: {"latents": run.first.card.latents},
)


@dataclass
class DecoderRun(Run):
    """A training of a decoder; first is the model that it begins with."""

    first: Model

    def describe_data(self):
        """Describe the images and the first model."""
        return super().describe_data() | {"first autoencoder": self.first.card.sha256}

    @property
    def trained(self):
        """The autoencoder with weights FRACTION of the way from the first to the trained one.

        Wortsman et al. 2022, eq. 1.
        """
        net = deepcopy(self.state.ema.autoencoder)
        for weight, before in zip(net.parameters(), self.first.net.parameters(), strict=True):
            weight.lerp_(before.to(weight), 1 - FRACTION)
        return net

    def card(self, **training):
        """Write the card of the model as trained so far."""
        card = super().card(fraction=FRACTION, **training)
        return replace(card, title=self.first.card.title) if card.name == self.first.card.name else card


def begin(recipe, args):
    """Load an autoencoder and read the images."""
    compute = choose(args.device)
    start = load(args.start, compute=Compute(torch.device("cpu"))) if args.start else None
    if not start or start.card.prediction_type != recipe.objective.prediction_type:
        raise ValueError(
            f"Name the autoencoder whose decoder is to be sharper, for example: --from {autoencoder.RECIPE.name}."
        )
    card = start.card
    recipe = replace(recipe, network=card.network, config=card.config, size=args.size or card.size)
    check_size(recipe.size, start.net.size_multiple)
    check_batch(args.batch, recipe.size, compute)
    dataset = load_images(args.data, recipe.size, tqdm.write, recipe.public)
    dataset = replace(dataset, labels=None, classes=(), attributes=()).to(compute.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = compute.place(AutoencoderGAN(deepcopy(start.net)))
    return DecoderRun(recipe, args, compute, dataset, recipe.objective, net, start)


def main(words=None, recipe=RECIPE):
    """Run the recipe from the command line."""
    run_recipe(partial(train, begin=begin), recipe, parse_arguments(recipe, words))


if __name__ == "__main__":
    main()
