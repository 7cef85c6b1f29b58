"""One training from its first step to the card of its model."""

import argparse
import math
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from PIL import Image
from tqdm import tqdm

from diffusion_edu.cards import valid_card
from diffusion_edu.checkpoints import Model, load
from diffusion_edu.data.batches import batches
from diffusion_edu.data.images import ImageSet, load_images
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.recipes import resuming
from diffusion_edu.recipes.fine_tune import adapt_recipe, transfer_weights
from diffusion_edu.recipes.folder import Folder
from diffusion_edu.recipes.log import Log
from diffusion_edu.recipes.memory import check_batch, check_step
from diffusion_edu.recipes.model_setup import build, make_card, split_held_out
from diffusion_edu.recipes.recipe import Recipe
from diffusion_edu.recipes.results import images_of
from diffusion_edu.recipes.writing import attempt, put_image, tell
from diffusion_edu.training.loop import TrainState, fit, held_out_loss, train_state, warm_up_and_anneal
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.state import load_run, save_run

SAVE_EVERY, ROW_EVERY = 60, 20  # seconds
FEW = 20  # images


@dataclass
class Run:
    """One training in progress: its choices, its data, and all that changes.

    It begins with the network, or goes on with the earlier training whose facts are in args.
    """

    recipe: Recipe
    args: argparse.Namespace
    compute: Compute
    dataset: ImageSet
    objective: Objective
    net: torch.nn.Module

    def __post_init__(self):
        self.folder, self.state, self.sheets = Folder(self.args.out), self.begin_state(), 0
        self.held_out, self.training_set = self.parts()
        self.facts = self.describe()
        if self.args.earlier:
            resuming.refuse_other_data(self.args.earlier["data"], self.facts["data"], self.args.out)
            self.sheets = load_run(self.folder.state, self.state)["sheets"]
        self.log = Log(self.folder.log, self.state.images)
        self.drop_later_sheets()
        self.losses, self.last_row, self.last_save = [], self.state.seconds, self.state.seconds
        valid_card(self.card())  # what would be refused at the end is refused now

    def begin_state(self) -> TrainState:
        """Begin to train the network."""
        return train_state(self.net)

    def parts(self):
        """Split the data into the held-out part, prepared for the network (or None), and the training part."""
        unseen, training_set = split_held_out(self.dataset)
        generator = torch.Generator(self.compute.device).manual_seed(0)  # always the same
        return unseen and self.recipe.prepare(*unseen, generator), training_set

    def describe_data(self):
        """Describe the data as facts that tell another set from this one."""
        return resuming.describe_images(self.dataset)

    def describe(self):
        """List what the training begins with, for its state."""
        return {
            "recipe": self.recipe.name,
            "options": resuming.options_of(self.args),
            "data": self.describe_data(),
            "model": self.describe_model(),
        }

    def describe_model(self):
        """Describe what the network depends on, as facts."""
        return resuming.describe_model(self.recipe)

    @property
    def model(self):
        """The model as trained so far, ready to be used."""
        return Model(self.card(), self.trained, self.compute)

    @property
    def trained(self):
        """The network that is written at the end: the one with the EMA weights."""
        return self.state.ema

    @property
    def progress(self):
        """What the progress bar says, in words."""
        return f"{self.log}, {self.state.images / self.state.seconds:.0f} images/s"

    def card(self, **training):
        """Write the card of the model as trained so far."""
        return make_card(self, **training)

    def stream(self):
        """Yield training batches (x0, condition) for ever."""
        generator, weights = self.state.generator, self.recipe.image_weights(self.training_set)
        order = batches(self.training_set, self.args.batch, generator, often=weights, seen=self.state.images)
        return (self.recipe.prepare(*batch, generator) for batch in order)

    def steps(self):
        """Train step by step, for ever; yields Progress."""
        net, args = self.state.net, self.args
        check_step(net, self.image_shape(), args.batch, self.compute)
        forward = torch.compile(net) if self.compute.device.type == "cuda" else net
        lr = warm_up_and_anneal(args.lr, lambda train_state: finished_fraction(train_state, args))
        return fit(
            self.state,
            self.stream(),
            lambda _, *rest: self.objective(forward, *rest),
            lr,
            self.recipe.ema,
            autocast=self.compute.autocast,
        )

    def image_shape(self):
        """Return channels, height and width of what the network trains on."""
        x0 = self.recipe.prepare(self.training_set.images[:1].float(), None, torch.Generator(self.compute.device))[0]
        return x0.shape[1:]

    def after_step(self, progress, last):
        """Log the loss, show samples and save, each from time to time and at the end; returns whether it logged."""
        state = self.state
        self.losses.append(progress.loss)
        if not math.isfinite(progress.loss):
            raise self.diverged(f"The loss became {progress.loss}")
        if logged := last or state.seconds > self.last_row + ROW_EVERY:
            self.log_loss(progress.lr)
        if last or state.seconds > 60 * 2**self.sheets:
            self.add_sheet()
        if not last and state.seconds > self.last_save + SAVE_EVERY:
            self.save()
        return logged

    def diverged(self, words):
        """Say that the training has failed, and what is left to go on from."""
        lr, kept = f"--lr {self.args.lr / 4:.1g}", self.folder.state.exists()
        advice = f"continue from the last saved state with --resume {lr}" if kept else f"begin again with {lr}"
        return ValueError(f"{words} after {self.state.images:,} images, so nothing can be learned any more: {advice}.")

    def validation_loss(self):
        """Compute the loss on the held-out part; NaN if there is none."""
        if not self.held_out:
            return math.nan
        return held_out_loss(self.state.ema, *self.held_out, self.objective, self.compute.autocast)

    def log_loss(self, lr):
        """Add a row to the log: the mean training loss since the last row, and the loss on the held-out part."""
        state = self.state
        self.log.add((state.images, state.seconds, sum(self.losses) / len(self.losses), self.validation_loss(), lr))
        self.losses, self.last_row = [], state.seconds
        attempt(self.folder.log, lambda: self.log.write(self.folder.log))

    def add_sheet(self):
        """Write a sheet of samples."""
        self.sheets += 1
        path, sheet = self.folder.sheets / f"{self.state.images:08d}.png", self.recipe.sheet(self, 16)
        if sheet is not None:
            attempt(path, lambda: put_image(path, Image.fromarray(sheet)))

    def drop_later_sheets(self):
        """Remove the sheets that a killed training made after its last save."""
        for path in self.folder.sheets.glob("*.png"):
            if path.stem.isdigit() and int(path.stem) > self.state.images:
                with suppress(OSError):
                    path.unlink()

    def save(self):
        """Save the training; if the disk is full, only this save is lost."""
        self.last_save = self.state.seconds
        attempt(self.folder.state, lambda: self.write_state(self.folder))

    def write_state(self, folder):
        """Write the state and the log into a folder; raises ValueError if the weights are no numbers any more."""
        if not all(weight.isfinite().all() for weight in self.state.net.parameters()):
            raise self.diverged("Weights became infinite")
        folder.state.parent.mkdir(parents=True, exist_ok=True)
        save_run(folder.state, self.state, {**self.facts, "sheets": self.sheets})
        self.log.write(folder.log)

    def images(self):
        """Yield the images beside the finished model, as (ending of the name, function that writes to a path)."""
        return images_of(self)

    def announce(self, place, card):
        """Say what was written."""
        tell(f"{place.finished('.safetensors')}, its card and a sheet of 64 images are written.")

    def extras(self, folder):
        """Write what else belongs to the finished model, such as its vocabulary."""


def begin(recipe, args):
    """Read the data, build the network or load one to fine-tune, and continue an earlier training if there is one."""
    compute, start = choose(args.device), load_start(args)
    if args.earlier:
        recipe = resuming.recall(recipe, args.earlier)
    elif start:
        recipe = adapt_recipe(start.card, recipe)
    recipe = replace(recipe, size=args.size or recipe.size)
    check_batch(args.batch, recipe.size, compute)
    dataset = load_images(args.data, recipe.size, tqdm.write, recipe.public)
    if not recipe.labels:
        dataset = replace(dataset, labels=None, classes=recipe.conditions, attributes=())
    if len(dataset) < FEW:
        tqdm.write(
            f"{len(dataset)} images are few: the model will memorise them and generate little else; "
            f"{FEW} or more are better."
        )
    net, objective = build(recipe, dataset)
    check_size(recipe.size, net.size_multiple)
    if start:
        net.load_state_dict(transfer_weights(start, net, dataset.classes or dataset.attributes))
    return Run(recipe, args, compute, dataset.to(compute.device), objective, compute.place(net))


def check_size(size, multiple):
    """Raise ValueError if images of this size do not fit a network."""
    if wrong := size % multiple:
        raise ValueError(
            f"Height and width of this network's images are divisible by {multiple}: "
            f"try --size {size - wrong or multiple}."
        )


def load_start(args):
    """Load the model that a training begins with, on the CPU; None if there is none or an earlier training goes on."""
    return load(args.start, compute=Compute(torch.device("cpu"))) if args.start and not args.earlier else None


def finished_fraction(train_state, args):
    """Compute how much of the training is finished, 0 to 1, by images or by time."""
    return train_state.images / args.images if args.images else train_state.seconds / (60 * args.minutes)
