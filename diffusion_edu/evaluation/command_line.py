"""What every evaluation does on the command line: the same options, and one sentence where a person must act first."""

import argparse
import json
import shlex
import sys
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.checkpoints import OWN


def parser(module, about, samples, example, sets=None):
    """Build a command line with the options that all evaluations have: samples is how many images they make if nobody says.

    sets is how many sources of real images there may be, as argparse counts them; None is one.
    """
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    made.add_argument("name", help=f"a model that is there, for example {example}")
    made.add_argument(
        "--data",
        nargs=sets,
        help="the real images: a parquet file or a folder (default: the public data set, downloaded once)",
    )
    made.add_argument(
        "--samples", type=int, default=samples, help=f"how many images to make and judge (default: {samples})"
    )
    made.add_argument(
        "--features", help="the classifier whose features are compared (default: that of the model's subject)"
    )
    made.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    made.add_argument(
        "--work", type=Path, default=OWN / "evaluation", help="where what is done is kept, to go on after a stop"
    )
    made.add_argument("--dry", action="store_true", help="print the scores and leave the card as it is")
    return made


def again(module, args, *options):
    """Write down the command that measured: files by their names, for a card that is read elsewhere."""
    sets = args.data if isinstance(args.data, list) else [args.data] if args.data else []
    data = ["--data", *(Path(part).name for part in sets)] if sets else []
    return shlex.join(["python", "-m", module, args.name, *data, *options, "--samples", str(args.samples)])


def rounded(scores):
    """Keep four digits of every number that is not whole, in dicts within dicts too."""

    def short(score):
        return (
            rounded(score) if isinstance(score, dict) else float(f"{score:.4g}") if isinstance(score, float) else score
        )

    return {name: short(score) for name, score in scores.items()}


def carry_out(judge, args):
    """Judge one model and print its scores; problems that a person can solve, and Ctrl-C, end in one sentence."""
    try:
        scores = judge(args, watch=lambda parts, words="": tqdm(parts, desc=words))
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")
    except KeyboardInterrupt:
        sys.exit(f"Stopped; what was done is in {args.work}: the same command goes on from there.")
    print(json.dumps(scores, indent=2))
