"""Small first, or large at once? Flowers of 128x128 by a cascade, by bicubic, and by a model that draws large: `python -m benchmarks.cascade`.

All draw the same kinds, as frequent as among the real images, from seeds 0, 1, ... Two distances to real images: of whole images,
scaled down to what the classifier was trained on, which see shapes and colours; and of patches at full resolution, which see detail.
"""

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.timing import median
from diffusion_edu.checkpoints import OWN, load
from diffusion_edu.data.images import load_images, to_bytes, to_signed
from diffusion_edu.editing.super_resolution import cascade, enlarge, enlarged
from diffusion_edu.evaluation.patches import detail, patch_features
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.super_resolution import Enlarger
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.report import halves
from diffusion_edu.evaluation.samples import as_frequent, digest, draw
from diffusion_edu.generation import Preset, generate

KINDS = {
    "daisy": "oxeye daisy",
    "dandelion": "common dandelion",
    "rose": "rose",
    "sunflower": "sunflower",
}  # in both sets of flowers
IMAGES, TIMED = 400, 8


@dataclass(frozen=True)
class Way:
    """One way to large images: its name, what it made, uint8 (n, 3, h, w), how often it asks networks, in words, and a function that makes 8."""

    name: str
    images: torch.Tensor
    nfe: str
    work: object


def ways(drawer, enlarger, direct, labels, args):
    """Draw flowers of kinds labels (n,), indices into KINDS, in every way."""
    watch = lambda parts, words="": tqdm(parts, desc=words)  # noqa: E731 - a bar with words
    names, seeds = [list(class_names) for class_names in (KINDS.values(), KINDS)], range(TIMED)
    told = [
        torch.tensor([model.card.classes.index(class_names[k]) for k in labels])
        for model, class_names in zip((drawer, direct), names, strict=True)
    ]
    first, second, large = (Preset(**model.card.sampling) for model in (drawer, enlarger, direct))
    small = draw(drawer, first, len(labels), told[0], args.work, watch=partial(watch, words="small"))
    folder = args.work / f"{enlarger.card.name}-{digest(enlarger.card.sha256, vars(second))}"
    by_network = Enlarger(enlarger, second, folder, watch).sampled(small, args.fraction)
    at_once = draw(direct, large, len(labels), told[1], args.work, watch=partial(watch, words="direct"))

    def begin():
        return generate(drawer, first, seeds, told[0][:TIMED])

    def whole():
        return list(cascade(begin(), lambda x: enlarge(enlarger, second, x, seeds, args.fraction, hold=True)))

    config = small.shape[-1], at_once.shape[-1]
    asked = f"{first.nfe(True)} at {config[0]}"
    return [
        Way("small, then bicubic", to_bytes(enlarged(to_signed(small))), asked, lambda: list(begin())),
        Way("small, then the network", by_network, f"{asked} + {second.nfe(True)} at {config[1]}", whole),
        Way(
            "large at once",
            at_once,
            f"{large.nfe(True)} at {config[1]}",
            lambda: list(generate(direct, large, seeds, told[1][:TIMED])),
        ),
    ]


def measure(way, real, feature_network, known):
    """Time one way and compare what it made with real images; known are their features, as whole images and as patches."""
    seen = describe(feature_network, way.images).features, patch_features(feature_network, way.images)
    distances = [(frechet(there, here), frechet_band(there, here)) for there, here in zip(known, seen, strict=True)]
    return [
        way.name,
        way.nfe,
        f"{median(way.work, repeats=3):.1f}",
        *(f"{fd:.2f} ± {band:.2f}" for fd, band in distances),
        _fraction(way.images, real),
    ]


def _fraction(images, real):
    return f"{detail(images, real):.0%}"


def table(rows):
    """Format the rows as Markdown."""
    heads = ["way", "evaluations", f"s for {TIMED} images", "FD, whole", "FD, patches", "gradient energy"]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])


def main(words=None):
    """Draw, compare and time; print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    parser.add_argument(
        "--data", help="real flowers: a parquet file or a folder (default: the five flowers, downloaded once)"
    )
    parser.add_argument("--images", type=int, default=IMAGES, help=f"how many of each way (default: {IMAGES})")
    parser.add_argument(
        "--models",
        nargs=3,
        default=["flowers_attention", "super_resolution", "flowers_128"],
        help="small, enlarging and large",
    )
    parser.add_argument("--features", default="flower_features")
    parser.add_argument("--share", type=float, default=0.1, help="of noise on the small images (default: 0.1)")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    args = parser.parse_args(words)
    try:
        compare(args)
    except ValueError as problem:
        sys.exit(f"{problem}")


def compare(args):
    """Measure every way, and real images against one another."""
    *models, feature_network = (load(name) for name in (*args.models, args.features))
    drawer, enlarger, direct = models
    images = load_images(args.data, direct.card.size, partial(print, file=sys.stderr), "five flowers")
    if not set(KINDS) <= set(images.classes):
        raise ValueError(f"The real images must be flowers with these kinds among their classes: {', '.join(KINDS)}.")
    wanted = [images.classes.index(prediction_type) for prediction_type in KINDS]
    real = images.take(torch.isin(images.labels, torch.tensor(wanted)))
    counts = real.labels.bincount(minlength=len(images.classes))[wanted]
    known = describe(feature_network, real.images).features, patch_features(feature_network, real.images)
    sampled = ways(drawer, enlarger, direct, as_frequent(counts, args.images).tolist(), args)
    rows = [measure(way, real.images, feature_network, known) for way in sampled]
    rows.append(
        [
            f"one half of {len(real)} real ones to the other",
            "",
            "",
            *(f"{frechet(*halves(features)):.2f}" for features in known),
            "100%",
        ]
    )
    print(
        f"{args.images} flowers of the kinds {', '.join(KINDS)}; features of {feature_network.card.name}\n\n{table(rows)}"
    )


if __name__ == "__main__":
    main()
