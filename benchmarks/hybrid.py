"""What does a perceptual loss buy? The same network, trained equally long by six losses: `python -m benchmarks.hybrid --latents FILE ...`.

Mean squared error plus lambda times the perceptual loss (`objectives.Hybrid`), and that alone. All begin with the same weights, those of
a model that is there or of a small network that knows nothing, and see the same images in the same order, at the same timesteps with the same
noise. A stopped run goes on where it was.
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
from diffusion_edu.evaluation.text_to_image import Ruler
from diffusion_edu.evaluation.prompt_sets import TIMES, classifiers, read_prompts, read_real, sampled
from diffusion_edu.figures.comparisons import image_rows
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import load_text_to_image
from diffusion_edu.randomness import choose
from diffusion_edu.recipes import text_to_image
from diffusion_edu.recipes.command_line import arguments as arguments_of
from diffusion_edu.recipes.command_line import positive, train
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
IMAGES, SAMPLES, SHOWN, HELD = 100_000, 500, 8, 256


def arguments(words=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hybrid", description=__doc__)
    parser.add_argument(
        "--latents", type=Path, required=True, help="images encoded by a training of text_to_image, to learn from"
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="NAME",
        help="begin with the weights of this model (default: with none, in a small network)",
    )
    parser.add_argument("--data", nargs="+", help="the same images, to compare samples with")
    parser.add_argument(
        "--prompts", required=True, help="a JSON file of prompts that no image goes with: {subject: [prompt, ...]}"
    )
    parser.add_argument(
        "--images", type=positive(int), default=IMAGES, help=f"how many each network sees (default: {IMAGES})"
    )
    parser.add_argument(
        "--samples", type=positive(int), default=SAMPLES, help=f"how many samples are judged (default: {SAMPLES})"
    )
    parser.add_argument(
        "--weights", nargs="+", default=WEIGHTS, help=f"of the perceptual loss (default: {' '.join(WEIGHTS)})"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--work", type=Path, default=OWN / "hybrid", help="where trained networks and samples are kept")
    parser.add_argument("--figure", type=Path, default=Path("benchmarks") / "hybrid.png")
    return parser.parse_args(words)


def name_of(weight):
    """Say in words which loss has this weight of the perceptual one."""
    return (
        "perceptual alone"
        if weight == text_to_image.ALONE
        else "MSE"
        if weight == "0"
        else f"MSE + {weight} x perceptual"
    )


def trained(args, recipe, weight):
    """Train a network by one loss, go on with it, or take the one that is there; returns its folder."""
    # who is to see more begins anew: the learning rate falls towards the end
    folder = args.work / (args.start or "nothing") / str(args.images) / f"hybrid_{weight}"
    if done := available([folder]).get(folder.name):
        if read_card(done).training["guidance_scale"] != read_latents(args.latents).facts["guidance_scale"]:
            raise ValueError(
                f"{folder} holds a network that learned from latents of another autoencoder: choose another --work."
            )
        return folder
    words = [
        "--latents",
        args.latents,
        "--out",
        folder,
        "--perceptual",
        weight,
        "--images",
        args.images,
        "--device",
        args.device,
        "--resume",
    ]
    words += ["--from", args.start] if args.start else []
    train(recipe, arguments_of(recipe, list(map(str, words)), [text_to_image.options()]), begin=text_to_image.begin)
    return folder


def measure(args, weight, who, ruler, conditions):
    """Draw by a trained network and measure: one row of the table, and its first samples."""
    card = who.model.card
    watch = partial(tqdm, desc=f"drawing, {name_of(weight)}", leave=False)
    samples = sampled(who, who.preset, conditions.prompts, args.work, watch)
    row = (
        {"name": name_of(weight), "minutes": card.training["minutes"]}
        | losses(who, args.latents)
        | ruler.measure(samples, conditions)
    )
    return rounded(row) | {"page": grid(samples[: SHOWN * TIMES : TIMES], columns=SHOWN)}


def losses(who, path):
    """Measure both losses of a network on latents that it has not learned from, whichever of them it has learned by."""
    latents, compute = read_latents(path), who.model.compute
    held = latents.held.nonzero().flatten()
    if not len(held):
        return {}
    x0, told = latents.to(compute.device).rows(held[:: -(-len(held) // HELD)].to(compute.device))
    looks = Hybrid(null=0, diffusion_weight=0.0, perceptual_weight=1.0, autoencoder=who.model.card.autoencoder)
    ways = {"mse": Objective(null=0), "perceptual": looks}
    return {
        name: held_out_loss(who.model.net, x0, told, objective, compute.autocast) for name, objective in ways.items()
    }


def table(rows):
    """Format the rows as Markdown."""
    heads = ["loss", "held-out MSE", "held-out perceptual", "FD", "right category", "right subject", "minutes"]
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join(['---'] * len(heads))} |"]
    for row in rows:
        held = " | ".join(f"{row[name]:.4f}" if name in row else "-" for name in ("mse", "perceptual"))
        seen = f"{row['class_accuracy']:.0%} | {row['subject_accuracy']:.0%} | {row['minutes']}"
        lines.append(f"| {row['name']} | {held} | {row['FD']:.2f} ± {row['FD_band']:.2f} | {seen} |")
    return "\n".join(lines)


def beside(row):
    """Say what stands beside the samples of a row."""
    held = f"held-out MSE {row['mse']:.3f}, perceptual {row['perceptual']:.3f}\n" if "mse" in row else ""
    return f"{held}FD {row['FD']:.1f} ± {row['FD_band']:.1f}\nright category {row['class_accuracy']:.0%}, subject {row['subject_accuracy']:.0%}"


def main(words=None):
    """Train, draw, measure; print a table and draw the figure. Problems that a person can solve end in one sentence."""
    args = arguments(words)
    try:
        compare(args, replace(text_to_image.RECIPE, config=SMALL))
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")


def compare(args, recipe):
    """Measure every loss in the same way."""
    compute, prompts = choose(args.device), read_prompts(args.prompts)
    feature_network, judge = classifiers(
        prompts, CLASSIFIERS["captioned images"], compute
    )  # what may fail comes before what takes long
    real = read_real(args.data, prompts, read_latents(args.latents).facts["size"], tqdm.write)
    ruler, conditions, rows = (
        Ruler.of(real, feature_network, judge, args.samples),
        real.conditions(real.unseen(prompts), args.samples),
        [],
    )
    for weight in args.weights:
        folder = trained(args, recipe, weight)
        rows.append(measure(args, weight, load_text_to_image(folder.name, [folder], compute), ruler, conditions))
    floors = rounded(ruler.floors())
    begun = f", begun with the weights of {args.start}" if args.start else ""
    print(
        f"{args.images:,} images seen by each network{begun}, {args.samples} samples of prompts that no image goes with; {feature_network.card.name}."
    )
    print(
        "Real images: FD {FD_floor} to each other, right category {class_accuracy_real:.0%}, subject {subject_accuracy_real:.0%}\n".format(
            **floors
        )
    )
    print(table(rows))
    args.figure.parent.mkdir(parents=True, exist_ok=True)
    image_rows([row | {"words": beside(row)} for row in rows]).savefig(args.figure)


if __name__ == "__main__":
    main()
