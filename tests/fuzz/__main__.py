"""The command: `make fuzz`, or `python -m fuzz --count 1 --first 123 --only cards --seed 7` for one input again."""

import argparse
import logging
import secrets
import sys
from functools import partial

from tqdm import tqdm

from fuzz.harness import fuzz
from fuzz.targets import TARGETS


def main(words=None):
    """Fuzz all targets, or some; exit with 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many calls, of all targets together")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="default: a new one, printed")
    parser.add_argument("--only", choices=[target.name for target in TARGETS], action="append", help="these targets")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each target")
    args = parser.parse_args(words)
    print(f"seed {args.seed}", flush=True)
    logging.getLogger("streamlit").setLevel(logging.ERROR)  # there is no browser
    chosen = [target for target in TARGETS if not args.only or target.name in args.only]
    failures, whole = [], sum(target.fraction for target in chosen)
    for target in chosen:
        count = max(1, round(args.count * target.fraction / whole))
        numbers, slowest = range(args.first, args.first + count), 0.0
        for seconds, failure in fuzz(target, args.seed, numbers, partial(tqdm, desc=target.name)):
            slowest = max(slowest, seconds)
            if failure:
                failures.append(failure)
                again = f"--only {target.name} --seed {args.seed} --first {failure.number} --count 1"
                tqdm.write(f"\n{again}\n{failure.given}\n{failure.problem}")
        print(f"{target.name}: {count:,} inputs, slowest {slowest:.2f} s", flush=True)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
