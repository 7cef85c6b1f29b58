"""What a recipe makes of a set of images: those that are held out, a network and an objective for them, and the card of what was learned."""

from dataclasses import asdict, replace

import torch

from diffusion_edu.checkpoints import Card
from diffusion_edu.data.images import held_out, to_signed
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.networks import NETWORKS

WALKED = (*TARGETS, "restoration")  # what a model that draws move by step predicts


def apart(images):
    """Split a set into what is held out (images in [-1, 1] and labels, or None) and what is trained on."""
    held = held_out(images)
    if not held.any():
        return None, images
    few = images.take(held)
    return (to_signed(few.images), few.labels), images.take(~held)


def build(recipe, images):
    """Make the network and the objective for a set of images: as many classes or attributes as it has."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NETWORKS[recipe.network](**config(recipe, images))
    return net, objective_for(recipe, images)


def objective_for(recipe, images):
    """Tell the recipe's objective what means "anything": the label after the last class, or zeros for attributes and a guide."""
    zeros = 0 if images.attributes or recipe.conditioning_channels else None
    return replace(recipe.objective, null=len(images.classes) or zeros)


def config(recipe, images):
    """Say how large the network is to be, and how much it is told."""
    told = {
        "classes": len(images.classes),
        "attributes": len(images.attributes),
        "conditioning_channels": recipe.conditioning_channels,
    }
    own = {name: recipe.size if name == "size" else value for name, value in recipe.config.items()}
    return {name: count for name, count in told.items() if count} | own


def describe(run, **training):
    """Write the card of the model that a run trains; it is called like the folder it goes to."""
    recipe, args, images, name = run.recipe, run.args, run.images, run.args.out.resolve().name
    told = {"batch": args.batch, "lr": args.lr, "ema": recipe.ema, "objective": asdict(run.objective)}
    return Card(
        name=name,
        title=recipe.title if name == recipe.name else name.replace("_", " "),
        network=recipe.network,
        config=config(recipe, images),
        prediction_type=recipe.objective.prediction_type,
        size=recipe.size,
        classes=list(images.classes),
        attributes=list(images.attributes),
        conditioning_image=recipe.conditioning_image,
        sampling=asdict(recipe.sampling) if recipe.objective.prediction_type in WALKED else {},
        data={
            "subject": recipe.public,
            "source": images.source,
            "images": len(images),
            "held_out": int(held_out(images).sum()),
        },
        training=told | ({"from": args.start} if args.start else {}) | training,
        licence=recipe.licence,
        caution=recipe.caution,
    )
