"""The command line of recipes of classifiers: read, train on all but the validation split, and write a model with its
card.

A classifier predicts the class of an image, or for every attribute whether the image has it. Where classes belong to
categories, all classes are trained on equally often, rare ones too, and weigh the same.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from tqdm import tqdm

from diffusion_edu.checkpoints import OWN, Card, Unusable, load, save
from diffusion_edu.data.batches import batches
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.data.tables import SPLITS
from diffusion_edu.evaluation.features import balanced_accuracies, category_class_accuracy, class_accuracy
from diffusion_edu.networks import NETWORKS
from diffusion_edu.randomness import choose
from diffusion_edu.recipes.command_line import positive, run_recipe, training_steps
from diffusion_edu.recipes.run import SAVE_EVERY, finished_fraction, save_state
from diffusion_edu.training.loop import fit, train_state, warm_up_and_anneal
from diffusion_edu.training.state import load_run


@dataclass(frozen=True)
class Recipe:
    """The choices in which trainings of classifiers differ."""

    name: str
    title: str
    network: str
    config: dict
    seed: int
    public: str = "flowers"  # the public data set, a name in PUBLIC
    size: int = 64
    batch: int = 64
    lr: float = 2e-3
    ema: float = 0.998
    weight_decay: float = 0.05
    licence: str = ""
    start: str = ""  # a classifier with the same network, whose weights (but for the last layer) it begins with
    read: Callable = lambda data, size, tell, public: load_images(data, size, tell, public)


def main(recipe, words=None):
    """Run a recipe from the command line; problems that a person can solve end in one sentence."""
    parser = argparse.ArgumentParser(
        prog=f"python -m diffusion_edu.recipes.{recipe.name}", description=f"Train: {recipe.title}."
    )
    data = (
        "parquet files with labels, or folders with one sub-folder per class "
        "(default: the public data set, downloaded once)"
    )
    parser.add_argument("--data", nargs="+", help=data)
    parser.add_argument("--minutes", type=positive(float), default=10, help="how long to train in all (default: 10)")
    parser.add_argument("--images", type=positive(int), help="how many images to train on in all, instead of --minutes")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--resume", action="store_true", help="continue the training in --out")
    out = "the folder for all results; the model is named after it"
    parser.add_argument("--out", type=Path, default=OWN / f"my_{recipe.name}", help=out)
    run_recipe(train, recipe, parser.parse_args(words))


def train(recipe, args):
    """Train until the time is over, saving as it goes, and leave NAME.safetensors and NAME.json in args.out."""
    run, compute = args.out / "run.safetensors", choose(args.device)
    if run.exists() and not args.resume:
        raise Unusable(f"{run} holds an earlier training: add --resume to continue it, or choose another --out.")
    args.out.mkdir(parents=True, exist_ok=True)
    dataset = recipe.read(args.data, recipe.size, tqdm.write, recipe.public)
    if dataset.labels is None:
        raise ValueError(
            f"{dataset.source} has neither classes nor attributes to learn: give a folder with one sub-folder per "
            "class."
        )
    dataset = dataset.to(compute.device)
    held = validation_images(dataset)
    training_set, validation_set = dataset.take(~held), dataset.take(held)
    state = train_state(compute.place(build(recipe, dataset)), recipe.seed, recipe.weight_decay)
    if run.exists():
        load_run(run, state)
    stream = batches(training_set, recipe.batch, state.generator, True, image_weights(training_set))
    lr = warm_up_and_anneal(recipe.lr, lambda train_state: finished_fraction(train_state, args), final=0.8)
    base_loss = attribute_loss(training_set.labels) if dataset.attributes else class_loss
    loss = partial(augmented_loss, loss=base_loss)
    steps, saved = fit(state, stream, loss, lr, recipe.ema, autocast=compute.autocast), state.seconds
    for progress, last, bar in training_steps(steps, state, args, lambda: save_state(run, state)):
        if last or state.seconds > saved + SAVE_EVERY:
            save_state(run, state)
            saved = state.seconds
            measured = accuracy(state.ema, validation_set, compute)
            bar.set_postfix_str(f"loss {progress.loss:.3f}, accuracy {measured:.3f}")
    finish(recipe, args, state, dataset, compute)


def build(recipe, dataset):
    """Build the network for the classes or attributes of a data set; weights come from recipe.start if given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = NETWORKS[recipe.network](len(dataset.classes) or len(dataset.attributes), **recipe.config)
    if recipe.start:
        weights = load(recipe.start).net.state_dict()
        body = {name: weight for name, weight in weights.items() if not name.startswith("head.")}
        net.load_state_dict(net.state_dict() | body)
    return net


def validation_images(dataset):
    """Choose the official validation split, bool (n,); every eighth image where there is none."""
    if dataset.split is not None:
        return dataset.split == SPLITS.index("validation")
    return torch.arange(len(dataset), device=dataset.images.device) % 8 == 4


def image_weights(dataset):
    """Compute how often each image is sampled (n,): all classes equally often if they have categories.

    None: all images equally often.
    """
    return 1 / dataset.labels.bincount()[dataset.labels] if dataset.categories else None


def augmented_loss(net, x0, labels, generator, loss):
    """Return one loss per image (b,), with every image augmented anew."""
    return loss(net(augment(x0, generator)).float(), labels)


def class_loss(scores, labels):
    """Return the cross entropy (b,) of scores (b, classes) and labels (b,), with label smoothing of 0.1."""
    return F.cross_entropy(scores, labels, reduction="none", label_smoothing=0.1)


def attribute_loss(labels, most=20.0):
    """Build the binary cross entropy of scores (b, attributes) and labels of 1 and -1, with yes and no weighted
    equally.

    The weights balance the labels (n, attributes) of the training set and are at most `most`.
    """
    has = (labels > 0).float().mean(0)
    weight = ((1 - has) / has).clamp(1 / most, most)

    def loss(scores, labels):
        targets = (labels > 0).float()
        return F.binary_cross_entropy_with_logits(scores, targets, reduction="none", pos_weight=weight).mean(1)

    return loss


def augment(x, generator):
    """Rotate images x (b, c, h, w) by up to 15 degrees, zoom, shift, and change contrast and brightness."""

    def uniform(most):
        return most * (2 * torch.rand(len(x), generator=generator, device=x.device) - 1)

    angle, zoom = uniform(torch.pi / 12), 0.85 + uniform(0.15)
    c, s = zoom * angle.cos(), zoom * angle.sin()
    matrices = torch.stack([c, -s, uniform(0.15), s, c, uniform(0.15)], dim=1).view(-1, 2, 3)
    positions = F.affine_grid(matrices, x.shape, align_corners=False)
    x = F.grid_sample(x, positions, padding_mode="reflection", align_corners=False)
    contrast, brightness = (uniform(0.2).view(-1, 1, 1, 1) for _ in range(2))
    return (x * (1 + contrast) + brightness).clamp(-1, 1)


@torch.no_grad()
def predict(net, dataset, compute):
    """Compute the network's scores (n, classes or attributes) of a data set."""
    scores = []
    for images in dataset.images.split(256):
        with torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None):
            scores.append(net(compute.place(to_signed(images))).float())
    return torch.cat(scores)


def accuracy(net, dataset, compute):
    """Measure the accuracy of a network: of its most probable class, or the mean balanced accuracy of attributes.

    An attribute that all or none of the images have does not count. Where classes belong to categories, each class
    counts the same.
    """
    scores = predict(net, dataset, compute)
    if dataset.categories:
        return class_accuracy(scores, dataset.labels)
    if dataset.attributes:
        return balanced_accuracies(scores, dataset.labels).nanmean().item()
    return (scores.argmax(1) == dataset.labels).double().mean().item()


def validation_scores(net, dataset, compute):
    """Measure all accuracies for the card on held-out images."""
    scores = {"validation_accuracy": round(accuracy(net, dataset, compute), 4)}
    if dataset.attributes:
        each = balanced_accuracies(predict(net, dataset, compute), dataset.labels).tolist()
        scores["each"] = {
            name: None if math.isnan(fraction) else round(fraction, 3)
            for name, fraction in zip(dataset.attributes, each, strict=True)
        }
    if dataset.categories:
        scores["category_accuracy"] = round(
            category_class_accuracy(predict(net, dataset, compute), dataset.labels, dataset.categories), 4
        )
    return scores


def data_facts(recipe, dataset, held):
    """Describe the data for the card; held are the held-out images, bool (n,)."""
    categories = dict(zip(dataset.classes, dataset.categories, strict=True)) if dataset.categories else {}
    every_eighth = dataset.split is None or dataset.categories
    return {
        **({"categories": categories} if categories else {}),
        "subject": recipe.public,
        "source": dataset.source,
        "images": len(dataset),
        "held_out": int(held.sum()),
        "split": "all but every eighth" if every_eighth else "all but the validation split",
    }


def finish(recipe, args, state, dataset, compute):
    """Write the weights and the card, with the accuracy on the held-out images."""
    held = validation_images(dataset)
    card = Card(
        name=args.out.resolve().name,
        title=recipe.title,
        network=recipe.network,
        config={"classes": len(dataset.classes) or len(dataset.attributes), **recipe.config},
        prediction_type="attributes" if dataset.attributes else "class",
        size=recipe.size,
        classes=list(dataset.classes),
        attributes=list(dataset.attributes),
        data=data_facts(recipe, dataset, held),
        training={
            "images_seen": state.images,
            "steps": state.step,
            "minutes": round(state.seconds / 60, 1),
            "device": str(compute),
            "seed": recipe.seed,
            **({"from": recipe.start} if recipe.start else {}),
        },
        scores=validation_scores(state.ema, dataset.take(held), compute),
        licence=recipe.licence,
    )
    save(args.out, card, state.ema)
    tqdm.write(
        f"{args.out / card.name}.safetensors and its card are written: "
        f"accuracy {card.scores['validation_accuracy']:.1%} on held-out images."
    )
