"""What every training recipe does on the command line: read, train, show, save often, resume, and leave a model with its card."""

import argparse
import csv
import json
import math
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from diffusion_edu.checkpoints import OWN, Card, Unusable, load_run, save, save_run
from diffusion_edu.core import walk
from diffusion_edu.data.images import batches, load_pictures, to_bytes, to_signed
from diffusion_edu.denoisers import NeuralDenoiser, clipped, guided
from diffusion_edu.networks import NETWORKS
from diffusion_edu.randomness import SeededNoise, choose
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import cosine, spaced
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
    sampling: dict = field(default_factory=lambda: {"schedule": "cosine", "T": 1000, "sampler": "ddim", "moves": 20, "scale": 2.0})
    licence: str = ""


def arguments(recipe, words=None):
    """Read the command line of a recipe."""
    parser = argparse.ArgumentParser(prog=f"python -m diffusion_edu.recipes.{recipe.name}", description=f"Train: {recipe.title}.")
    parser.add_argument("--data", help="a folder of pictures or a parquet file (default: the public data set, downloaded once)")
    parser.add_argument("--minutes", type=float, default=120, help="how long to train in all, earlier parts of a resumed run included (default: 120)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--out", type=Path, default=OWN / recipe.name, help=f"where everything goes (default: {OWN / recipe.name})")
    parser.add_argument("--batch", type=int, default=recipe.batch, help=f"pictures per step (default: {recipe.batch})")
    parser.add_argument("--lr", type=float, default=recipe.lr, help=f"peak learning rate (default: {recipe.lr})")
    return parser.parse_args(words)


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
    pictures = load_pictures(args.data, recipe.size, tell=tqdm.write)
    compute = choose(args.device)
    kept, trained_on = apart(pictures.to(compute.device))
    net, objective = build(recipe, pictures)
    state = learner(compute.place(net))
    run, log = args.out / "run.safetensors", Log(args.out)
    if run.exists() and not args.resume:
        raise Unusable(f"{run} holds an earlier training: add --resume to go on with it, or choose another --out.")
    sheets = load_run(run, state)["sheets"] if run.exists() else 0
    log.forget_after(state.pictures)
    saved = shown = state.seconds
    lr = warm_up_and_anneal(args.lr, 60 * args.minutes)
    forward = torch.compile(net) if compute.device.type == "cuda" else net
    steps = fit(state, batches(trained_on, args.batch, state.generator), lambda _, *rest: objective(forward, *rest), lr, recipe.ema, autocast=compute.autocast)
    bar = tqdm(total=round(60 * args.minutes), initial=round(state.seconds), unit="s", desc=recipe.name)
    losses = []
    while state.seconds < 60 * args.minutes:
        progress = next(steps)
        losses.append(progress.loss)
        bar.update(int(state.seconds) - bar.n)
        if not math.isfinite(progress.loss):
            raise ValueError(f"The loss became {progress.loss} after {progress.pictures} pictures: start again from {run} with a smaller --lr.")
        if state.seconds - shown > ROW_EVERY or state.seconds >= 60 * args.minutes:
            validation = held_out_loss(state.ema, *kept, objective, compute.autocast) if kept else float("nan")
            row = (state.pictures, state.seconds, sum(losses) / len(losses), validation, progress.lr)
            log.add(row)
            bar.set_postfix_str(f"loss {row[2]:.4f}, validation {validation:.4f}, {state.pictures / state.seconds:.0f} pictures/s")
            losses, shown = [], state.seconds
        if state.seconds > 60 * 2**sheets or state.seconds >= 60 * args.minutes:
            sheets += 1
            sheet(draw(recipe, state.ema, pictures, compute, range(16)), args.out / f"sheet_{state.pictures:08d}.png", columns=8)
        if state.seconds - saved > SAVE_EVERY or state.seconds >= 60 * args.minutes:
            saved = state.seconds
            try:
                save_run(run, state, {"sheets": sheets})
            except OSError as problem:
                tqdm.write(f"Not saved ({problem.strerror}): the last whole state stays, training goes on; make room on the disk.")
    bar.close()
    finish(recipe, args, state, pictures, compute, log)


def apart(pictures):
    """Keep every 64th picture (128 at most) out of training for the validation loss; sets of fewer than 64 are all trained on."""
    if len(pictures) < 64:
        return None, pictures
    held = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.images.device)
    held[32::64][:128] = True
    few = pictures.take(held)
    return (to_signed(few.images), few.labels), pictures.take(~held)


def build(recipe, pictures):
    """Make the network and the objective for a set of pictures: as many classes as it has."""
    classes = len(pictures.classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NETWORKS[recipe.network](classes=classes, **recipe.sizes)
    return net, Objective(**{**asdict(recipe.objective), "null": classes or None})


def draw(recipe, net, pictures, compute, seeds, batch=32):
    """Draw one picture per seed with the recipe's own preset, class k for seed k; uint8 (n, 3, size, size)."""
    preset, drawn = recipe.sampling, []
    schedule, classes = cosine(preset["T"]), len(pictures.classes)
    for some in (list(seeds)[at : at + batch] for at in range(0, len(seeds), batch)):
        noise, labels = SeededNoise(some), torch.tensor([(k * 37) % classes for k in some], device=compute.device) if classes else None
        denoise = NeuralDenoiser(net, schedule, recipe.objective.kind, None, compute.autocast)
        if classes:
            denoise = guided(denoise.given(labels), denoise, preset["scale"])
        x = compute.place(noise.draw((3, recipe.size, recipe.size)))
        *_, last = walk(lambda x, t, s, d=clipped(denoise): ddim_step(d, schedule, x, t, s), x, spaced(schedule.T, preset["moves"]))
        drawn.append(to_bytes(last.x).cpu())
    return torch.cat(drawn)


def sheet(images, path, columns=8):
    """Save images uint8 (n, 3, h, w) side by side as one PNG."""
    n, _, h, w = images.shape
    page = Image.new("RGB", (columns * w, -(-n // columns) * h), "white")
    for k, image in enumerate(images):
        page.paste(Image.fromarray(image.permute(1, 2, 0).numpy()), (k % columns * w, k // columns * h))
    page.save(path)


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

    def add(self, row):
        """Append one row, numbers rounded to six digits."""
        self.rows.append([str(row[0]), *(f"{value:.6g}" for value in row[1:])])
        with self.path.open("a", newline="") as file:
            csv.writer(file).writerow(self.rows[-1])


def finish(recipe, args, state, pictures, compute, log):
    """Write the weights, the card, the sheet of 64 pictures and the curve."""
    card = Card(
        name=recipe.name,
        title=recipe.title,
        network=recipe.network,
        sizes={**recipe.sizes, "classes": len(pictures.classes)},
        kind=recipe.objective.kind,
        size=recipe.size,
        classes=list(pictures.classes),
        sampling=recipe.sampling,
        data={"source": pictures.source, "pictures": len(pictures), "held_out": len(pictures) - len(apart(pictures)[1])},
        training={
            "pictures_seen": state.pictures,
            "steps": state.step,
            "minutes": round(state.seconds / 60, 1),
            "device": str(compute),
            "batch": args.batch,
            "lr": args.lr,
            "ema": recipe.ema,
            "objective": asdict(recipe.objective),
            "loss": float(log.rows[-1][2]),
            "validation_loss": None if log.rows[-1][3] == "nan" else float(log.rows[-1][3]),
        },
        licence=recipe.licence,
    )
    save(args.out, card, state.ema)
    sheet(draw(recipe, state.ema, pictures, compute, range(64)), args.out / f"{recipe.name}.png")
    tqdm.write(json.dumps(card.training))
