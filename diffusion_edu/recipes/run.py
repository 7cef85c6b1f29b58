"""One training from its first step to the card of its model."""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from diffusion_edu.checkpoints import Model, Unusable, load, save
from diffusion_edu.data.batches import batches
from diffusion_edu.data.images import ImageSet, load_images
from diffusion_edu.figures.still import training_curve
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.recipes.fine_tune import adapt_recipe, transfer_weights
from diffusion_edu.recipes.log import COLUMNS, Log
from diffusion_edu.recipes.model_setup import build, make_card, split_held_out
from diffusion_edu.recipes.sample_sheet import save_sheet
from diffusion_edu.training.loop import TrainState, fit, held_out_loss, train_state, warm_up_and_anneal
from diffusion_edu.training.objectives.autoencoding import Reconstruction, Variational
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.restoration import Restoration
from diffusion_edu.training.state import load_run, read_facts, save_run

SAVE_EVERY, ROW_EVERY = 60, 20  # seconds
FEW = 20  # images


@dataclass(frozen=True)
class Recipe:
    """The choices in which trainings differ.

    The network is conditioned on the image's label if the set has labels; or on one of the recipe's own conditions; or
    on a conditioning image of so many channels, which prepare(x0, labels, generator) makes: it returns (x0, condition).
    """

    name: str
    title: str
    network: str
    config: dict
    public: str = "flowers"  # the public data set, a name in PUBLIC
    size: int = 64
    batch: int = 32
    lr: float = 8e-4
    ema: float = 0.9995
    objective: Objective | Reconstruction | Restoration | Variational = Objective()
    sampling: Preset = Preset()
    licence: str = ""
    caution: str = ""
    labels: bool = True
    conditions: tuple[str, ...] = ()
    conditioning_channels: int = 0
    conditioning_image: str = ""  # what the conditioning image is, in words
    prepare: Callable = lambda x0, labels, generator: (x0, labels)
    image_weights: Callable = lambda dataset: None  # how often each image is sampled (n,); None: all equally often
    show: Callable = lambda run, count, path: save_sheet(run.model, range(count), path)  # samples during the training
    card_fields: Callable = lambda run: {}  # more fields of the card, known at the end


@dataclass
class Run:
    """One training in progress: its choices, its data, and all that changes."""

    recipe: Recipe
    args: argparse.Namespace
    compute: Compute
    dataset: ImageSet
    objective: Objective
    state: TrainState
    log: Log
    sheets: int

    def __post_init__(self):
        self.file = self.args.out / "run.safetensors"
        self.held_out, self.training_set = self.parts()
        self.losses, self.last_row, self.last_save = [], self.state.seconds, self.state.seconds

    def parts(self):
        """Split the data into the held-out part, prepared for the network (or None), and the training part."""
        unseen, training_set = split_held_out(self.dataset)
        generator = torch.Generator(self.compute.device).manual_seed(0)  # always the same
        return unseen and self.recipe.prepare(*unseen, generator), training_set

    @property
    def model(self):
        """The model as trained so far, ready to be used."""
        return Model(self.card(), self.trained, self.compute)

    @property
    def trained(self):
        """The network that is written at the end: the one with the EMA weights."""
        return self.state.ema

    def card(self, **training):
        """Write the card of the model as trained so far."""
        return make_card(self, **training)

    def stream(self):
        """Yield training batches (x0, condition) for ever."""
        generator, weights = self.state.generator, self.recipe.image_weights(self.training_set)
        return (
            self.recipe.prepare(*batch, generator)
            for batch in batches(self.training_set, self.args.batch, generator, often=weights)
        )

    def steps(self):
        """Train step by step, for ever; yields Progress."""
        net, args = self.state.net, self.args
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

    def after_step(self, progress, last):
        """Log the loss, show samples and save, each from time to time and at the end; returns whether it logged."""
        state, self.losses = self.state, [*self.losses, progress.loss]
        if not math.isfinite(progress.loss):
            raise ValueError(
                f"The loss became {progress.loss} after {progress.images} images: "
                f"start again from {self.file} with a smaller --lr."
            )
        if logged := last or state.seconds > self.last_row + ROW_EVERY:
            self.log_loss(progress.lr)
        if last or state.seconds > 60 * 2**self.sheets:
            self.sheets += 1
            self.recipe.show(self, 16, self.args.out / f"sheet_{state.images:08d}.png")
        if last or state.seconds > self.last_save + SAVE_EVERY:
            self.save()
        return logged

    def log_loss(self, lr):
        """Add a row to the log: the mean training loss since the last row, and the loss on the held-out part."""
        state, validation = self.state, math.nan
        if self.held_out:
            validation = held_out_loss(state.ema, *self.held_out, self.objective, self.compute.autocast)
        self.log.add((state.images, state.seconds, sum(self.losses) / len(self.losses), validation, lr))
        self.losses, self.last_row = [], state.seconds

    def save(self):
        """Save the training; if the disk is full, only this save is lost."""
        self.last_save = self.state.seconds
        save_state(self.file, self.state, sheets=self.sheets, start=self.args.start)


def begin(recipe, args):
    """Read the data, build the network or load one to fine-tune, and continue an earlier training if there is one."""
    file, compute = run_file(args), choose(args.device)
    args.start = args.start or (read_facts(file).get("start") if file.exists() else None)
    start = load(args.start, compute=Compute(torch.device("cpu"))) if args.start else None
    recipe = adapt_recipe(start.card, recipe) if start else recipe
    recipe = replace(recipe, size=args.size or recipe.size)
    dataset = load_images(args.data, recipe.size, tqdm.write, recipe.public)
    if not recipe.labels:
        dataset = replace(dataset, labels=None, classes=recipe.conditions, attributes=())
    if len(dataset) < FEW:
        tqdm.write(
            f"{len(dataset)} images are few: the model will memorise them and generate little else; "
            f"{FEW} or more are better."
        )
    net, objective = build(recipe, dataset)
    if wrong := recipe.size % (multiple := net.size_multiple):
        raise ValueError(
            f"Height and width of this network's images are divisible by {multiple}: "
            f"try --size {recipe.size - wrong or multiple}."
        )
    if start:
        net.load_state_dict(transfer_weights(start, net, dataset.classes or dataset.attributes))
    net = compute.place(net)
    return Run(recipe, args, compute, dataset.to(compute.device), objective, *start_or_resume(file, net, args))


def run_file(args):
    """Return the path of the saved training; raises Unusable if there is one and --resume was not given."""
    file = args.out / "run.safetensors"
    if file.exists() and not args.resume:
        raise Unusable(f"{file} holds an earlier training: add --resume to continue it, or choose another --out.")
    return file


def start_or_resume(file, net, args):
    """Start or continue the training in the file: its TrainState, its log, and the number of sheets."""
    state, log = train_state(net), Log(args.out)
    sheets = load_run(file, state)["sheets"] if file.exists() else 0
    log.drop_after(state.images)
    return state, log, sheets


def finished_fraction(train_state, args):
    """Compute how much of the training is finished, 0 to 1, by images or by time."""
    return train_state.images / args.images if args.images else train_state.seconds / (60 * args.minutes)


def save_state(file, state, **facts):
    """Save a training; if the disk is full, only this save is lost and the training goes on."""
    try:
        save_run(file, state, facts)
    except OSError as problem:
        tqdm.write(
            f"Not saved ({problem.strerror}): the last saved state stays, the training goes on; make room on the disk."
        )


def finish(run):
    """Write the weights, the card, a sheet of 64 samples, the growth of the first row, and the curve."""
    state, out, compute = run.state, run.args.out, run.compute
    facts = {
        "images_seen": state.images,
        "steps": state.step,
        "minutes": round(state.seconds / 60, 1),
        "device": str(compute),
    }
    last = dict(zip(COLUMNS, map(float, run.log.rows[-1]), strict=True))
    validation = last["validation_loss"]
    losses = {"loss": last["loss"], "validation_loss": None if math.isnan(validation) else validation}
    card = save(out, replace(run.card(**facts, **losses), **run.recipe.card_fields(run)), run.trained)
    run.recipe.show(run, 64, out / f"{card.name}.png")
    first_rows = [np.asarray(Image.open(path))[: run.recipe.size] for path in sorted(out.glob("sheet_*.png"))]
    Image.fromarray(np.concatenate(first_rows)).save(out / f"{card.name}.growth.png")
    curve = np.array(run.log.rows, dtype=float)
    training_curve(curve[:, 0], curve[:, 2], curve[:, 3]).savefig(out / f"{card.name}.curve.png")
    tqdm.write(f"{out / card.name}.safetensors, its card and a sheet of 64 images are written.")
