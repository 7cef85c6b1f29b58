"""Make one model of two experts, each trained for its half of the levels: `python -m diffusion_edu.recipes.flowers_experts`."""

import argparse
import sys
from dataclasses import replace

from torch import nn

from diffusion_edu.checkpoints import OWN, load, save
from diffusion_edu.recipes import flowers_expert_detail, flowers_expert_noise

BORDER = 1000 * flowers_expert_detail.RECIPE.objective.angles[1]  # as networks are told levels


def main(words=None):
    """Put the weights of both into one file, with a card."""
    parser = argparse.ArgumentParser(prog="python -m diffusion_edu.recipes.flowers_experts", description=__doc__)
    parser.add_argument("--detail", default=f"my_{flowers_expert_detail.RECIPE.name}", help="the model for little noise")
    parser.add_argument("--noise", default=f"my_{flowers_expert_noise.RECIPE.name}", help="the model for much noise")
    parser.add_argument("--out", default=OWN / "flowers_experts")
    args = parser.parse_args(words)
    try:
        joined(args.detail, args.noise, args.out)
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")


def joined(detail, noise, out):
    """Join two models, by name, that are built alike and were trained alike."""
    low, high = load(detail), load(noise)
    if (low.card.network, low.card.sizes, low.card.classes) != (high.card.network, high.card.sizes, high.card.classes):
        raise ValueError(f"{detail} and {noise} are built differently: experts must be alike to take turns.")
    training = {"detail": low.card.training, "noise": high.card.training}
    card = replace(
        low.card,
        name="flowers_experts",
        title="Flowers, two experts",
        network="experts",
        sizes={"member": low.card.network, "sizes": low.card.sizes, "borders": [BORDER]},
        training={name: low.card.training[name] + high.card.training[name] for name in ("pictures_seen", "steps", "minutes")} | training,
        scores={},
    )
    return save(out, card, nn.ModuleList([low.net, high.net]))


if __name__ == "__main__":
    main()
