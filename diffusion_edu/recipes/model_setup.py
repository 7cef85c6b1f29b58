"""What a recipe makes of a data set: held-out images, network and objective, and the card of the model."""

from dataclasses import asdict, replace

import torch

from diffusion_edu.checkpoints import Card
from diffusion_edu.data.images import held_out, to_signed
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.networks import NETWORKS

SAMPLED_IN_STEPS = (*TARGETS, "restoration")  # prediction types of models that sample step by step


def split_held_out(dataset):
    """Split a data set into held-out images in [-1, 1] and labels (None if there are none), and the rest."""
    held = held_out(dataset)
    if not held.any():
        return None, dataset
    unseen = dataset.take(held)
    return (to_signed(unseen.images), unseen.labels), dataset.take(~held)


def build(recipe, dataset):
    """Build the network and the objective for a data set: with as many classes or attributes as it has."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NETWORKS[recipe.network](**network_config(recipe, dataset))
    return net, objective_for(recipe, dataset)


def objective_for(recipe, dataset):
    """Set the null label of the objective: the label after the last class, or 0 for other conditions."""
    zeros = 0 if dataset.attributes or recipe.conditioning_channels else None
    return replace(recipe.objective, null=len(dataset.classes) or zeros)


def network_config(recipe, dataset):
    """Build the network's config: the recipe's own, and the numbers of classes, attributes or conditioning channels."""
    conditions = {
        "classes": len(dataset.classes),
        "attributes": len(dataset.attributes),
        "conditioning_channels": recipe.conditioning_channels,
    }
    own = {name: recipe.size if name == "size" else value for name, value in recipe.config.items()}
    return {name: count for name, count in conditions.items() if count} | own


def make_card(run, **training):
    """Write the card of the model that a run trains; the model is named after its folder."""
    recipe, args, dataset, name = run.recipe, run.args, run.dataset, run.args.out.resolve().name
    settings = {"batch": args.batch, "lr": args.lr, "ema": recipe.ema, "objective": asdict(run.objective)}
    return Card(
        name=name,
        title=recipe.title if name == recipe.name else name.replace("_", " "),
        network=recipe.network,
        config=network_config(recipe, dataset),
        prediction_type=recipe.objective.prediction_type,
        size=recipe.size,
        classes=list(dataset.classes),
        attributes=list(dataset.attributes),
        conditioning_image=recipe.conditioning_image,
        sampling=asdict(recipe.sampling) if recipe.objective.prediction_type in SAMPLED_IN_STEPS else {},
        data={
            "subject": recipe.public,
            "source": dataset.source,
            "images": len(dataset),
            "held_out": int(held_out(dataset).sum()),
        },
        training=settings | ({"from": args.start} if args.start else {}) | training,
        licence=recipe.licence,
        caution=recipe.caution,
    )
