"""What is attention good for? `python -m benchmarks.attention`

Compares the simple U-Net, the attention U-Net, and the latter with attention switched off: equal images seen in
training, the same classes, seeds and sampling steps. Switched off means: the same weights, and every attention layer
returns its input; that shows how much the trained network relies on attention.
"""

import argparse
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from benchmarks.timing import median
from diffusion_edu.checkpoints import OWN, PRETRAINED, Model, load
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.report import Reference, class_accuracy_scores, distance_scores
from diffusion_edu.evaluation.samples import generate_samples, labels_by_frequency
from diffusion_edu.figures.comparisons import image_rows
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks.blocks import SelfAttention
from diffusion_edu.options import number

IMAGES, SHOWN = 2000, 8


def switched_off(model):
    """Copy a model, with attention layers that return their input."""
    net, off = deepcopy(model.net), "attention off"
    for stage in net.modules():
        if isinstance(getattr(stage, "self_attention", None), SelfAttention):
            stage.self_attention = nn.Identity()
    card = replace(model.card, title=f"{model.card.title}, {off}", sha256=f"{model.card.sha256}, {off}")
    return Model(card, net, model.compute)


def measure(model, images, real, feature_network, classifier, work):
    """Generate samples, compare them with real flowers, and time; returns a row of the table, and images."""
    card, preset = model.card, Preset(**model.card.sampling)
    labels = labels_by_frequency(real.class_counts, images)
    samples = generate_samples(model, preset, images, labels, work, watch=lambda parts: tqdm(parts, desc=card.title))
    scores = distance_scores(real, describe(feature_network, samples).features)
    scores |= class_accuracy_scores(classifier, samples, labels)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.net(torch.zeros(1, card.channels, card.size, card.size), torch.full((1,), 800.0))
    return scores | {
        "title": card.title,
        "parameters": sum(weight.numel() for weight in model.net.parameters()),
        "flop": counter.get_total_flops(),
        "seen": card.training["images_seen"],
        "seconds": median(lambda: list(generate(model, preset, range(8), labels[:8].tolist())), repeats=3),
        "page": grid(samples[:SHOWN], columns=SHOWN, zoom=2),
    }


def table(rows):
    """Format the rows as Markdown."""
    lines = [
        "| network | parameters | GFLOP | images seen | FD | class accuracy | s for 8 images |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r['title']} | {r['parameters'] / 1e6:.1f} M | {r['flop'] / 1e9:.2f} | {r['seen']:,} "
        f"| {r['FD']:.2f} ± {r['FD_band']:.2f} | {r['class_accuracy']:.2f} | {r['seconds']:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def caption(row):
    """Write the text beside the images of a row."""
    return (
        f"FD {row['FD']:.1f} ± {row['FD_band']:.1f}\nclass accuracy {row['class_accuracy']:.0%}\n"
        f"{row['seconds']:.2f} s for 8 images"
    )


def main(words=None):
    """Measure the three, print a table and draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention", description=__doc__)
    parser.add_argument("--images", type=number(int, 2, 50_000), default=IMAGES, help="default: 2000")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    parser.add_argument("--figure", type=Path, default=Path("benchmarks") / "attention.png")
    args = parser.parse_args(words)
    names = ("flowers_simple", "flowers_attention", "flower_features", "flower_classifier")
    simple, attention, *classifiers = (load(name) for name in names)
    real = Reference.load(PRETRAINED / "flower_reference.npz")
    models = (simple, attention, switched_off(attention))
    rows = [measure(model, args.images, real, *classifiers, args.work) for model in models]
    print(
        f"{args.images} images each; FD of half the real flowers to the other {real.floor:.2f}, "
        f"of pure noise {real.noise:.1f}\n"
    )
    print(table(rows))
    image_rows([{"name": row["title"], "words": caption(row), "page": row["page"]} for row in rows]).savefig(
        args.figure
    )


if __name__ == "__main__":
    main()
