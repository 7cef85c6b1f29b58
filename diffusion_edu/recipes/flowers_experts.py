"""Join two experts into one model: `python -m diffusion_edu.recipes.flowers_experts`."""

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

from torch import nn

from diffusion_edu.checkpoints import OWN, load, save
from diffusion_edu.recipes import flowers_expert_detail, flowers_expert_noise


def main(words=None):
    """Write the weights of both experts into one file, with a card."""
    parser = argparse.ArgumentParser(prog="python -m diffusion_edu.recipes.flowers_experts", description=__doc__)
    parser.add_argument(
        "--detail", default=f"my_{flowers_expert_detail.RECIPE.name}", help="the expert for low noise levels"
    )
    parser.add_argument(
        "--noise", default=f"my_{flowers_expert_noise.RECIPE.name}", help="the expert for high noise levels"
    )
    parser.add_argument(
        "--out", type=Path, default=OWN / "flowers_experts", help="the folder for the model, which is named after it"
    )
    args = parser.parse_args(words)
    try:
        join(args.detail, args.noise, args.out)
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")


def join(detail, noise, out):
    """Join two models, by name, with the same config and adjacent ranges of angles; raises ValueError otherwise."""
    low, high = load(detail), load(noise)
    if any(
        getattr(low.card, name) != getattr(high.card, name)
        for name in ("network", "config", "prediction_type", "size", "classes", "attributes")
    ):
        raise ValueError(f"{detail} and {noise} have different configs: experts must have the same.")
    (_, border), (begin, _) = angles(low.card), angles(high.card)
    if border != begin:
        raise ValueError(
            f"{detail} was trained up to angle {border:.2f} and {noise} from {begin:.2f}: "
            "the second range must begin where the first ends."
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
    """Return the range of angles that a model was trained for; all of them if its card does not say."""
    return card.training.get("objective", {}).get("angles", (0.0, math.pi / 2))


if __name__ == "__main__":
    main()
