"""Make one model of two experts, each trained for its half of the timesteps: `python -m diffusion_edu.recipes.flowers_experts`."""

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

from torch import nn

from diffusion_edu.checkpoints import OWN, load, save
from diffusion_edu.recipes import flowers_expert_detail, flowers_expert_noise


def main(words=None):
    """Put the weights of both into one file, with a card."""
    parser = argparse.ArgumentParser(prog="python -m diffusion_edu.recipes.flowers_experts", description=__doc__)
    parser.add_argument(
        "--detail", default=f"my_{flowers_expert_detail.RECIPE.name}", help="the model for little noise"
    )
    parser.add_argument("--noise", default=f"my_{flowers_expert_noise.RECIPE.name}", help="the model for much noise")
    parser.add_argument(
        "--out", type=Path, default=OWN / "flowers_experts", help="where it goes; the model is called like this folder"
    )
    args = parser.parse_args(words)
    try:
        joined(args.detail, args.noise, args.out)
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")


def joined(detail, noise, out):
    """Join two models, by name, that are built alike and whose angles meet."""
    low, high = load(detail), load(noise)
    if any(
        getattr(low.card, name) != getattr(high.card, name)
        for name in ("network", "config", "prediction_type", "size", "classes", "attributes")
    ):
        raise ValueError(f"{detail} and {noise} are built differently: experts must be alike to take turns.")
    (_, border), (begin, _) = angles(low.card), angles(high.card)
    if border != begin:
        raise ValueError(
            f"{detail} learned angles up to {border:.2f} and {noise} those from {begin:.2f}: where one ends the other must begin."
        )
    training = {"detail": low.card.training, "noise": high.card.training}
    card = replace(
        low.card,
        name=out.resolve().name,
        title="Flowers, two experts",
        network="experts",
        config={"member": low.card.network, "config": low.card.config, "borders": [1000 * border]},
        training={
            name: low.card.training[name] + high.card.training[name] for name in ("images_seen", "steps", "minutes")
        }
        | training,
        scores={},
    )
    return save(out, card, nn.ModuleList([low.net, high.net]))


def angles(card):
    """Say which range of angles a model has learned: all, unless its card says otherwise."""
    return card.training.get("objective", {}).get("angles", (0.0, math.pi / 2))


if __name__ == "__main__":
    main()
