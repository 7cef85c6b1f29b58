"""The command line of recipes of classifiers: read, train on all but the validation split, and write a model with its
card.

A classifier predicts the class of an image, or for every attribute whether the image has it. Where classes belong to
categories, all classes are trained on equally often, rare ones too, and weigh the same.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from tqdm import tqdm

from diffusion_edu.checkpoints import Card, load
from diffusion_edu.data.batches import batches
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.evaluation.features import balanced_accuracies, category_class_accuracy, class_accuracy
from diffusion_edu.networks import NETWORKS
from diffusion_edu.randomness import choose
from diffusion_edu.recipes.command_line import basic_parser, run_recipe, train, with_earlier
from diffusion_edu.recipes.memory import check_step
from diffusion_edu.recipes.run import Run, finished_fraction
from diffusion_edu.recipes.writing import tell
from diffusion_edu.training.loop import fit, train_state, warm_up_and_anneal

MINUTES = 10  # a classifier learns quickly


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
    card_fields: Callable = lambda run: {"scores": validation_scores(run.state.ema, run.held_out, run.compute)}
    read: Callable = lambda data, size, tell, public: load_images(data, size, tell, public)


class ClassifierRun(Run):
    """A training of a classifier; the held-out part is its validation set."""

    def begin_state(self):
        """Begin to train the network."""
        self.accuracy = math.nan
        return train_state(self.net, self.recipe.seed, self.recipe.weight_decay)

    def describe_model(self):
        """Describe what the network depends on, as facts."""
        return {"network": self.recipe.network, "config": self.recipe.config, "size": self.recipe.size}

    def parts(self):
        """Split the data into the validation set and the training set."""
        held = validation_images(self.dataset)
        return self.dataset.take(held), self.dataset.take(~held)

    def image_shape(self):
        """Return channels, height and width of the images."""
        return self.dataset.images.shape[1:]

    def stream(self):
        """Yield training batches (x0, labels) for ever."""
        often = image_weights(self.training_set)
        return batches(self.training_set, self.args.batch, self.state.generator, often=often, seen=self.state.images)

    def steps(self):
        """Train step by step, for ever; yields Progress."""
        recipe, args, compute = self.recipe, self.args, self.compute
        check_step(self.state.net, self.image_shape(), args.batch, compute)
        lr = warm_up_and_anneal(args.lr, lambda train_state: finished_fraction(train_state, args), final=0.8)
        loss = partial(augmented_loss, loss=self.objective)
        return fit(self.state, self.stream(), loss, lr, recipe.ema, autocast=compute.autocast)

    def validation_loss(self):
        """Compute the loss on the validation set, and its accuracy."""
        if not len(self.held_out):
            return math.nan
        scores = predict(self.state.ema, self.held_out, self.compute)
        self.accuracy = accuracy_of(scores, self.held_out)
        return self.objective(scores, self.held_out.labels).mean().item()

    def add_sheet(self):
        """A classifier has no samples to show."""

    def images(self):
        """A classifier has no images beside it."""
        return ()

    @property
    def progress(self):
        """What the progress bar says, in words."""
        return f"{self.log}, accuracy {self.accuracy:.3f}"

    def card(self, **training):
        """Write the card of the classifier as trained so far."""
        recipe, dataset, held = self.recipe, self.dataset, validation_images(self.dataset)
        named = {"seed": recipe.seed, **({"from": recipe.start} if recipe.start else {})}
        return Card(
            name=self.folder.name,
            title=recipe.title,
            network=recipe.network,
            config={"classes": len(dataset.classes) or len(dataset.attributes), **recipe.config},
            prediction_type="attributes" if dataset.attributes else "class",
            size=recipe.size,
            classes=list(dataset.classes),
            attributes=list(dataset.attributes),
            data=data_facts(recipe, dataset, held),
            training=training | named,
            licence=recipe.licence,
        )

    def announce(self, place, card):
        """Say what was written."""
        measured = card.scores.get("validation_accuracy")
        words = f": accuracy {measured:.1%} on held-out images" if measured is not None else ""
        tell(f"{place.finished('.safetensors')} and its card are written{words}.")


def main(recipe, words=None):
    """Run a recipe from the command line; problems that a person can solve end in one sentence."""
    args = with_earlier(basic_parser(recipe, MINUTES), recipe, words, MINUTES)
    args.batch, args.lr = recipe.batch, recipe.lr
    run_recipe(partial(train, begin=begin), recipe, args)


def begin(recipe, args):
    """Read the data and build the network, and continue an earlier training if there is one."""
    compute = choose(args.device)
    dataset = recipe.read(args.data, recipe.size, tqdm.write, recipe.public)
    if dataset.labels is None:
        raise ValueError(
            f"{dataset.source} has neither classes nor attributes to learn: give a folder with one sub-folder per "
            "class."
        )
    dataset = dataset.to(compute.device)
    training_set = dataset.take(~validation_images(dataset))
    loss = attribute_loss(training_set.labels) if dataset.attributes else class_loss
    return ClassifierRun(recipe, args, compute, dataset, loss, compute.place(build(recipe, dataset)))


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
    return accuracy_of(predict(net, dataset, compute), dataset)


def accuracy_of(scores, dataset):
    """Measure the accuracy of scores (n, classes or attributes): see accuracy."""
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
