"""What every training recipe does on the command line: read, train, show, save often, resume, and leave a model with its card."""

import argparse
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.checkpoints import OWN
from diffusion_edu.recipes.run import begin, finish, fraction


def arguments(recipe, words=None, own=()):
    """Read the command line of a recipe; own are parsers of options that only this recipe has."""
    about = f"Train: {recipe.title}."
    parser = argparse.ArgumentParser(
        prog=f"python -m diffusion_edu.recipes.{recipe.name}", description=about, parents=own
    )
    parser.add_argument(
        "--data",
        nargs="+",
        help="folders of images and parquet files (default: the public data set, downloaded once)",
    )
    parser.add_argument(
        "--minutes",
        type=positive(float),
        default=120,
        help="how long in all, earlier parts of a resumed run included (default: 120)",
    )
    parser.add_argument(
        "--images",
        type=positive(int),
        help="how many images to see in all, instead of --minutes: for a fair comparison",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="NAME",
        help="begin with the weights of a model that is there, for example to fine-tune it",
    )
    parser.add_argument(
        "--size",
        type=positive(int),
        help=f"height and width of the images (default: {recipe.size}; with --from that of the model)",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    out = OWN / f"my_{recipe.name}"
    parser.add_argument(
        "--out",
        type=Path,
        default=out,
        help=f"where everything goes; the model is called like this folder (default: {out})",
    )
    parser.add_argument(
        "--batch", type=positive(int), default=recipe.batch, help=f"images per step (default: {recipe.batch})"
    )
    parser.add_argument(
        "--lr", type=positive(float), help=f"peak learning rate (default: {recipe.lr}, a quarter of that with --from)"
    )
    args = parser.parse_args(words)
    args.lr = args.lr or recipe.lr / (4 if args.start else 1)
    return args


def positive(prediction_type):
    """Make a reader of numbers above 0 for the command line."""

    def number(text):
        if (value := prediction_type(text)) > 0:
            return value
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")

    return number


def main(recipe, words=None):
    """Run a recipe from the command line; problems that a person can solve end in one sentence."""
    carry_out(train, recipe, arguments(recipe, words))


def carry_out(train, recipe, args):
    """Train, and end in one sentence if a person must act first or has pressed Ctrl-C."""
    try:
        train(recipe, args)
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")
    except KeyboardInterrupt:
        sys.exit(f"Stopped; what was learned is in {args.out}: add --resume to go on.")


def train(recipe, args, begin=begin):
    """Train until the minutes are over, saving as it goes, and leave NAME.safetensors, NAME.json, log.csv and sheets in args.out."""
    run = begin(recipe, args)
    for progress, over, bar in watched(run.steps(), run.state, args, run.keep):
        if run.look_after(progress, over):
            bar.set_postfix_str(f"{run.log}, {run.state.images / run.state.seconds:.0f} images/s")
    if not run.log.rows:
        raise ValueError(
            f"{run.file} is already trained for {run.state.seconds / 60:.0f} minutes and {run.state.images:,} images: ask for more."
        )
    finish(run)


def watched(steps, state, args, save):
    """Show a bar with an estimate; yield every Progress, whether it is the last, and the bar; Ctrl-C saves after a whole step and stops."""
    words = "{desc}: {percentage:.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    with (
        tqdm(total=1.0, initial=min(1.0, fraction(state, args)), desc=args.out.name, bar_format=words) as bar,
        patient() as interrupted,
    ):
        for progress in steps if fraction(state, args) < 1 else ():
            done = min(1.0, fraction(state, args))
            bar.update(done - bar.n)
            yield progress, done == 1, bar
            if interrupted():
                save()
                raise KeyboardInterrupt
            if done == 1:
                return


@contextmanager
def patient():
    """Turn the first Ctrl-C into a wish that can be asked for, so that no step is cut in half; the second one stops at once."""
    conditions = []

    def wish(*_):
        conditions.append(True)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, wish)
    try:
        yield lambda: bool(conditions)
    finally:
        signal.signal(signal.SIGINT, before)
