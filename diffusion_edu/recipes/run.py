"""One training from its first step to the card of its model: read, build, look after, save, describe."""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from diffusion_edu.checkpoints import Model, Unusable, load, save
from diffusion_edu.data.images import ImageSet, batches, load_images
from diffusion_edu.figures.still import training_curve
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.recipes.model_setup import apart, build, describe
from diffusion_edu.recipes.fine_tune import like, taken_over
from diffusion_edu.recipes.log import COLUMNS, Log
from diffusion_edu.recipes.sample_sheet import sheet
from diffusion_edu.training.loop import TrainState, fit, held_out_loss, train_state, warm_up_and_anneal
from diffusion_edu.training.objectives.autoencoding import Reconstruction, Variational
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.restoration import Restoration
from diffusion_edu.training.state import load_run, read_facts, save_run

SAVE_EVERY, ROW_EVERY = 60, 20  # seconds
FEW = 20  # images


@dataclass(frozen=True)
class Recipe:
    """The few choices that tell one training from another.

    What the network is told is the label of the image if there is one; or names of the recipe's own, its conditions; or
    a guide, an image of so many channels that prepare(x0, labels, generator) makes when it returns (x0, condition).
    """

    name: str
    title: str
    network: str
    config: dict
    public: str = "flowers"  # a name in PUBLIC
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
    conditioning_image: str = ""  # what the guide is, in words
    prepare: Callable = lambda x0, labels, generator: (x0, labels)
    often: Callable = lambda images: None  # how often each image comes, as weights (n,); None: all alike
    show: Callable = lambda run, count, path: sheet(run.model, range(count), path)  # what is looked at while it learns
    measure: Callable = lambda run: {}  # what else belongs on the card and is known in the end


@dataclass
class Run:
    """One training on its way: what was chosen, what it learns from, and all that changes."""

    recipe: Recipe
    args: argparse.Namespace
    compute: Compute
    images: ImageSet
    objective: Objective
    state: TrainState
    log: Log
    sheets: int

    def __post_init__(self):
        self.file = self.args.out / "run.safetensors"
        self.kept, self.trained_on = self.parts()
        self.losses, self.last_row, self.last_save = [], self.state.seconds, self.state.seconds

    def parts(self):
        """Split the images into what is held out, as the network meets it, or None, and what is trained on."""
        kept, trained_on = apart(self.images)
        always = torch.Generator(self.compute.device).manual_seed(0)
        return kept and self.recipe.prepare(*kept, always), trained_on

    @property
    def model(self):
        """What has been learned so far, as a model that can be used."""
        return Model(self.card(), self.learned, self.compute)

    @property
    def learned(self):
        """The network that is kept in the end: the moving average of the weights."""
        return self.state.ema

    def card(self, **training):
        """Write the card of what has been learned so far."""
        return describe(self, **training)

    def stream(self):
        """Yield batches of what is learned from, (x0, condition), for ever."""
        chance, often = self.state.generator, self.recipe.often(self.trained_on)
        return (
            self.recipe.prepare(*batch, chance)
            for batch in batches(self.trained_on, self.args.batch, chance, often=often)
        )

    def steps(self):
        """Train step by step, for ever."""
        net, args = self.state.net, self.args
        forward = torch.compile(net) if self.compute.device.type == "cuda" else net
        lr = warm_up_and_anneal(args.lr, lambda train_state: fraction(train_state, args))
        return fit(
            self.state,
            self.stream(),
            lambda _, *rest: self.objective(forward, *rest),
            lr,
            self.recipe.ema,
            autocast=self.compute.autocast,
        )

    def look_after(self, progress, over):
        """Note the loss, show samples and save, each when it is time, and all of them when it is over; says whether the log has a new row."""
        state, self.losses = self.state, [*self.losses, progress.loss]
        if not math.isfinite(progress.loss):
            raise ValueError(
                f"The loss became {progress.loss} after {progress.images} images: start again from {self.file} with a smaller --lr."
            )
        if noted := over or state.seconds > self.last_row + ROW_EVERY:
            validation = (
                held_out_loss(state.ema, *self.kept, self.objective, self.compute.autocast) if self.kept else math.nan
            )
            self.log.add((state.images, state.seconds, sum(self.losses) / len(self.losses), validation, progress.lr))
            self.losses, self.last_row = [], state.seconds
        if over or state.seconds > 60 * 2**self.sheets:
            self.sheets += 1
            self.recipe.show(self, 16, self.args.out / f"sheet_{state.images:08d}.png")
        if over or state.seconds > self.last_save + SAVE_EVERY:
            self.keep()
        return noted

    def keep(self):
        """Save the run; a full disk costs this save and not the training."""
        self.last_save = self.state.seconds
        keep(self.file, self.state, sheets=self.sheets, start=self.args.start)


def begin(recipe, args):
    """Read the images, build the network or take one that is there, and go back to where an earlier part of the run left off."""
    file, compute = earlier(args), choose(args.device)
    args.start = args.start or (read_facts(file).get("start") if file.exists() else None)
    start = load(args.start, compute=Compute(torch.device("cpu"))) if args.start else None
    recipe = like(start.card, recipe) if start else recipe
    recipe = replace(recipe, size=args.size or recipe.size)
    images = load_images(args.data, recipe.size, tqdm.write, recipe.public)
    if not recipe.labels:
        images = replace(images, labels=None, classes=recipe.conditions, attributes=())
    if len(images) < FEW:
        tqdm.write(
            f"{len(images)} images are few: the model will learn them by heart and draw little else; {FEW} or more are better."
        )
    net, objective = build(recipe, images)
    if wrong := recipe.size % (multiple := net.size_multiple):
        raise ValueError(
            f"Height and width of this network's images are divisible by {multiple}: try --size {recipe.size - wrong or multiple}."
        )
    if start:
        net.load_state_dict(taken_over(start, net, images.classes or images.attributes))
    return Run(recipe, args, compute, images.to(compute.device), objective, *under_way(file, compute.place(net), args))


def earlier(args):
    """Name the file that keeps the training; raises Unusable if there is one that nobody asked to go on with."""
    file = args.out / "run.safetensors"
    if file.exists() and not args.resume:
        raise Unusable(f"{file} holds an earlier training: add --resume to go on with it, or choose another --out.")
    return file


def under_way(file, net, args):
    """Begin to train a network, or go on with what the file keeps: the learner, its log, and how many sheets there are."""
    state, log = train_state(net), Log(args.out)
    sheets = load_run(file, state)["sheets"] if file.exists() else 0
    log.forget_after(state.images)
    return state, log, sheets


def fraction(train_state, args):
    """Say how much of the training is over: 0 at the beginning, 1 at the end."""
    return train_state.images / args.images if args.images else train_state.seconds / (60 * args.minutes)


def keep(file, state, **facts):
    """Save the run; a full disk costs this save and not the training."""
    try:
        save_run(file, state, facts)
    except OSError as problem:
        tqdm.write(
            f"Not saved ({problem.strerror}): the last whole state stays, training goes on; make room on the disk."
        )


def finish(run):
    """Write the weights, the card, a sheet of 64 images that nobody picked, how the first eight grew, and the curve."""
    state, out, compute = run.state, run.args.out, run.compute
    seen = {
        "images_seen": state.images,
        "steps": state.step,
        "minutes": round(state.seconds / 60, 1),
        "device": str(compute),
    }
    last = dict(zip(COLUMNS, map(float, run.log.rows[-1]), strict=True))
    losses = {
        "loss": last["loss"],
        "validation_loss": None if math.isnan(last["validation_loss"]) else last["validation_loss"],
    }
    card = save(out, replace(run.card(**seen, **losses), **run.recipe.measure(run)), run.learned)
    run.recipe.show(run, 64, out / f"{card.name}.png")
    grown = [np.asarray(Image.open(path))[: run.recipe.size] for path in sorted(out.glob("sheet_*.png"))]
    Image.fromarray(np.concatenate(grown)).save(out / f"{card.name}.growth.png")
    curve = np.array(run.log.rows, dtype=float)
    training_curve(curve[:, 0], curve[:, 2], curve[:, 3]).savefig(out / f"{card.name}.curve.png")
    tqdm.write(f"{out / card.name}.safetensors, its card and a sheet of 64 images are written.")
