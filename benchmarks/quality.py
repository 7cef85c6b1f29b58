"""Quality per second: FD to real flowers against the sampling time, for every sampler: `python -m benchmarks.quality`.

Seeds and classes are the same everywhere, and the guidance scale is that of the model's preset; the distance is to the
shipped statistics of the real flowers, so nothing is downloaded. Samples are cached and shared with the evaluation, so
a stopped run continues where it was.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from benchmarks.timing import median
from diffusion_edu.checkpoints import OWN, PRETRAINED, available, load, save_card
from diffusion_edu.evaluation.command_line import rounded
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.evaluation.samples import generate_samples, labels_by_frequency
from diffusion_edu.figures.comparisons import quality_per_second
from diffusion_edu.files import to_json
from diffusion_edu.generation import Preset, generate
from diffusion_edu.options import number
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES

STEPS = {
    "DDIM": (5, 10, 20),
    "DPM-Solver++": (5, 10, 15, 20),
    "Heun": (8,),
    "DDPM": (20,),
    "Euler ancestral": (10, 20),
    "Multistep renoising": (20,),
}
IMAGES, TIMED = 1000, 8
NEAR = 1.05  # times the smallest distance: all that is as near is as good, and the fastest of those is the default


def measure(model, preset, images, real, feature_network, work):
    """Generate samples, measure FD, and time a walk of 8 images; returns one row of the table."""
    labels = labels_by_frequency(real.class_counts, images)
    words = f"{preset.sampler} {preset.steps}"
    samples = generate_samples(model, preset, images, labels, work, watch=lambda parts: tqdm(parts, desc=words))
    features = describe(feature_network, samples).features
    seconds = median(lambda: list(generate(model, preset, range(TIMED), labels[:TIMED].tolist())), repeats=3)
    distances = {"FD": frechet(real.statistics, features), "FD_band": frechet_band(real.statistics, features)}
    nfe = preset.nfe(guiding=True)
    return {"sampler": preset.sampler, "steps": preset.steps, "nfe": nfe, "seconds": seconds, **distances}


def table(rows):
    """Format the rows as Markdown."""
    lines = ["| sampler | steps | NFE | s for 8 images | FD |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {r['sampler']} | {r['steps']} | {r['nfe']} | {r['seconds']:.2f} | {r['FD']:.2f} ± {r['FD_band']:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def best(rows):
    """Choose the best quality per second: the fastest of all rows whose FD is at most NEAR times the smallest."""
    good = NEAR * min(row["FD"] for row in rows)
    return min((row for row in rows if row["FD"] <= good), key=lambda row: row["seconds"])


def point(text):
    """Read a point of the figure, such as "DDPM:250"."""
    name, _, steps = text.partition(":")
    if name not in SAMPLERS or not steps.isdigit():
        raise argparse.ArgumentTypeError(f"write SAMPLER:STEPS, for example DDPM:250, not {text!r}")
    return name, int(steps)


def arguments(words=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--model", default="flowers_attention")
    parser.add_argument("--images", type=number(int, 2, 50_000), default=IMAGES, help="for each point (default: 1000)")
    points = "other points than the usual ones, for example DDPM:250 DPM-Solver++:15"
    parser.add_argument("--points", type=point, nargs="*", help=points)
    guidance = "another guidance scale than the model's own; 1 halves the NFE"
    parser.add_argument("--guidance-scale", type=number(float, 0, 100), help=guidance)
    parser.add_argument("--schedule", choices=SCHEDULES, help="another noise schedule than the model's own")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    parser.add_argument("--figure", type=Path, default=Path("benchmarks") / "quality.png")
    return parser.parse_args(words)


def main(words=None):
    """Measure every sampler at every number of steps, print a table and draw the figure."""
    args = arguments(words)
    model, feature_network = load(args.model), load("flower_features")
    real, own = Reference.load(PRETRAINED / "flower_reference.npz"), Preset(**model.card.sampling)
    guidance_scale = own.guidance_scale if args.guidance_scale is None else args.guidance_scale
    own = replace(own, guidance_scale=guidance_scale, schedule=args.schedule or own.schedule)
    points = args.points or [(name, steps) for name, usual in STEPS.items() for steps in usual]
    presets = [replace(own, sampler=name, steps=steps, options={}) for name, steps in points]
    rows = [measure(model, preset, args.images, real, feature_network, args.work) for preset in presets]
    print(
        f"{model.card.title}, {args.images} images a point, {own.schedule} schedule, "
        f"guidance scale {own.guidance_scale:g}; real to real: {real.floor:.2f}\n"
    )
    print(table(rows))
    print("\nBest quality per second: {sampler}, {steps} steps".format(**best(rows)))
    (args.figure.with_suffix(".json")).write_text(to_json(rows, indent=2))
    quality_per_second(rows, real.floor).savefig(args.figure)
    if (args.points, args.guidance_scale, args.schedule) == (None, None, None):  # the card has the usual points
        scores = model.card.scores | {"by_steps": [rounded(row) for row in rows]}
        save_card(available()[args.model].parent, replace(model.card, scores=scores))


if __name__ == "__main__":
    main()
