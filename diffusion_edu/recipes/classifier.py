"""What recipes of classifiers do on the command line: read, train on all but the validation split, and leave a model with its card.

A classifier names the class of an image, or says of each attribute whether the image has it. Where classes are of
categories, rare ones come as often as frequent ones and count the same.
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
from diffusion_edu.data.images import batches, load_images, to_signed
from diffusion_edu.data.sources import SPLITS
from diffusion_edu.evaluation.features import balanced_accuracies, category_class_accuracy, class_accuracy
from diffusion_edu.networks import NETWORKS
from diffusion_edu.randomness import choose
from diffusion_edu.recipes.command_line import carry_out, positive, watched
from diffusion_edu.recipes.run import SAVE_EVERY, fraction, keep
from diffusion_edu.training.loop import fit, train_state, warm_up_and_anneal
from diffusion_edu.training.state import load_run


@dataclass(frozen=True)
class Recipe:
    """The few choices that tell one classifier from another."""

    name: str
    title: str
    network: str
    config: dict
    seed: int
    public: str = "flowers"  # a name in PUBLIC
    size: int = 64
    batch: int = 64
    lr: float = 2e-3
    ema: float = 0.998
    weight_decay: float = 0.05
    licence: str = ""
    start: str = ""  # a classifier of the same build whose weights, but for the last layer, it begins with
    read: Callable = lambda data, size, tell, public: load_images(data, size, tell, public)


def main(recipe, words=None):
    """Run a recipe from the command line; problems that a person can solve end in one sentence."""
    parser = argparse.ArgumentParser(
        prog=f"python -m diffusion_edu.recipes.{recipe.name}", description=f"Train: {recipe.title}."
    )
    words_for_data = "parquet files with labels, or folders with one sub-folder per class (default: the public data set, downloaded once)"
    parser.add_argument("--data", nargs="+", help=words_for_data)
    parser.add_argument("--minutes", type=positive(float), default=10, help="how long in all (default: 10)")
    parser.add_argument("--images", type=positive(int), help="how many images to see in all, instead of --minutes")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument(
        "--out",
        type=Path,
        default=OWN / f"my_{recipe.name}",
        help="where everything goes; the model is called like this folder",
    )
    carry_out(train, recipe, parser.parse_args(words))


def train(recipe, args):
    """Train until the minutes or images are over, saving as it goes, and leave NAME.safetensors and NAME.json in args.out."""
    run, compute = args.out / "run.safetensors", choose(args.device)
    if run.exists() and not args.resume:
        raise Unusable(f"{run} holds an earlier training: add --resume to go on with it, or choose another --out.")
    args.out.mkdir(parents=True, exist_ok=True)
    images = recipe.read(args.data, recipe.size, tqdm.write, recipe.public)
    if images.labels is None:
        raise ValueError(
            f"{images.source} has neither classes nor attributes to tell apart: give a folder with one sub-folder per class."
        )
    images = images.to(compute.device)
    held = held_out(images)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = NETWORKS[recipe.network](len(images.classes) or len(images.attributes), **recipe.config)
    if recipe.start:
        net.load_state_dict(
            net.state_dict()
            | {k: weight for k, weight in load(recipe.start).net.state_dict().items() if not k.startswith("head.")}
        )
    state = train_state(compute.place(net), recipe.seed, recipe.weight_decay)
    if run.exists():
        load_run(run, state)
    stream = batches(images.take(~held), recipe.batch, state.generator, True, often(images.take(~held)))
    lr = warm_up_and_anneal(recipe.lr, lambda train_state: fraction(train_state, args), final=0.8)
    loss = partial(seen_anew, loss=wrong_attributes(images.take(~held).labels) if images.attributes else wrong_class)
    steps, saved = fit(state, stream, loss, lr, recipe.ema, autocast=compute.autocast), state.seconds
    for progress, over, bar in watched(steps, state, args, lambda: keep(run, state)):
        if over or state.seconds > saved + SAVE_EVERY:
            keep(run, state)
            saved = state.seconds
            bar.set_postfix_str(
                f"loss {progress.loss:.3f}, accuracy {accuracy(state.ema, images.take(held), compute):.3f}"
            )
    finish(recipe, args, state, images, compute)


def held_out(images):
    """Choose the official validation split, bool (n,); every eighth image where there is none."""
    if images.split is not None:
        return images.split == SPLITS.index("validation")
    return torch.arange(len(images), device=images.images.device) % 8 == 4


def often(images):
    """Say how often each image comes, (n,): every class the same if classes are of categories, all images the same (None) if not."""
    return 1 / images.labels.bincount()[images.labels] if images.categories else None


def seen_anew(net, x0, labels, generator, loss):
    """Return one loss per image (b,), every image turned, cropped and tinted anew."""
    return loss(net(jittered(x0, generator)).float(), labels)


def wrong_class(scores, labels):
    """Compare scores (b, classes) with labels (b,); a tenth of the certainty goes to the other classes."""
    return F.cross_entropy(scores, labels, reduction="none", label_smoothing=0.1)


def wrong_attributes(labels, most=20.0):
    """Build the loss of scores (b, attributes) for labels of 1 and -1, in which the yes and the no of labels (n, attributes) weigh the same."""
    has = (labels > 0).float().mean(0)
    weight = ((1 - has) / has).clamp(1 / most, most)

    def loss(scores, labels):
        return F.binary_cross_entropy_with_logits(
            scores, (labels > 0).float(), reduction="none", pos_weight=weight
        ).mean(1)

    return loss


def jittered(x, generator):
    """Turn images x (b, c, h, w) by up to 15 degrees, zoom and shift them, and change contrast and brightness by up to a fifth."""

    def std(most):
        return most * (2 * torch.rand(len(x), generator=generator, device=x.device) - 1)

    turn, zoom = std(torch.pi / 12), 0.85 + std(0.15)
    c, s = zoom * turn.cos(), zoom * turn.sin()
    steps = torch.stack([c, -s, std(0.15), s, c, std(0.15)], dim=1).view(-1, 2, 3)
    x = F.grid_sample(
        x, F.affine_grid(steps, x.shape, align_corners=False), padding_mode="reflection", align_corners=False
    )
    contrast, brightness = (std(0.2).view(-1, 1, 1, 1) for _ in range(2))
    return (x * (1 + contrast) + brightness).clamp(-1, 1)


@torch.no_grad()
def answers(net, dataset, compute):
    """Let the network look at a set of images: scores (n, classes or attributes)."""
    said = []
    for images in dataset.images.split(256):
        with torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None):
            said.append(net(compute.place(to_signed(images))).float())
    return torch.cat(said)


def accuracy(net, images, compute):
    """Measure the fraction of images whose class the network names first, or that of right attributes, with yes and no counting the same.

    An attribute that all or none of the images have does not count. Where classes are of categories, each class counts the same.
    """
    said = answers(net, images, compute)
    if images.categories:
        return class_accuracy(said, images.labels)
    if images.attributes:
        return balanced_accuracies(said, images.labels).nanmean().item()
    return (said.argmax(1) == images.labels).double().mean().item()


def measured(net, images, compute):
    """Measure a network on images that were held out: all accuracies that its card tells."""
    scores = {"validation_accuracy": round(accuracy(net, images, compute), 4)}
    if images.attributes:
        each = balanced_accuracies(answers(net, images, compute), images.labels).tolist()
        scores["each"] = {
            name: None if math.isnan(fraction) else round(fraction, 3)
            for name, fraction in zip(images.attributes, each, strict=True)
        }
    if images.categories:
        scores["category_accuracy"] = round(
            category_class_accuracy(answers(net, images, compute), images.labels, images.categories), 4
        )
    return scores


def finish(recipe, args, state, images, compute):
    """Write the weights and the card, with the accuracy on the images that were held out."""
    held = held_out(images)
    card = Card(
        name=args.out.resolve().name,
        title=recipe.title,
        network=recipe.network,
        config={"classes": len(images.classes) or len(images.attributes), **recipe.config},
        prediction_type="attributes" if images.attributes else "class",
        size=recipe.size,
        classes=list(images.classes),
        attributes=list(images.attributes),
        data={
            **({"categories": dict(zip(images.classes, images.categories, strict=True))} if images.categories else {}),
            "subject": recipe.public,
            "source": images.source,
            "images": len(images),
            "held_out": int(held.sum()),
            "split": "all but every eighth"
            if images.split is None or images.categories
            else "all but the validation split",
        },
        training={
            "images_seen": state.images,
            "steps": state.step,
            "minutes": round(state.seconds / 60, 1),
            "device": str(compute),
            "seed": recipe.seed,
            **({"from": recipe.start} if recipe.start else {}),
        },
        scores=measured(state.ema, images.take(held), compute),
        licence=recipe.licence,
    )
    save(args.out, card, state.ema)
    tqdm.write(
        f"{args.out / card.name}.safetensors and its card are written: accuracy {card.scores['validation_accuracy']:.1%} on held-out images."
    )
