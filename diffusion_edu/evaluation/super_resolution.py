"""Evaluate a super-resolution model: `python -m diffusion_edu.evaluation.super_resolution NAME --data FILE`."""

import hashlib
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.analysis.measures import gradient_energy
from diffusion_edu.checkpoints import Model, available, load, save_card
from diffusion_edu.data.images import held_out, load_images, to_bytes, to_signed
from diffusion_edu.editing.super_resolution import (
    FACTOR,
    bicubic_downsample,
    bicubic_upsample,
    enlarge,
    is_super_resolution,
)
from diffusion_edu.evaluation.cold import psnr_and_ssim
from diffusion_edu.evaluation.command_line import base_parser, repeat_command, rounded, run_evaluation
from diffusion_edu.evaluation.distances import frechet
from diffusion_edu.evaluation.features import load_feature_network
from diffusion_edu.evaluation.patches import consistency, finest_octave, patch_features, relative_gradient_energy
from diffusion_edu.evaluation.report import halves
from diffusion_edu.evaluation.samples import cached_batches, digest
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

NOISE_FRACTIONS = (0.0, 0.1, 0.2)  # of noise on the small images
QUANTILES = (0.1, 0.5, 0.9)  # of the gradient energy of real images
BATCH = 8


@dataclass(frozen=True)
class Upscaler:
    """A super-resolution model, its preset, and the folder that caches its results; watch: a progress bar."""

    model: Model
    preset: Preset
    folder: Path
    watch: object = iter

    def all_ways(self, small):
        """Enlarge small images uint8 (n, 3, h, w) in every way that is compared: {way: uint8 (n, 3, 2h, 2w)}."""
        return {
            "bicubic": to_bytes(bicubic_upsample(to_signed(small))),
            **{f"noise {fraction:g}": self.upscale(small, fraction) for fraction in NOISE_FRACTIONS},
            "unconstrained": self.upscale(small, NOISE_FRACTIONS[0], consistent=False),
        }

    def upscale(self, small, fraction, consistent=True):
        """Enlarge small images uint8 (n, 3, h, w) with the model, seeds from 0; results are cached in the folder.

        fraction is the fraction of noise on the conditioning image; consistent: every prediction is corrected so that
        it shrinks to the small image.
        """
        card = replace(self.model.card, size=FACTOR * small.shape[-1])

        def make(seeds):
            x = to_signed(small[seeds.start : seeds.stop])
            *_, last = enlarge(self.model, self.preset, x, seeds, fraction, consistent)
            return to_bytes(last.x).cpu()

        folder = self.folder / f"{card.size}-{fraction:g}-{consistent}-{content(small)}"
        words = f"{card.size // FACTOR} to {card.size}, noise {fraction:g}"
        return cached_batches(folder, card, len(small), make, batch=BATCH, watch=partial(self.watch, words=words))


def arguments(words=None):
    """Read the command line."""
    module = "diffusion_edu.evaluation.super_resolution"
    return base_parser(module, __doc__, samples=128, example="super_resolution").parse_args(words)


def main(words=None):
    """Evaluate one model from the command line."""
    run_evaluation(evaluate, arguments(words))


def evaluate(args, watch):
    """Enlarge held-out images at three resolutions, write the scores into the card, and return them as a dict."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    if not is_super_resolution(model.card):
        raise ValueError(
            f"{args.name} does not enlarge images: name a super-resolution model, for example super_resolution."
        )
    feature_network = load_feature_network(model.card, args.features, compute)
    dataset = load_images(args.data, model.card.size, partial(print, file=sys.stderr), "five flowers")
    held = held_out(dataset)
    if not held.any():
        raise ValueError(f"{len(dataset)} images are too few to hold some of them out: 64 or more are needed.")
    real = dataset.images[held][: args.samples]
    known = patch_features(feature_network, dataset.images[~held], partial(watch, words="features"))
    preset = Preset(**model.card.sampling)
    upscaler = Upscaler(model, preset, args.work / f"{args.name}-{digest(model.card.sha256, vars(preset))}", watch)
    scores = protocol(args, feature_network, preset, dataset, len(real))
    scores |= scores_by_size(upscaler, real, lambda images: frechet(known, patch_features(feature_network, images)))
    scores = rounded(scores | {"FD_halves": frechet(*halves(known))})
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=scores))
    return scores


def scores_by_size(upscaler, real, distance):
    """Enlarge real images uint8 (n, 3, h, w): shrunk once, back to their size; shrunk twice, to half of it; and to
    twice their size.

    Only a quarter of the images is enlarged to twice their size: these have four times as many patches.
    distance(images) is the distance of images to real ones. Returns a dict of scores, with {way: {score: number}} for
    each pair of resolutions.
    """
    half = shrink(real)
    quarter, size = shrink(half), real.shape[-1]
    energies = gradient_energy(to_signed(real)).quantile(torch.tensor(QUANTILES, dtype=torch.float64)).tolist()
    scores = {
        "FD_floor": distance(real),
        "finest_octave": finest_octave(real),
        "gradient_energy_real": energies,
    }
    few = real[: -(-len(real) // FACTOR**2)]
    pairs = {
        f"{size // 2} to {size}": (half, real),
        f"{size // 4} to {size // 2}": (quarter, half),
        f"{size} to {2 * size}": (few, None),
    }
    for name, (small, truth) in pairs.items():
        ways = upscaler.all_ways(small).items()
        scores[name] = {way: compare(images, small, truth, distance) for way, images in ways}
    return scores


def compare(images, small, truth, distance):
    """Score images uint8 (n, 3, 2h, 2w) against the small ones they were made of and, if there is one, the truth."""
    scores = psnr_and_ssim(to_signed(images), to_signed(truth)) if truth is not None else {}
    energy = relative_gradient_energy(images, small if truth is None else truth)
    scores |= {"gradient_energy": energy, "consistency": consistency(images, small)}
    return scores | {"finest_octave": finest_octave(images), "FD": distance(images)}


def shrink(images):
    """Shrink uint8 images (n, 3, h, w) to half of their height and width, uint8."""
    return to_bytes(bicubic_downsample(to_signed(images)))


def content(images: Tensor):
    """Compute a short hash of the pixels of images."""
    return hashlib.sha256(images.numpy().tobytes()).hexdigest()[:12]


def protocol(args, feature_network, preset, dataset, unseen):
    """Describe in words how the scores were measured, and give the command that measured them."""
    size, others = feature_network.card.size, len(dataset) - int(held_out(dataset).sum())
    return {
        "protocol": f"{unseen} images of {dataset.source} that were held out of the training (every 64th), shrunk and "
        f"enlarged again with seeds from 0 in {preset.steps} steps with {preset.sampler}. noise: the fraction of noise "
        "on the conditioning image; unconstrained: without noise, and the predictions are not corrected to shrink to "
        "the small image. PSNR of the mean squared error in dB, mean SSIM; gradient_energy: relative to the true "
        "images "
        "(where there is none, for a quarter of the images, to the small ones); consistency: the result, shrunk again, "
        "compared with the small image, PSNR in dB; finest_octave: its power, relative to that of the octave below; "
        "FD: "
        f"between features of patches of {size} x {size} pixels and of those of the {others} images that were not held "
        f"out, by {feature_network.card.name}; FD_floor: of the true images; FD_halves: of one half of those not held "
        "out to the other; gradient_energy_real: the gradient energy of the true images, quantiles 10, 50 and 90 %",
        "command": repeat_command("diffusion_edu.evaluation.super_resolution", args),
    }


if __name__ == "__main__":
    main()
