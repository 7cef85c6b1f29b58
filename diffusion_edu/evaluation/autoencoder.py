"""Judge an autoencoder and write the scores into its card: `python -m diffusion_edu.evaluation.autoencoder autoencoder --data FILE FILE`."""

import sys
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F

from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import held_out, load_images, to_bytes, to_signed
from diffusion_edu.evaluation.cold import likeness
from diffusion_edu.evaluation.command_line import again, carry_out, parser, rounded
from diffusion_edu.evaluation.patches import detail, patch_features
from diffusion_edu.evaluation.distances import frechet
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.evaluation.report import halves
from diffusion_edu.latent.codec import ours
from diffusion_edu.randomness import choose
from diffusion_edu.training.perceptual import feature_network, perceptual_distance

BATCH = 8


def arguments(words=None):
    """Read the command line."""
    options = parser("diffusion_edu.evaluation.autoencoder", __doc__, samples=128, example="autoencoder", sets="+")
    return options.parse_args(words)


def main(words=None):
    """Judge one autoencoder from the command line."""
    carry_out(judge, arguments(words))


def judge(args, watch):
    """Bring what was held out to latents and back, and write the scores into the card; returns them as a dict that JSON can hold."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    able, seen = ours(model), load(args.features or CLASSIFIERS[model.card.subject][0], compute=compute)
    if args.samples < 2:
        raise ValueError("A distance needs at least two images: give more --samples.")
    images = load_images(args.data, model.card.size, partial(print, file=sys.stderr), model.card.subject)
    held = held_out(images)
    if held.sum() < 2:
        raise ValueError(f"{len(images)} images are too few to hold two of them out: 128 or more are needed.")
    real, known = (
        images.images[held][: args.samples],
        patch_features(seen, images.images[~held], partial(watch, words="features")),
    )
    scores = protocol(args, model.card, seen.card, images, len(real)) | rounded(table(able, real, seen, known))
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=scores))
    return scores


def table(able, real, seen, known):
    """Compare real images uint8 (n, 3, h, w) with what a Codec makes of them, and bicubic of as many pixels as there are latents.

    A classifier says what is seen; known are its features (m, width) of patches of other real images. Returns a dict of scores.
    """
    layers, latents = feature_network(seen.card.name, able.compute.device), in_parts(able.encode, to_signed(real))

    def judged(images):
        looks = in_parts(
            lambda x: perceptual_distance(layers, *x.unbind(1)),
            torch.stack([to_signed(images), to_signed(real)], dim=1),
        )
        scores = likeness(to_signed(images), to_signed(real)) | {"perceptual_distance": looks.mean().item()}
        return scores | {"gradient_energy": detail(images, real), "FD": frechet(known, patch_features(seen, images))}

    scores = {
        "autoencoder": judged(to_bytes(in_parts(able.decode, latents))),
        "bicubic": judged(bicubic_baseline(real, able.factor)),
    }
    floors = {"FD_floor": frechet(known, patch_features(seen, real)), "FD_halves": frechet(*halves(known))}
    return scores | floors | {"latent_mean": latents.mean().item(), "latent_std": latents.std().item()}


@torch.no_grad()
def in_parts(change, rows):
    """Change rows (n, ...) a few at a time, on the CPU before and after."""
    return torch.cat([change(some).cpu() for some in rows.split(BATCH)])


def bicubic_baseline(images, factor):
    """Shrink uint8 images (n, 3, h, w) to a pixel where an autoencoder has a latent, and enlarge them again, both bicubic; uint8."""
    size = images.shape[-2:]
    few = F.interpolate(to_signed(images), scale_factor=1 / factor, mode="bicubic", antialias=True)
    return to_bytes(F.interpolate(few, size=size, mode="bicubic"))


def protocol(args, card, seen, images, unseen):
    """Say in words how the scores were measured."""
    others = len(images) - int(held_out(images).sum())
    return {
        "protocol": f"{unseen} images of {images.source} that were held out of the training (every 64th), {card.size}x{card.size}, to latents "
        "without chance and back; bicubic: shrunk to as many pixels as there are latents, and enlarged again. PSNR of the mean squared error in dB, "
        f"mean SSIM; perceptual distance: of the looks (Zhang et al. 2018, unweighted), 0 is alike, in the maps of {seen.name}; gradient_energy: relative to "
        f"the true images; FD: between features of patches of {seen.size}x{seen.size} pixels and of those of the {others} images that were not "
        f"held out, by {seen.name}; FD_floor: of the true images; FD_halves: of one half of those not held out to the other; latent_mean, "
        "latent_std: of all latents of the held-out images, 0 and 1 if they are like those that were trained on",
        "command": again("diffusion_edu.evaluation.autoencoder", args),
    }


if __name__ == "__main__":
    main()
