"""A cascade or one large model? Flowers of 128x128 in three ways: `python -m benchmarks.cascade`.

The ways are a small model and bicubic upsampling, a small model and super-resolution, and a model of 128x128. All
generate the same classes, as frequent as among the real images, from seeds 0, 1, ... Two distances to real images: of
whole images, scaled down to the size of the feature network, which measures shapes and colours; and of patches at full
resolution, which measures detail.
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
from diffusion_edu.editing.super_resolution import bicubic_upsample, cascade, enlarge
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.patches import patch_features, relative_gradient_energy
from diffusion_edu.evaluation.report import halves
from diffusion_edu.evaluation.samples import digest, generate_samples, labels_by_frequency
from diffusion_edu.evaluation.super_resolution import Upscaler
from diffusion_edu.generation import Preset, generate
from diffusion_edu.options import number

CLASSES = {  # in both sets of flowers
    "daisy": "oxeye daisy",
    "dandelion": "common dandelion",
    "rose": "rose",
    "sunflower": "sunflower",
}
IMAGES, TIMED = 400, 8


@dataclass(frozen=True)
class Way:
    """One way to large images: its name, its images uint8 (n, 3, h, w), its NFE in words, and a function that
    generates 8.
    """

    name: str
    images: torch.Tensor
    nfe: str
    work: object


def compare_ways(small_model, upscaler, large_model, labels, args):
    """Generate flowers of classes labels (n,), indices into CLASSES, in every way."""
    watch = lambda parts, words="": tqdm(parts, desc=words)  # noqa: E731 - a bar with words
    seeds = range(TIMED)
    small_labels, large_labels = (
        torch.tensor([model.card.classes.index(list(names)[label]) for label in labels])
        for model, names in ((small_model, CLASSES.values()), (large_model, CLASSES))
    )
    models = small_model, upscaler, large_model
    first, second, large = (Preset(**model.card.sampling) for model in models)
    bar = partial(watch, words="small")
    small = generate_samples(small_model, first, len(labels), small_labels, args.work, watch=bar)
    folder = args.work / f"{upscaler.card.name}-{digest(upscaler.card.sha256, vars(second))}"
    upscaled = Upscaler(upscaler, second, folder, watch).upscale(small, args.noise)
    bar = partial(watch, words="direct")
    direct = generate_samples(large_model, large, len(labels), large_labels, args.work, watch=bar)

    def small_walk():
        return generate(small_model, first, seeds, small_labels[:TIMED])

    def whole_cascade():
        return list(cascade(small_walk(), lambda x: enlarge(upscaler, second, x, seeds, args.noise, True)))

    def large_walk():
        return list(generate(large_model, large, seeds, large_labels[:TIMED]))

    nfe, size = f"{first.nfe(True)} at {small.shape[-1]}", direct.shape[-1]
    bicubic = to_bytes(bicubic_upsample(to_signed(small)))
    return [
        Way("small, then bicubic", bicubic, nfe, lambda: list(small_walk())),
        Way("small, then the network", upscaled, f"{nfe} + {second.nfe(True)} at {size}", whole_cascade),
        Way("large at once", direct, f"{large.nfe(True)} at {size}", large_walk),
    ]


def measure(way, real, feature_network, known):
    """Time one way and compare its images with real ones; known are the features of these, as whole images and as
    patches.
    """
    found = describe(feature_network, way.images).features, patch_features(feature_network, way.images)
    distances = [(frechet(there, here), frechet_band(there, here)) for there, here in zip(known, found, strict=True)]
    return [
        way.name,
        way.nfe,
        f"{median(way.work, repeats=3):.1f}",
        *(f"{fd:.2f} ± {band:.2f}" for fd, band in distances),
        f"{relative_gradient_energy(way.images, real):.0%}",
    ]


def table(rows):
    """Format the rows as Markdown."""
    heads = ["way", "NFE", f"s for {TIMED} images", "FD, whole", "FD, patches", "gradient energy"]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *rows])


def main(words=None):
    """Generate, compare and time; print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    data = "real flowers: a parquet file or a folder (default: the five flowers, downloaded once)"
    parser.add_argument("--data", help=data)
    parser.add_argument(
        "--images", type=number(int, 2, 50_000), default=IMAGES, help=f"of each way (default: {IMAGES})"
    )
    models = ["flowers_attention", "super_resolution", "flowers_128"]
    parser.add_argument("--models", nargs=3, default=models, help="small, super-resolution and large")
    parser.add_argument("--features", default="flower_features")
    noise = "the fraction of noise on the small images (default: 0.1)"
    parser.add_argument("--noise", type=number(float, 0, 1), default=0.1, help=noise)
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    args = parser.parse_args(words)
    try:
        compare(args)
    except ValueError as problem:
        sys.exit(f"{problem}")


def compare(args):
    """Measure every way, and real images against one another."""
    *models, feature_network = (load(name) for name in (*args.models, args.features))
    small_model, upscaler, large_model = models
    dataset = load_images(args.data, large_model.card.size, partial(print, file=sys.stderr), "five flowers")
    if not set(CLASSES) <= set(dataset.classes):
        raise ValueError(f"The real images must be flowers of these classes: {', '.join(CLASSES)}.")
    chosen = [dataset.classes.index(name) for name in CLASSES]
    real = dataset.take(torch.isin(dataset.labels, torch.tensor(chosen)))
    counts = real.labels.bincount(minlength=len(dataset.classes))[chosen]
    known = describe(feature_network, real.images).features, patch_features(feature_network, real.images)
    labels = labels_by_frequency(counts, args.images).tolist()
    ways = compare_ways(small_model, upscaler, large_model, labels, args)
    rows = [measure(way, real.images, feature_network, known) for way in ways]
    floors = [f"{frechet(*halves(features)):.2f}" for features in known]
    rows.append([f"one half of {len(real)} real ones to the other", "", "", *floors, "100%"])
    print(f"{args.images} flowers of the classes {', '.join(CLASSES)}; features of {feature_network.card.name}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
