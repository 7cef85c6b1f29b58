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
from diffusion_edu.checkpoints import OWN, PRETRAINED, available, load, save_card
from diffusion_edu.evaluation.command import rounded
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.evaluation.samples import as_frequent, draw
from diffusion_edu.figures.comparisons import quality_per_second
from diffusion_edu.generation import Preset, generate
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES

MOVES = {
    "DDIM": (5, 10, 20),
    "DPM-Solver++": (5, 10, 15, 20),
    "Heun": (8,),
    "DDPM": (20,),
    "Euler ancestral": (10, 20),
    "Renoise": (20,),
}
PICTURES, TIMED = 1000, 8
NEAR = 1.05  # of the smallest distance: what comes this near is as good, and the fastest of those is the default


def measure(model, preset, pictures, real, eyes, work):
    """Draw, describe, compare, and time a walk of 8 pictures; returns one row of the table."""
    labels = as_frequent(real.kinds, pictures)
    words = f"{preset.sampler} {preset.moves}"
    drawings = draw(model, preset, pictures, labels, work, watch=lambda parts: tqdm(parts, desc=words))
    features = describe(eyes, drawings).features
    seconds = median(lambda: list(generate(model, preset, range(TIMED), labels[:TIMED].tolist())), repeats=3)
    distances = {"FD": frechet(real.statistics, features), "FD_band": frechet_band(real.statistics, features)}
    asked = preset.evaluations(guiding=True)
    return {"sampler": preset.sampler, "moves": preset.moves, "evaluations": asked, "seconds": seconds, **distances}


def table(rows):
    """Format the rows as Markdown."""
    lines = ["| sampler | moves | evaluations | s for 8 pictures | FD |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {r['sampler']} | {r['moves']} | {r['evaluations']} | {r['seconds']:.2f} | {r['FD']:.2f} ± {r['FD_band']:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def best(rows):
    """Choose the best quality per second: the fastest of all rows whose distance is as good as the smallest."""
    good = NEAR * min(row["FD"] for row in rows)
    return min((row for row in rows if row["FD"] <= good), key=lambda row: row["seconds"])


def point(text):
    """Read a point of the figure, such as "DDPM:250"."""
    name, _, moves = text.partition(":")
    if name not in SAMPLERS or not moves.isdigit():
        raise argparse.ArgumentTypeError(f"write SAMPLER:MOVES, for example DDPM:250, not {text!r}")
    return name, int(moves)


def main(words=None):
    """Measure every sampler at every number of moves, print a table and draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--model", default="flowers_attention")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="how many for each point (default: 1000)")
    parser.add_argument(
        "--points", type=point, nargs="*", help="other points than the usual ones, for example DDPM:250 DPM-Solver++:15"
    )
    parser.add_argument(
        "--guidance", type=float, help="another guidance than the model's own; 1 needs half the evaluations"
    )
    parser.add_argument("--schedule", choices=SCHEDULES, help="another schedule than the model's own")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    parser.add_argument("--figure", type=Path, default=Path("benchmarks") / "quality.png")
    args = parser.parse_args(words)
    model, eyes, real = load(args.model), load("flower_features"), Reference.load(PRETRAINED / "flower_reference.npz")
    own = Preset(**model.card.sampling)
    own = replace(
        own, scale=own.scale if args.guidance is None else args.guidance, schedule=args.schedule or own.schedule
    )
    points = args.points or [(name, moves) for name, usual in MOVES.items() for moves in usual]
    presets = [replace(own, sampler=name, moves=moves, options={}) for name, moves in points]
    rows = [measure(model, preset, args.pictures, real, eyes, args.work) for preset in presets]
    print(
        f"{model.card.title}, {args.pictures} pictures a point, {own.schedule} schedule, guidance {own.scale:g}; real to real: {real.floor:.2f}\n"
    )
    print(table(rows))
    print("\nBest quality per second: {sampler}, {moves} moves".format(**best(rows)))
    (args.figure.with_suffix(".json")).write_text(json.dumps(rows, indent=2))
    quality_per_second(rows, real.floor).savefig(args.figure)
    if (args.points, args.guidance, args.schedule) == (None, None, None):  # the usual points belong into the card
        save_card(
            available()[args.model].parent,
            replace(model.card, scores=model.card.scores | {"by_moves": [rounded(row) for row in rows]}),
        )


if __name__ == "__main__":
    main()
