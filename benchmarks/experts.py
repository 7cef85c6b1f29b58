"""Are two experts better than one network with the same extra training? `python -m benchmarks.experts --single NAME`.

All three come from flowers_simple: the network unchanged, the same network trained further on as many images as both
experts together, and the two experts. Seeds, classes and NFE are the same; the result goes into the card of the
experts.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.checkpoints import OWN, PRETRAINED, available, load, save_card
from diffusion_edu.evaluation.command_line import rounded
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.report import Reference, class_accuracy_scores, distance_scores
from diffusion_edu.evaluation.samples import generate_samples, labels_by_frequency
from diffusion_edu.generation import Preset
from diffusion_edu.options import number

IMAGES = 2000


def measure(name, real, images, work):
    """Generate samples of a model and score them; returns a row."""
    model, feature_network, classifier = (load(one) for one in (name, "flower_features", "flower_classifier"))
    labels, preset = labels_by_frequency(real.class_counts, images), Preset(**model.card.sampling)
    samples = generate_samples(model, preset, images, labels, work, watch=lambda parts: tqdm(parts, desc=name))
    scores = distance_scores(real, describe(feature_network, samples).features)
    scores |= class_accuracy_scores(classifier, samples, labels)
    row = {"model": model.card.title, "images_seen": model.card.training["images_seen"]}
    return row | rounded({score: scores[score] for score in ("FD", "FD_band", "class_accuracy")})


def table(rows):
    """Format the rows as Markdown."""
    lines = ["| model | extra images seen | FD | class accuracy |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {r['model']} | {r['extra']:,} | {r['FD']:.2f} ± {r['FD_band']:.2f} | {r['class_accuracy']:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def main(words=None):
    """Measure the three, print a table and write it into the card of the experts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experts", description=__doc__)
    parser.add_argument("--single", default="my_flowers_simple", help="the single network with the same extra training")
    parser.add_argument("--experts", default="flowers_experts")
    parser.add_argument("--images", type=number(int, 2, 50_000), default=IMAGES)
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    args = parser.parse_args(words)
    real = Reference.load(PRETRAINED / "flower_reference.npz")
    rows = [measure(name, real, args.images, args.work) for name in ("flowers_simple", args.single, args.experts)]
    for row, title in zip(rows, ("one network, unchanged", "one network, trained further", "two experts"), strict=True):
        row.update(model=title, extra=0 if row is rows[0] else row["images_seen"])
    print(table(rows))
    card = load(args.experts).card
    compared = {"experts": rows, "experts_command": "python -m benchmarks.experts"}
    save_card(available()[args.experts].parent, replace(card, scores=card.scores | compared))


if __name__ == "__main__":
    main()
