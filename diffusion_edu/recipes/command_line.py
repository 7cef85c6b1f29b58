"""The command line of every recipe: options, progress bar, saving and resuming."""

import argparse
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.checkpoints import OWN
from diffusion_edu.recipes.run import begin, finish, finished_fraction


def parse_arguments(recipe, words=None, parents=()):
    """Read the command line of a recipe; parents are parsers of options that only this recipe has."""
    parser = argparse.ArgumentParser(
        prog=f"python -m diffusion_edu.recipes.{recipe.name}", description=f"Train: {recipe.title}.", parents=parents
    )
    data = "folders of images and parquet files (default: the public data set, downloaded once)"
    parser.add_argument("--data", nargs="+", help=data)
    minutes = "how long to train in all, earlier parts of a resumed training included (default: 120)"
    parser.add_argument("--minutes", type=positive(float), default=120, help=minutes)
    images = "how many images to train on in all, instead of --minutes: for a fair comparison"
    parser.add_argument("--images", type=positive(int), help=images)
    start = "begin with the weights of an installed model, for example to fine-tune it"
    parser.add_argument("--from", dest="start", metavar="NAME", help=start)
    size = f"height and width of the images (default: {recipe.size}; with --from that of the model)"
    parser.add_argument("--size", type=positive(int), help=size)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--resume", action="store_true", help="continue the training in --out")
    out = OWN / f"my_{recipe.name}"
    folder = f"the folder for all results; the model is named after it (default: {out})"
    parser.add_argument("--out", type=Path, default=out, help=folder)
    batch = f"images per training step (default: {recipe.batch})"
    parser.add_argument("--batch", type=positive(int), default=recipe.batch, help=batch)
    lr = f"peak learning rate (default: {recipe.lr}, a quarter of that with --from)"
    parser.add_argument("--lr", type=positive(float), help=lr)
    args = parser.parse_args(words)
    args.lr = args.lr or recipe.lr / (4 if args.start else 1)
    return args


def positive(number_type):
    """Make a function that reads a number above 0 from the command line."""

    def number(text):
        if (value := number_type(text)) > 0:
            return value
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")

    return number


def main(recipe, words=None):
    """Run a recipe from the command line; problems that a person can solve end in one sentence."""
    run_recipe(train, recipe, parse_arguments(recipe, words))


def run_recipe(train, recipe, args):
    """Train, and end in one sentence if a person must act first or has pressed Ctrl-C."""
    try:
        train(recipe, args)
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")
    except KeyboardInterrupt:
        sys.exit(f"Stopped; the training is saved in {args.out}: add --resume to continue.")


def train(recipe, args, begin=begin):
    """Train until the time is over, saving as it goes; leaves weights, card, log.csv and sheets in args.out."""
    run = begin(recipe, args)
    for progress, last, bar in training_steps(run.steps(), run.state, args, run.save):
        if run.after_step(progress, last):
            bar.set_postfix_str(f"{run.log}, {run.state.images / run.state.seconds:.0f} images/s")
    if not run.log.rows:
        raise ValueError(
            f"{run.file} is already trained for {run.state.seconds / 60:.0f} minutes and {run.state.images:,} images: "
            "choose more."
        )
    finish(run)


def training_steps(steps, state, args, save):
    """Show a progress bar with the time left; yield every Progress, whether it is the last, and the bar.

    Ctrl-C saves after a whole step and stops.
    """
    words = "{desc}: {percentage:.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    with (
        tqdm(total=1.0, initial=min(1.0, finished_fraction(state, args)), desc=args.out.name, bar_format=words) as bar,
        delayed_interrupt() as interrupted,
    ):
        for progress in steps if finished_fraction(state, args) < 1 else ():
            done = min(1.0, finished_fraction(state, args))
            bar.update(done - bar.n)
            yield progress, done == 1, bar
            if interrupted():
                save()
                raise KeyboardInterrupt
            if done == 1:
                return


@contextmanager
def delayed_interrupt():
    """Note the first Ctrl-C instead of raising it, so that no step is cut in half; the second one stops at once.

    Yields a function that says whether Ctrl-C was pressed.
    """
    pressed = []

    def note(*_):
        pressed.append(True)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
