"""What does a second buy? The distance to real flowers against the time to draw, for every sampler: `python -m benchmarks.quality`.

The same seeds and classes everywhere, the guidance of the model's own preset; the distance is to the shipped statistics of
the real flowers, so nothing is downloaded. Drawings are kept and shared with
the evaluation, so a stopped run goes on where it was.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from benchmarks.timing import median
from diffusion_edu.checkpoints import OWN, PRETRAINED, load
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.evaluation.samples import as_frequent, draw
from diffusion_edu.figures.comparisons import quality_per_second
from diffusion_edu.generation import Preset, generate

MOVES = {"DDIM": (5, 10, 20, 50), "DDPM": (10, 20, 50)}
PICTURES, TIMED = 1000, 8


def measure(model, preset, pictures, real, eyes, work):
    """Draw, describe, compare, and time a walk of 8 pictures; returns one row of the table."""
    labels = as_frequent(real.kinds, pictures)
    words = f"{preset.sampler} {preset.moves}"
    drawings = draw(model, preset, pictures, labels, work, watch=lambda parts: tqdm(parts, desc=words))
    features = describe(eyes, drawings).features
    seconds = median(lambda: list(generate(model, preset, range(TIMED), labels[:TIMED].tolist())), repeats=3)
    distances = {"FD": frechet(real.statistics, features), "FD_band": frechet_band(real.statistics, features)}
    return {"sampler": preset.sampler, "moves": preset.moves, "seconds": seconds, **distances}


def table(rows):
    """Format the rows as Markdown."""
    lines = ["| sampler | moves | s for 8 pictures | FD |", "| --- | --- | --- | --- |"]
    lines += [f"| {r['sampler']} | {r['moves']} | {r['seconds']:.2f} | {r['FD']:.2f} ± {r['FD_band']:.2f} |" for r in rows]
    return "\n".join(lines)


def main(words=None):
    """Measure every sampler at every number of moves, print a table and draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--model", default="flowers_attention")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="how many for each point (default: 1000)")
    parser.add_argument("--moves", type=int, nargs="*", help="other numbers of moves than the usual ones")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    parser.add_argument("--figure", type=Path, default=Path("benchmarks") / "quality.png")
    args = parser.parse_args(words)
    model, eyes, real = load(args.model), load("flower_features"), Reference.load(PRETRAINED / "flower_reference.npz")
    own = Preset(**model.card.sampling)
    presets = [replace(own, sampler=sampler, moves=moves, options={}) for sampler, usual in MOVES.items() for moves in args.moves or usual]
    rows = [measure(model, preset, args.pictures, real, eyes, args.work) for preset in presets]
    print(
        f"{model.card.title}, {args.pictures} pictures a point, guidance {own.scale:g}; FD of half the real flowers to the other: {real.floor:.2f}\n"
    )
    print(table(rows))
    (args.figure.with_suffix(".json")).write_text(json.dumps(rows, indent=2))
    quality_per_second(rows, real.floor).savefig(args.figure)


if __name__ == "__main__":
    main()
