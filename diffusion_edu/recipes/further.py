"""Train a model further: the recipe that fits its network, and its weights for a network that is told something else."""

from dataclasses import replace

import torch

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.generation import Preset
from diffusion_edu.networks.experts import MEMBERS


def like(card, recipe):
    """Change a recipe so that it trains the network of a card further: the same sizes and target; without a guide the same preset and pictures."""
    if card.network not in MEMBERS or recipe.network not in MEMBERS:
        raise ValueError(
            f"{card.name} cannot be trained further: --from takes a U-Net, and is for recipes that train one."
        )
    alike = card.kind in TARGETS and recipe.objective.kind in TARGETS
    return replace(
        recipe,
        network=card.network,
        sizes={name: value for name, value in card.sizes.items() if name not in ("classes", "attributes", "guide")},
        size=recipe.size if recipe.guide else card.size,
        objective=replace(recipe.objective, kind=card.kind) if alike else recipe.objective,
        sampling=recipe.sampling if recipe.guide else Preset(**card.sampling),
    )


def taken_over(start, net, kinds):
    """Take the weights of a loaded model for a network that is told other kinds: all of it begins as "anything" and learns from there."""
    weights, fresh = start.net.state_dict(), net.state_dict()
    if list(kinds) != start.card.kinds:
        tell, bias = start.net.classes or start.net.attributes, "level.mlp.2.bias"
        anything = tell(None, 1)[0] if tell else torch.zeros(start.net.level.width)
        weights = {name: weight for name, weight in weights.items() if not name.startswith(("classes.", "attributes."))}
        if net.classes:
            weights["classes.table.weight"] = anything.repeat(len(kinds) + 1, 1)
        else:
            weights[bias] = weights[bias] + anything  # the network adds up what it is told of level and kind
    stem = torch.zeros_like(fresh["stem.weight"])
    known = min(weights["stem.weight"].shape[1], stem.shape[1])
    stem[:, :known] = weights["stem.weight"][:, :known]  # a guide lies behind the picture, and is not looked at yet
    return fresh | {name: weight for name, weight in weights.items() if name in fresh} | {"stem.weight": stem}
