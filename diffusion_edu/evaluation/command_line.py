"""The command line of all evaluations: options, and one sentence for problems a person can solve."""

import argparse
import math
import shlex
import sys
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.checkpoints import OWN
from diffusion_edu.files import to_json
from diffusion_edu.options import number, require_folder

MOST = 50_000  # images; they are in memory all at once
guidance_scale = number(float, 0, 100)


def base_parser(module, description, samples, example, sets=None, least=2):
    """Build a parser with the options that all evaluations have; samples is the default number of images, at least
    `least`.

    sets is how many sources of real images are allowed, as the nargs of argparse; None means one.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("name", help=f"an installed model, for example {example}")
    data = "the real images: a parquet file or a folder (default: the public data set, downloaded once)"
    parser.add_argument("--data", nargs=sets, help=data)
    many = f"how many images to generate and evaluate (default: {samples})"
    parser.add_argument("--samples", type=number(int, least, MOST), default=samples, help=many)
    features = "the feature network, a classifier whose features are compared (default: that of the model's subject)"
    parser.add_argument("--features", help=features)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    work = "the folder for intermediate results, from which a stopped evaluation continues"
    parser.add_argument("--work", type=Path, default=OWN / "evaluation", help=work)
    parser.add_argument("--dry", action="store_true", help="print the scores and do not change the card")
    return parser


def repeat_command(module, args, *options):
    """Write the command that repeats a measurement; files appear by name only, since a card is read elsewhere."""
    sets = args.data if isinstance(args.data, list) else [args.data] if args.data else []
    data = ["--data", *(Path(part).name for part in sets)] if sets else []
    return shlex.join(["python", "-m", module, args.name, *data, *options, "--samples", str(args.samples)])


def rounded(scores):
    """Round every float to four significant digits, in nested dicts and lists too.

    What could not be measured (NaN or infinite) is left out of dicts.
    """
    if isinstance(scores, dict):
        return {name: rounded(score) for name, score in scores.items() if measured(score)}
    if isinstance(scores, list):
        return [rounded(score) for score in scores]
    return float(f"{scores:.4g}") if isinstance(scores, float) else scores


def measured(score):
    """Say whether a score is not NaN or infinite."""
    return not isinstance(score, float) or math.isfinite(score)


def run_evaluation(evaluate, args):
    """Evaluate one model and print its scores; problems that a person can solve, and Ctrl-C, end in one sentence."""
    try:
        require_folder(args.work)
        scores = evaluate(args, watch=lambda parts, words="": tqdm(parts, desc=words))
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, MemoryError) and "memory" not in str(problem):
            raise
        sys.exit("There is not enough memory: give fewer --samples, or smaller images.")
    except KeyboardInterrupt:
        sys.exit(f"Stopped; intermediate results are in {args.work}: the same command continues from there.")
    print(to_json(scores, indent=2))
