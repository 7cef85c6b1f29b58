"""Train a model further: the recipe that fits its network, and its weights for a network that is told something else."""

from dataclasses import replace

import torch

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.generation import Preset
from diffusion_edu.networks.experts import MEMBERS


def like(card, recipe):
    """Change a recipe so that it trains the network of a card further: the same sizes and target; without a guide the same preset and images."""
    if card.network not in MEMBERS or recipe.network not in MEMBERS:
        raise ValueError(
            f"{card.name} cannot be trained further: --from takes a U-Net, and is for recipes that train one."
        )
    alike = card.prediction_type in TARGETS and recipe.objective.prediction_type in TARGETS
    return replace(
        recipe,
        network=card.network,
        config={
            name: value
            for name, value in card.config.items()
            if name not in ("classes", "attributes", "conditioning_channels")
        },
        size=recipe.size if recipe.conditioning_channels else card.size,
        objective=replace(recipe.objective, prediction_type=card.prediction_type) if alike else recipe.objective,
        sampling=recipe.sampling if recipe.conditioning_channels else Preset(**card.sampling),
    )


def taken_over(start, net, class_names):
    """Take the weights of a loaded model for a network that is told other kinds: all of it begins as "anything" and learns from there."""
    weights, fresh = start.net.state_dict(), net.state_dict()
    if list(class_names) != start.card.condition_names:
        tell, bias = start.net.class_embedding or start.net.attribute_embedding, "time_embedding.mlp.2.bias"
        anything = tell(None, 1)[0] if tell else torch.zeros(start.net.time_embedding.width)
        weights = {
            name: weight
            for name, weight in weights.items()
            if not name.startswith(("class_embedding.", "attribute_embedding."))
        }
        if net.class_embedding:
            weights["class_embedding.table.weight"] = anything.repeat(len(class_names) + 1, 1)
        else:
            weights[bias] = weights[bias] + anything  # the network adds up what it is told of timestep and kind
    stem = torch.zeros_like(fresh["stem.weight"])
    known = min(weights["stem.weight"].shape[1], stem.shape[1])
    stem[:, :known] = weights["stem.weight"][:, :known]  # a guide lies behind the image, and is not looked at yet
    return fresh | {name: weight for name, weight in weights.items() if name in fresh} | {"stem.weight": stem}
