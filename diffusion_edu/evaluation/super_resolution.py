"""Judge a model that enlarges and write the scores into its card: `python -m diffusion_edu.evaluation.super_resolution super_resolution --data FILE`."""

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
from diffusion_edu.editing.super_resolution import FACTOR, enlarge, enlarged, enlarges, shrunk
from diffusion_edu.evaluation.cold import likeness
from diffusion_edu.evaluation.command_line import again, carry_out, parser
from diffusion_edu.evaluation.patches import detail, faithful, finest, patch_features
from diffusion_edu.evaluation.distances import frechet
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.evaluation.report import halves
from diffusion_edu.evaluation.samples import digest, in_parts
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

SHARES = (0.0, 0.1, 0.2)  # of noise on the small images
USUAL = (0.1, 0.5, 0.9)  # fractions of the real images whose gradient energy is lower
BATCH = 8


@dataclass(frozen=True)
class Enlarger:
    """A model that enlarges, its preset, where what it made is kept, and what wraps its batches in a bar."""

    model: Model
    preset: Preset
    folder: Path
    watch: object = iter

    def ways(self, small):
        """Enlarge small images uint8 (n, 3, h, w) in every way: {way: uint8 (n, 3, 2h, 2w)}."""
        held = {f"noise {fraction:g}": self.sampled(small, fraction) for fraction in SHARES}
        return {
            "bicubic": to_bytes(enlarged(to_signed(small))),
            **held,
            "unconstrained": self.sampled(small, SHARES[0], hold=False),
        }

    def sampled(self, small, fraction, hold=True):
        """Let the model enlarge small images uint8 (n, 3, h, w), told them with a fraction of noise, from seeds 0, 1, ...; nothing is sampled twice."""
        card = replace(self.model.card, size=FACTOR * small.shape[-1])

        def make(seeds):
            told = to_signed(small[seeds.start : seeds.stop])
            *_, last = enlarge(self.model, self.preset, told, seeds, fraction, hold)
            return to_bytes(last.x).cpu()

        folder = self.folder / f"{card.size}-{fraction:g}-{hold}-{content(small)}"
        words = f"{card.size // FACTOR} to {card.size}, noise {fraction:g}"
        return in_parts(folder, card, len(small), make, batch=BATCH, watch=partial(self.watch, words=words))


def arguments(words=None):
    """Read the command line."""
    return parser("diffusion_edu.evaluation.super_resolution", __doc__, samples=128, example="super_resolution").parse_args(
        words
    )


def main(words=None):
    """Judge one model from the command line."""
    carry_out(judge, arguments(words))


def judge(args, watch):
    """Enlarge what was held out, at three scales, and write the scores into the card; returns them as a dict that JSON can hold."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    if not enlarges(model.card):
        raise ValueError(
            f"{args.name} does not enlarge images: name a model that is told a small image, for example super_resolution."
        )
    if args.samples < 1:
        raise ValueError("Nothing can be judged without an image: give more --samples.")
    feature_network = load(args.features or CLASSIFIERS[model.card.subject][0], compute=compute)
    dataset = load_images(args.data, model.card.size, partial(print, file=sys.stderr), "five flowers")
    held = held_out(dataset)
    if not held.any():
        raise ValueError(f"{len(dataset)} images are too few to hold some of them out: 64 or more are needed.")
    real, known = (
        dataset.images[held][: args.samples],
        patch_features(feature_network, dataset.images[~held], partial(watch, words="features")),
    )
    preset = Preset(**model.card.sampling)
    enlarger = Enlarger(model, preset, args.work / f"{args.name}-{digest(model.card.sha256, vars(preset))}", watch)
    scores = protocol(args, feature_network, preset, dataset, len(real)) | table(
        enlarger, real, lambda images: frechet(known, patch_features(feature_network, images))
    )
    scores["FD_halves"] = frechet(*halves(known))
    scores = {name: short(value) for name, value in scores.items()}
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=scores))
    return scores


def table(enlarger, real, distance):
    """Enlarge real images uint8 (n, 3, h, w), shrunk, back to their size; shrunk twice, to half of it; and a quarter of them to twice of it.

    distance(images) is how far images are from real ones. Returns a dict of scores, {scale: {way: {score: number}}} among them.
    """
    half = smaller(real)
    quarter, size = smaller(half), real.shape[-1]
    energies = gradient_energy(to_signed(real)).quantile(torch.tensor(USUAL, dtype=torch.float64)).tolist()
    scores = {"FD_floor": distance(real), "finest_octave": finest(real), "gradient_energy_real": energies}
    few = real[: -(-len(real) // FACTOR**2)]  # four times as large, so these have as many patches
    truths = {
        f"{size // 2} to {size}": (half, real),
        f"{size // 4} to {size // 2}": (quarter, half),
        f"{size} to {2 * size}": (few, None),
    }
    for guidance_scale, (small, truth) in truths.items():
        scores[guidance_scale] = {
            way: judged(images, small, truth, distance) for way, images in enlarger.ways(small).items()
        }
    return scores


def judged(images, small, truth, distance):
    """Measure images uint8 (n, 3, 2h, 2w) beside the small ones that they were made of, and beside the truth if there is one."""
    scores = likeness(to_signed(images), to_signed(truth)) if truth is not None else {}
    scores |= {
        "gradient_energy": detail(images, small if truth is None else truth),
        "consistency": faithful(images, small),
    }
    return scores | {"finest_octave": finest(images), "FD": distance(images)}


def smaller(images):
    """Shrink uint8 images (n, 3, h, w) to half of their height and width, uint8."""
    return to_bytes(shrunk(to_signed(images)))


def content(images: Tensor):
    """Name images by what they show."""
    return hashlib.sha256(images.numpy().tobytes()).hexdigest()[:12]


def short(score):
    """Round every number in a score to four digits."""
    if isinstance(score, list):
        return [short(value) for value in score]
    if isinstance(score, dict):
        return {name: short(value) for name, value in score.items()}
    return score if isinstance(score, str) else float(f"{score:.4g}")


def protocol(args, feature_network, preset, images, unseen):
    """Say in words how the scores were measured."""
    size = feature_network.card.size
    return {
        "protocol": f"{unseen} images of {images.source} that were held out of the training (every 64th), shrunk and enlarged again with "
        f"seeds from 0 in {preset.steps} steps by {preset.sampler}. noise: its fraction of what the network is told; not held: without noise, and "
        "predictions are not held to the small image. PSNR of the mean squared error in dB, mean SSIM; gradient_energy: relative to the true images "
        "(where there is none, for a quarter of the images, to the small ones); consistency: the result, shrunk again, beside the small "
        f"image, PSNR in dB; finest_octave: its power, relative to that of the octave below; FD: between features of patches of {size} x "
        f"{size} pixels and of those of the {len(images) - len(held_out(images).nonzero())} images that were not held out, by "
        f"{feature_network.card.name}; FD_floor: of the true images; FD_halves: of one half of those not held out to the other; gradient_energy_real: "
        "as it is, of the true images: 10, 50 and 90 % have less",
        "command": again("diffusion_edu.evaluation.super_resolution", args),
    }


if __name__ == "__main__":
    main()
