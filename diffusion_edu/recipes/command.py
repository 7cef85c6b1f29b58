"""What every training recipe does on the command line: read, train, show, save often, resume, and leave a model with its card."""

import argparse
import csv
import math
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from diffusion_edu.checkpoints import OWN, Card, Model, Unusable, load, load_run, save, save_run
from diffusion_edu.data.images import batches, load_pictures, to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.figures.still import training_curve
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks import NETWORKS
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.training import Objective, fit, held_out_loss, learner, warm_up_and_anneal

COLUMNS = ("pictures", "seconds", "loss", "validation_loss", "lr")
SAVE_EVERY, ROW_EVERY = 120, 20  # seconds


@dataclass(frozen=True)
class Recipe:
    """The few choices that tell one training from another."""

    name: str
    title: str
    network: str
    sizes: dict
    size: int = 64
    batch: int = 32
    lr: float = 8e-4
    ema: float = 0.9995
    objective: Objective = Objective()
    sampling: Preset = Preset()
    licence: str = ""


def arguments(recipe, words=None):
    """Read the command line of a recipe."""
    parser = argparse.ArgumentParser(prog=f"python -m diffusion_edu.recipes.{recipe.name}", description=f"Train: {recipe.title}.")
    parser.add_argument("--data", help="a folder of pictures or a parquet file (default: the public data set, downloaded once)")
    parser.add_argument(
        "--minutes", type=positive(float), default=120, help="how long in all, earlier parts of a resumed run included (default: 120)"
    )
    parser.add_argument("--pictures", type=positive(int), help="how many pictures to see in all, instead of --minutes: for a fair comparison")
    parser.add_argument("--from", dest="start", metavar="NAME", help="begin with the weights of a model that is there, for example to fine-tune it")
    parser.add_argument(
        "--size",
        type=positive(int),
        default=recipe.size,
        help=f"height and width of the pictures (default: {recipe.size}; with --from that of the model)",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    out = OWN / f"my_{recipe.name}"
    parser.add_argument("--out", type=Path, default=out, help=f"where everything goes; the model is called like this folder (default: {out})")
    parser.add_argument("--batch", type=positive(int), default=recipe.batch, help=f"pictures per step (default: {recipe.batch})")
    parser.add_argument("--lr", type=positive(float), help=f"peak learning rate (default: {recipe.lr}, a quarter of that with --from)")
    args = parser.parse_args(words)
    args.lr = args.lr or recipe.lr / (4 if args.start else 1)
    return args


def positive(kind):
    """Make a reader of numbers above 0 for the command line."""

    def number(text):
        if (value := kind(text)) > 0:
            return value
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")

    return number


def main(recipe, words=None):
    """Run a recipe from the command line; problems that a person can solve end in one sentence."""
    args = arguments(recipe, words)
    try:
        train(recipe, args)
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")
    except KeyboardInterrupt:
        sys.exit(f"Stopped; everything up to the last save is in {args.out}: add --resume to go on.")


def train(recipe, args):
    """Train until the minutes are over, saving as it goes, and leave NAME.safetensors, NAME.json, log.csv and sheets in args.out."""
    run, compute = args.out / "run.safetensors", choose(args.device)
    if run.exists() and not args.resume:
        raise Unusable(f"{run} holds an earlier training: add --resume to go on with it, or choose another --out.")
    start = load(args.start, compute=Compute(torch.device("cpu"))) if args.start else None
    recipe = replace(recipe, size=args.size) if start is None else like(start.card, recipe)
    pictures = load_pictures(args.data, recipe.size, tell=tqdm.write)
    if start and list(pictures.classes) != start.card.classes:
        pictures = replace(pictures, labels=None, classes=())  # other kinds than the model knows: learn them as "anything"
    kept, trained_on = apart(pictures.to(compute.device))
    net, objective = build(recipe, pictures)
    if start:
        net.load_state_dict(start.net.state_dict())
    state, log = learner(compute.place(net)), Log(args.out)
    sheets = load_run(run, state)["sheets"] if run.exists() else 0
    log.forget_after(state.pictures)
    forward = torch.compile(net) if compute.device.type == "cuda" else net
    stream = batches(trained_on, args.batch, state.generator)
    lr = warm_up_and_anneal(args.lr, lambda learner: share(learner, args))
    steps = fit(state, stream, lambda _, *rest: objective(forward, *rest), lr, recipe.ema, autocast=compute.autocast)
    bar = tqdm(
        total=1.0,
        initial=min(1.0, share(state, args)),
        desc=recipe.name,
        bar_format="{desc}: {percentage:.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
    )
    losses, last_row, last_save = [], state.seconds, state.seconds
    while share(state, args) < 1:
        progress = next(steps)
        losses.append(progress.loss)
        over = share(state, args) >= 1
        bar.update(min(1.0, share(state, args)) - bar.n)
        if not math.isfinite(progress.loss):
            raise ValueError(f"The loss became {progress.loss} after {progress.pictures} pictures: start again from {run} with a smaller --lr.")
        if over or state.seconds > last_row + ROW_EVERY:
            validation = held_out_loss(state.ema, *kept, objective, compute.autocast) if kept else math.nan
            log.add((state.pictures, state.seconds, sum(losses) / len(losses), validation, progress.lr))
            bar.set_postfix_str(f"{log}, {state.pictures / state.seconds:.0f} pictures/s")
            losses, last_row = [], state.seconds
        if over or state.seconds > 60 * 2**sheets:
            sheets += 1
            sheet(Model(describe(recipe, args, pictures), state.ema, compute), range(16), args.out / f"sheet_{state.pictures:08d}.png")
        if over or state.seconds > last_save + SAVE_EVERY:
            keep(run, state, sheets)
            last_save = state.seconds
    bar.close()
    if not log.rows:
        raise ValueError(f"{run} is already trained for {state.seconds / 60:.0f} minutes and {state.pictures:,} pictures: ask for more.")
    finish(recipe, args, state, pictures, compute, log)


def share(learner, args):
    """Say how much of the training is over: 0 at the beginning, 1 at the end."""
    return learner.pictures / args.pictures if args.pictures else learner.seconds / (60 * args.minutes)


def like(card, recipe):
    """Change a recipe so that it trains the network of a card further: the same sizes, target and preset."""
    return replace(
        recipe,
        network=card.network,
        sizes=card.sizes,
        size=card.size,
        objective=replace(recipe.objective, kind=card.kind),
        sampling=Preset(**card.sampling),
    )


def keep(run, state, sheets):
    """Save the run; a full disk costs this save and not the training."""
    try:
        save_run(run, state, {"sheets": sheets})
    except OSError as problem:
        tqdm.write(f"Not saved ({problem.strerror}): the last whole state stays, training goes on; make room on the disk.")


def held_out(pictures):
    """Choose every 64th picture (128 at most) for the validation loss, bool (n,); none of a set of fewer than 64."""
    held = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.images.device)
    if len(pictures) >= 64:
        held[32::64][:128] = True
    return held


def apart(pictures):
    """Split a set into what is held out (images in [-1, 1] and labels, or None) and what is trained on."""
    held = held_out(pictures)
    if not held.any():
        return None, pictures
    few = pictures.take(held)
    return (to_signed(few.images), few.labels), pictures.take(~held)


def build(recipe, pictures):
    """Make the network and the objective for a set of pictures: as many classes as it has, unless the recipe says how many."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NETWORKS[recipe.network](**sizes(recipe, pictures))
    return net, objective_for(recipe, pictures)


def objective_for(recipe, pictures):
    """Tell the recipe's objective which label means "anything": the one after the last class."""
    return replace(recipe.objective, null=len(pictures.classes) or None)


def sizes(recipe, pictures):
    """Say how large the network is to be."""
    return {"classes": len(pictures.classes), **recipe.sizes}


def draw(model, seeds, batch=32):
    """Draw one picture per seed by the card's own preset, the classes taking turns; uint8 (n, 3, size, size)."""
    seeds, drawn = list(seeds), []
    for some in (seeds[at : at + batch] for at in range(0, len(seeds), batch)):
        *_, last = generate(model, Preset(**model.card.sampling), some, asked(model.card, some))
        drawn.append(to_bytes(last.x).cpu())
    return torch.cat(drawn)


def asked(card, seeds):
    """Choose the class that each seed is asked for, so that neighbours differ and all take their turn; None in a model without classes."""
    return [37 * seed % len(card.classes) for seed in seeds] if card.classes else None


def sheet(model, seeds, path):
    """Draw one picture per seed and save them side by side, eight in a row."""
    Image.fromarray(grid(draw(model, seeds), columns=8)).save(path)


class Log:
    """The training curve as a CSV file."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.csv"
        self.rows = list(csv.reader(self.path.open()))[1:] if self.path.exists() else []

    def forget_after(self, pictures):
        """Drop the rows that a killed run wrote after its last save."""
        self.rows = [row for row in self.rows if int(row[0]) <= pictures]
        with self.path.open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *self.rows])

    def __str__(self):
        return f"loss {float(self.rows[-1][2]):.4f}, validation {float(self.rows[-1][3]):.4f}"

    def add(self, row):
        """Append one row, numbers rounded to six digits."""
        self.rows.append([str(row[0]), *(f"{value:.6g}" for value in row[1:])])
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(self.rows[-1])


def describe(recipe, args, pictures, **training):
    """Write the card of the model that a recipe trains on these pictures; it is called like the folder it goes to."""
    name = args.out.resolve().name
    return Card(
        name=name,
        title=recipe.title if name == recipe.name else f"{recipe.title}: {name}",
        network=recipe.network,
        sizes=sizes(recipe, pictures),
        kind=recipe.objective.kind,
        size=recipe.size,
        classes=list(pictures.classes),
        sampling=asdict(recipe.sampling),
        data={"source": pictures.source, "pictures": len(pictures), "held_out": int(held_out(pictures).sum())},
        training={"batch": args.batch, "lr": args.lr, "ema": recipe.ema, "objective": asdict(objective_for(recipe, pictures)), **training},
        licence=recipe.licence,
    )


def finish(recipe, args, state, pictures, compute, log):
    """Write the weights, the card, a sheet of 64 pictures that nobody picked, how the first eight grew, and the curve."""
    seen = {"pictures_seen": state.pictures, "steps": state.step, "minutes": round(state.seconds / 60, 1), "device": str(compute)}
    last = dict(zip(COLUMNS, map(float, log.rows[-1]), strict=True))
    losses = {"loss": last["loss"], "validation_loss": None if math.isnan(last["validation_loss"]) else last["validation_loss"]}
    card = save(args.out, describe(recipe, args, pictures, **seen, **losses), state.ema)
    sheet(Model(card, state.ema, compute), range(64), args.out / f"{card.name}.png")
    grown = [np.asarray(Image.open(path))[: recipe.size] for path in sorted(args.out.glob("sheet_*.png"))]
    Image.fromarray(np.concatenate(grown)).save(args.out / f"{card.name}.growth.png")
    curve = np.array(log.rows, dtype=float)
    training_curve(curve[:, 0], curve[:, 2], curve[:, 3]).savefig(args.out / f"{card.name}.curve.png")
    tqdm.write(f"{args.out / card.name}.safetensors, its card and a sheet of 64 pictures are written.")
