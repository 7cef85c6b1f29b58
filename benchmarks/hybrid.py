"""What does a perceptual loss improve? The same network trained equally long with six losses: `python -m
benchmarks.hybrid`.

Mean squared error plus lambda times the perceptual loss (`objectives.perceptual.Hybrid`), and that alone. All networks
begin with the same weights, those of an installed model or of a small untrained network, and see the same images in the
same order, at the same noise levels with the same noise. A stopped run continues where it was.
"""

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.checkpoints import OWN, available, read_card
from diffusion_edu.evaluation.command_line import rounded
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.evaluation.prompt_sets import (
    SAMPLES_PER_PROMPT,
    generate_samples,
    load_classifiers,
    read_prompts,
    read_real_images,
)
from diffusion_edu.evaluation.text_to_image import Evaluator
from diffusion_edu.figures.comparisons import image_rows
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import load_text_to_image
from diffusion_edu.randomness import choose
from diffusion_edu.recipes import text_to_image
from diffusion_edu.recipes.command_line import COUNT, parse_arguments, train
from diffusion_edu.recipes.folder import Folder
from diffusion_edu.recipes.latents import read_latents
from diffusion_edu.training.loop import held_out_loss
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.perceptual import Hybrid

WEIGHTS = ("0", "0.25", "0.33", "1", "3", text_to_image.ALONE)
SMALL = {
    "widths": [64, 96, 128],
    "blocks": 1,
    "attention": [False, True, True],
    "patch": 1,
    "embedding": 128,
    "text": {"width": 128, "depth": 2},
}
IMAGES, SAMPLES, SHOWN, HELD_OUT = 100_000, 500, 8, 256


def arguments(words=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hybrid", description=__doc__)
    latents = "the training set: images encoded by a training of text_to_image"
    parser.add_argument("--latents", type=Path, required=True, help=latents)
    start = "begin with the weights of this model (default: none, a small network)"
    parser.add_argument("--from", dest="start", metavar="NAME", help=start)
    parser.add_argument("--data", nargs="+", help="the same images, to compare samples with")
    prompts = "a JSON file of prompts that are no captions of images: {subject: [prompt, ...]}"
    parser.add_argument("--prompts", required=True, help=prompts)
    images = f"how many images each network is trained on (default: {IMAGES})"
    parser.add_argument("--images", type=COUNT, default=IMAGES, help=images)
    samples = f"how many samples are evaluated (default: {SAMPLES})"
    parser.add_argument("--samples", type=COUNT, default=SAMPLES, help=samples)
    weights = f"of the perceptual loss (default: {' '.join(WEIGHTS)})"
    parser.add_argument("--weights", nargs="+", default=WEIGHTS, help=weights)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    work = "the folder for trained networks and samples"
    parser.add_argument("--work", type=Path, default=OWN / "hybrid", help=work)
    parser.add_argument("--figure", type=Path, default=Path("benchmarks") / "hybrid.png")
    return parser.parse_args(words)


def name_of(weight):
    """Name the loss with this weight of the perceptual loss."""
    names = {text_to_image.ALONE: "perceptual alone", "0": "MSE"}
    return names.get(weight, f"MSE + {weight} x perceptual")


def trained(args, recipe, weight):
    """Train a network with one loss, continue its training, or take the finished one; returns its folder."""
    # another number of images is another training: the learning rate falls towards its end
    folder = args.work / (args.start or "nothing") / str(args.images) / f"hybrid_{weight}"
    if done := available([folder]).get(folder.name):
        if read_card(done).training["scale"] != read_latents(args.latents).facts["scale"]:
            raise ValueError(
                f"{folder} holds a network that learned from latents of another autoencoder: choose another --work."
            )
        return folder
    words = ["--latents", args.latents, "--out", folder, "--perceptual", weight, "--images", args.images]
    words += ["--device", args.device, *(["--from", args.start] if args.start else [])]
    words += ["--resume"] if Folder(folder).state.exists() else []
    recipe_args = parse_arguments(recipe, list(map(str, words)), [text_to_image.options()])
    train(recipe, recipe_args, begin=text_to_image.begin)
    return folder


def measure(args, weight, model, evaluator, batch):
    """Generate samples with a trained TextToImage and score them: one row of the table, and its first samples."""
    bar = partial(tqdm, desc=f"sampling, {name_of(weight)}", leave=False)
    samples = generate_samples(model, model.preset, batch.prompts, args.work, bar)
    row = {"name": name_of(weight), "minutes": model.model.card.training["minutes"]}
    row |= losses(model, args.latents) | evaluator.scores(samples, batch)
    first = samples[: SHOWN * SAMPLES_PER_PROMPT : SAMPLES_PER_PROMPT]
    return rounded(row) | {"page": grid(first, columns=SHOWN)}


def losses(text_to_image, path):
    """Measure both losses of a TextToImage on held-out latents, whichever it was trained with."""
    latents, model = read_latents(path), text_to_image.model
    held = latents.held.nonzero().flatten()
    if not len(held):
        return {}
    device = model.compute.device
    x0, condition = latents.to(device).batch(held[:: -(-len(held) // HELD_OUT)].to(device))
    perceptual = Hybrid(null=0, diffusion_weight=0.0, perceptual_weight=1.0, autoencoder=model.card.autoencoder)
    objectives = {"mse": Objective(null=0), "perceptual": perceptual}
    return {
        name: held_out_loss(model.net, x0, condition, objective, model.compute.autocast)
        for name, objective in objectives.items()
    }


def table(rows):
    """Format the rows as Markdown."""
    heads = ["loss", "held-out MSE", "held-out perceptual", "FD", "right category", "right subject", "minutes"]
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join(['---'] * len(heads))} |"]
    for row in rows:
        held = " | ".join(f"{row[name]:.4f}" if name in row else "-" for name in ("mse", "perceptual"))
        accuracy = f"{row['class_accuracy']:.0%} | {row['subject_accuracy']:.0%} | {row['minutes']}"
        lines.append(f"| {row['name']} | {held} | {row['FD']:.2f} ± {row['FD_band']:.2f} | {accuracy} |")
    return "\n".join(lines)


def caption(row):
    """Write the text beside the samples of a row."""
    held = f"held-out MSE {row['mse']:.3f}, perceptual {row['perceptual']:.3f}\n" if "mse" in row else ""
    accuracy = f"right category {row['class_accuracy']:.0%}, subject {row['subject_accuracy']:.0%}"
    return f"{held}FD {row['FD']:.1f} ± {row['FD_band']:.1f}\n{accuracy}"


def main(words=None):
    """Train, generate, measure; print a table and draw the figure. Problems that a person can solve end in one
    sentence.
    """
    args = arguments(words)
    try:
        compare(args, replace(text_to_image.RECIPE, config=SMALL))
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")


def compare(args, recipe):
    """Measure every loss in the same way."""
    compute, prompts = choose(args.device), read_prompts(args.prompts)
    names = CLASSIFIERS["captioned images"]
    feature_network, classifier = load_classifiers(prompts, names, compute)  # what may fail comes first
    real = read_real_images(args.data, prompts, read_latents(args.latents).facts["size"], tqdm.write)
    evaluator = Evaluator.of(real, feature_network, classifier, args.samples)
    batch, rows = real.batch(real.unseen(prompts), args.samples), []
    for weight in args.weights:
        folder = trained(args, recipe, weight)
        rows.append(measure(args, weight, load_text_to_image(folder.name, [folder], compute), evaluator, batch))
    start = f", begun with the weights of {args.start}" if args.start else ""
    print(
        f"{args.images:,} images seen by each network{start}, {args.samples} samples of prompts that are no captions "
        "of "
        f"training images; {feature_network.card.name}."
    )
    floors = rounded(evaluator.floors())
    print(
        f"Real images: FD {floors['FD_floor']} to each other, right category {floors['class_accuracy_real']:.0%}, "
        f"subject {floors['subject_accuracy_real']:.0%}\n"
    )
    print(table(rows))
    args.figure.parent.mkdir(parents=True, exist_ok=True)
    image_rows([row | {"words": caption(row)} for row in rows]).savefig(args.figure)


if __name__ == "__main__":
    main()
