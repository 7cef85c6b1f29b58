"""The command line of every recipe: options, progress bar, saving and resuming."""

import argparse
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import torch
from tqdm import tqdm

from diffusion_edu.checkpoints import OWN, Unusable
from diffusion_edu.files import plain_name
from diffusion_edu.options import number
from diffusion_edu.recipes import resuming
from diffusion_edu.recipes.folder import Folder
from diffusion_edu.recipes.results import finish, is_written
from diffusion_edu.recipes.run import begin, finished_fraction
from diffusion_edu.recipes.writing import Forgiving, in_words, keep

MINUTES = number(float, 1e-4, 1e6)
COUNT = number(int, 1, 10**12)
RATE = number(float, 1e-9, 1.0)  # AdamW changes every weight by about this much per step, and most are smaller than 1


def basic_parser(recipe, minutes=120, parents=()):
    """Make the parser of the options that all recipes have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m diffusion_edu.recipes.{recipe.name}", description=f"Train: {recipe.title}.", parents=parents
    )
    data = "folders of images and parquet files (default: the public data set, downloaded once)"
    parser.add_argument("--data", nargs="+", help=data)
    words = f"how long to train in all, earlier parts of a resumed training included (default: {minutes})"
    parser.add_argument("--minutes", type=MINUTES, help=words)
    images = "how many images to train on in all, instead of --minutes: for a fair comparison"
    parser.add_argument("--images", type=COUNT, help=images)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    resume = "continue the training in --out, with the options it began with; minutes, images, batch and lr may change"
    parser.add_argument("--resume", action="store_true", help=resume)
    out = OWN / f"my_{recipe.name}"
    folder = f"the folder for all results; the model is named after it (default: {out})"
    parser.add_argument("--out", type=some_folder, metavar="FOLDER", default=out, help=folder)
    return parser


def some_folder(text):
    """Read the name of a folder from the command line; none at all would mean the current one."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must name a folder, and this is empty")
    return Path(text)


def parse_arguments(recipe, words=None, parents=()):
    """Read the command line of a recipe; parents are parsers of options that only this recipe has."""
    parser = basic_parser(recipe, parents=parents)
    start = "begin with the weights of an installed model, for example to fine-tune it"
    parser.add_argument("--from", dest="start", metavar="NAME", help=start)
    size = f"height and width of the images (default: {recipe.size}; with --from that of the model)"
    parser.add_argument("--size", type=COUNT, help=size)
    parser.add_argument("--batch", type=COUNT, help=f"images per training step (default: {recipe.batch})")
    lr = f"peak learning rate (default: {recipe.lr}, a quarter of that with --from)"
    parser.add_argument("--lr", type=RATE, help=lr)
    args = with_earlier(parser, recipe, words)
    args.batch = args.batch or recipe.batch
    args.lr = args.lr or recipe.lr / (4 if args.start else 1)
    return args


def with_earlier(parser, recipe, words=None, minutes=120):
    """Parse the command line; options that a resumed training began with need not be given again.

    args.earlier are the facts of that training, or None. Ends with one sentence if it cannot go on like this.
    """
    args = parser.parse_args(words)
    with one_sentence():
        folder = Folder(args.out)
        plain_name(folder.name)
        folder.check_place()
        earlier = resuming.earlier_training(folder, recipe, args.resume)
        if earlier:
            known = {name: value for name, value in earlier["options"].items() if hasattr(args, name)}
            if args.minutes and not args.images:
                known["images"] = None  # the end is given anew
            parser.set_defaults(**known)
            args = parser.parse_args(words)
            resuming.refuse_other_options(known, resuming.options_of(args), args.out, tqdm.write)
        folder.check_apart([*(args.data or ()), *(getattr(args, "captions", None) or ())])
    args.earlier = earlier
    args.minutes = args.minutes or minutes
    return args


@contextmanager
def one_sentence():
    """End the program with one sentence where a person must act first."""
    try:
        yield
    except OSError as problem:
        sys.exit(f"{in_words(problem)}.")
    except ValueError as problem:
        sys.exit(f"{problem}")
    except (MemoryError, torch.OutOfMemoryError) as problem:
        reason = str(problem).strip().partition("\n")[0][:200]
        sys.exit(f"The memory is full ({reason}): choose a smaller --batch or --size, or fewer images.")


def main(recipe, words=None):
    """Run a recipe from the command line; problems that a person can solve end in one sentence."""
    run_recipe(train, recipe, parse_arguments(recipe, words))


def run_recipe(train, recipe, args):
    """Train, and end in one sentence if a person must act first or has stopped the training."""
    folder = Folder(args.out)
    try:
        with one_sentence(), signals(signal.default_int_handler), folder.occupied():
            train(recipe, args)
    except Stopped as stopped:
        sys.exit(f"{stopped}")
    except KeyboardInterrupt:
        kept = folder.state.exists()
        saved = f"{args.out} holds the last saved state: add --resume to continue" if kept else "nothing was saved"
        sys.exit(f"Stopped; {saved}.")


class Stopped(KeyboardInterrupt):
    """A training was stopped after a whole step and is saved; the message is one sentence."""


def train(recipe, args, begin=begin):
    """Train until the time is over, saving as it goes; leaves a model in args.out, and in training/ what it needs to
    go on.
    """
    refuse_finished(args)
    try:
        run = begin(recipe, args)
    except ValueError:
        resuming.refuse_missing_data(args)
        raise
    for progress, last, bar in training_steps(run):
        if run.after_step(progress, last):
            bar.set_postfix_str(run.progress)
    finish(run)


def refuse_finished(args):
    """Raise Unusable if the training to continue is over, and its model is written."""
    if not args.earlier:
        return
    seen = SimpleNamespace(**{name: args.earlier[name] for name in ("images", "seconds")})
    if finished_fraction(seen, args) >= 1 and is_written(Folder(args.out), seen.images):
        raise Unusable(
            f"The training in {args.out} has already seen {seen.images:,} images in {seen.seconds / 60:.3g} minutes: "
            "nothing is left to do; give a larger --images or --minutes."
        )


def training_steps(run):
    """Show a progress bar with the time left; yield every Progress, whether it is the last, and the bar.

    Ctrl-C, and a signal to end, saves after a whole step and stops.
    """
    state, args = run.state, run.args
    words = "{desc}: {percentage:.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    fraction = min(1.0, finished_fraction(state, args))
    bar = tqdm(total=1.0, initial=fraction, desc=args.out.name, bar_format=words, file=Forgiving(sys.stderr))
    with bar, noted_signals() as noted:
        for progress in run.steps() if fraction < 1 else ():
            done = min(1.0, finished_fraction(state, args))
            bar.update(done - bar.n)
            yield progress, done == 1, bar
            if noted:
                place = keep(run.folder, run.write_state)
                raise Stopped(f"Stopped; the training is saved in {place.out}: add --resume to continue.")
            if done == 1:
                return


@contextmanager
def signals(handler):
    """Handle Ctrl-C and the signals that ask a program to end: kill, a batch system, a terminal that is closed."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    heard = [number for number in numbers if before[number] is not signal.SIG_IGN]  # nohup ignores SIGHUP
    try:
        for number in heard:
            signal.signal(number, handler)
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


@contextmanager
def noted_signals():
    """Note the first signal to end instead of obeying it, so that no step is cut in half; the second one stops at once.

    Yields the list of what was noted.
    """
    noted = []

    def note(number, frame):
        if noted:
            signal.default_int_handler(number, frame)
        noted.append(number)

    with signals(note):
        yield noted
