"""What is attention good for? Simple U-Net, attention U-Net, and the latter with its attention switched off: `python -m benchmarks.attention`.

Equal images seen in training, the same classes, seeds and steps. Switched off means: the same weights, and every
attention layer lets its input through; that shows how much the trained network leans on it.
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
from diffusion_edu.evaluation.samples import as_frequent, draw
from diffusion_edu.figures.comparisons import image_rows
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks.blocks import SelfAttention

IMAGES, SHOWN = 2000, 8


def switched_off(model):
    """Take a model whose attention layers let their input through."""
    net = deepcopy(model.net)
    for stage in [
        stage for stage in net.modules() if isinstance(getattr(stage, "self_attention", None), SelfAttention)
    ]:
        stage.self_attention = nn.Identity()
    return Model(
        replace(model.card, title=f"{model.card.title}, attention off", sha256=f"{model.card.sha256}, attention off"),
        net,
        model.compute,
    )


def measure(model, images, real, feature_network, judge, work):
    """Draw, compare with the real flowers, and time; returns the row of the table and the images to show."""
    card, preset = model.card, Preset(**model.card.sampling)
    labels = as_frequent(real.class_counts, images)
    samples = draw(model, preset, images, labels, work, watch=lambda parts: tqdm(parts, desc=card.title))
    scores = distance_scores(real, describe(feature_network, samples).features) | class_accuracy_scores(
        judge, samples, labels
    )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.net(torch.zeros(1, card.channels, card.size, card.size), torch.full((1,), 800.0))
    return scores | {
        "title": card.title,
        "parameters": sum(weight.numel() for name, weight in model.net.named_parameters()),
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
        f"| {r['title']} | {r['parameters'] / 1e6:.1f} M | {r['flop'] / 1e9:.2f} | {r['seen']:,} | {r['FD']:.2f} ± {r['FD_band']:.2f} "
        f"| {r['class_accuracy']:.2f} | {r['seconds']:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def main(words=None):
    """Measure the three, print a table and draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention", description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES, help="how many to judge (default: 2000)")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    parser.add_argument("--figure", type=Path, default=Path("benchmarks") / "attention.png")
    args = parser.parse_args(words)
    simple, attention, feature_network, judge = (
        load(name) for name in ("flowers_simple", "flowers_attention", "flower_features", "flower_classifier")
    )
    real = Reference.load(PRETRAINED / "flower_reference.npz")
    rows = [
        measure(model, args.images, real, feature_network, judge, args.work)
        for model in (simple, attention, switched_off(attention))
    ]
    print(
        f"{args.images} images each; FD of half the real flowers to the other {real.floor:.2f}, of pure noise {real.noise:.1f}\n"
    )
    print(table(rows))
    words = [
        f"FD {r['FD']:.1f} ± {r['FD_band']:.1f}\n{r['class_accuracy']:.0%} as asked for\n{r['seconds']:.2f} s for 8 images"
        for r in rows
    ]
    image_rows(
        [{"name": r["title"], "words": text, "page": r["page"]} for r, text in zip(rows, words, strict=True)]
    ).savefig(args.figure)


if __name__ == "__main__":
    main()
