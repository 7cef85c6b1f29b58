"""What a recipe makes of a set of pictures: those that are held out, a network and an objective for them, and the card of what was learned."""

from dataclasses import asdict, replace

import torch

from diffusion_edu.checkpoints import Card
from diffusion_edu.data.images import held_out, to_signed
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.networks import NETWORKS

WALKED = (*TARGETS, "restoration")  # what a model that draws move by move predicts


def apart(pictures):
    """Split a set into what is held out (images in [-1, 1] and labels, or None) and what is trained on."""
    held = held_out(pictures)
    if not held.any():
        return None, pictures
    few = pictures.take(held)
    return (to_signed(few.images), few.labels), pictures.take(~held)


def build(recipe, pictures):
    """Make the network and the objective for a set of pictures: as many classes or attributes as it has."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NETWORKS[recipe.network](**sizes(recipe, pictures))
    return net, objective_for(recipe, pictures)


def objective_for(recipe, pictures):
    """Tell the recipe's objective what means "anything": the label after the last class, or zeros for attributes and a guide."""
    zeros = 0 if pictures.attributes or recipe.guide else None
    return replace(recipe.objective, null=len(pictures.classes) or zeros)


def sizes(recipe, pictures):
    """Say how large the network is to be, and how much it is told."""
    told = {"classes": len(pictures.classes), "attributes": len(pictures.attributes), "guide": recipe.guide}
    own = {name: recipe.size if name == "size" else value for name, value in recipe.sizes.items()}
    return {name: count for name, count in told.items() if count} | own


def describe(run, **training):
    """Write the card of the model that a run trains; it is called like the folder it goes to."""
    recipe, args, pictures, name = run.recipe, run.args, run.pictures, run.args.out.resolve().name
    told = {"batch": args.batch, "lr": args.lr, "ema": recipe.ema, "objective": asdict(run.objective)}
    return Card(
        name=name,
        title=recipe.title if name == recipe.name else name.replace("_", " "),
        network=recipe.network,
        sizes=sizes(recipe, pictures),
        kind=recipe.objective.kind,
        size=recipe.size,
        classes=list(pictures.classes),
        attributes=list(pictures.attributes),
        guide=recipe.guided_by,
        sampling=asdict(recipe.sampling) if recipe.objective.kind in WALKED else {},
        data={
            "subject": recipe.public,
            "source": pictures.source,
            "pictures": len(pictures),
            "held_out": int(held_out(pictures).sum()),
        },
        training=told | ({"from": args.start} if args.start else {}) | training,
        licence=recipe.licence,
        caution=recipe.caution,
    )
