"""How long does a training step take, with our library and two others? `python -m benchmarks.training`

One step on 32 images of 64x64: forward, backward, clipping, AdamW, EMA. Each library has its own network and loss; the
rest is the same for all. After one warm-up, the median of five rounds.
"""

from benchmarks.libraries import Contestant, contestants
from benchmarks.timing import compare, options


def main(argv=None):
    """Measure, and print a Markdown table."""
    batch, repeats = (2, 2) if options(__doc__, argv).quick else (32, 5)
    found = compare(contestants(), Contestant.training, batch, steps=1, repeats=repeats)
    print(found.table(f"images per second, batches of {batch}", lambda row: f"{batch / row.seconds:.1f}"))
    print(f"\n{found.about()}")


if __name__ == "__main__":
    main()
