"""Evaluate an autoencoder: `python -m diffusion_edu.evaluation.autoencoder NAME --data FILE`."""

import sys
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F

from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import held_out, load_images, to_bytes, to_signed
from diffusion_edu.evaluation.cold import psnr_and_ssim
from diffusion_edu.evaluation.command_line import base_parser, repeat_command, rounded, run_evaluation
from diffusion_edu.evaluation.distances import frechet
from diffusion_edu.evaluation.features import load_feature_network
from diffusion_edu.evaluation.patches import patch_features, relative_gradient_energy
from diffusion_edu.evaluation.report import halves
from diffusion_edu.latent.codec import codec_of
from diffusion_edu.randomness import choose
from diffusion_edu.training import perceptual

BATCH = 8


def arguments(words=None):
    """Read the command line."""
    options = base_parser("diffusion_edu.evaluation.autoencoder", __doc__, samples=128, example="autoencoder", sets="+")
    return options.parse_args(words)


def main(words=None):
    """Evaluate one autoencoder from the command line."""
    run_evaluation(evaluate, arguments(words))


def evaluate(args, watch):
    """Encode and decode held-out images, write the scores into the card, and return them as a dict."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    codec = codec_of(model)
    feature_network = load_feature_network(model.card, args.features, compute)
    dataset = load_images(args.data, model.card.size, partial(print, file=sys.stderr), model.card.subject)
    held = held_out(dataset)
    if held.sum() < 2:
        raise ValueError(f"{len(dataset)} images are too few to hold two of them out: 128 or more are needed.")
    real = dataset.images[held][: args.samples]
    known = patch_features(feature_network, dataset.images[~held], partial(watch, words="features"))
    scores = protocol(args, model.card, feature_network.card, dataset, len(real))
    scores |= rounded(reconstruction_scores(codec, real, feature_network, known))
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=scores))
    return scores


def reconstruction_scores(codec, real, feature_network, known):
    """Compare real images uint8 (n, 3, h, w) with their reconstructions by a Codec, and by the bicubic baseline.

    known are features (m, width) of patches of other real images. Returns a dict of scores.
    """
    layers = perceptual.feature_network(feature_network.card.name, codec.compute.device)
    latents = in_batches(codec.encode, to_signed(real))

    def compare(images):
        pairs = torch.stack([to_signed(images), to_signed(real)], dim=1)
        distances = in_batches(lambda x: perceptual.perceptual_distance(layers, *x.unbind(1)), pairs)
        scores = psnr_and_ssim(to_signed(images), to_signed(real)) | {"perceptual_distance": distances.mean().item()}
        distance = frechet(known, patch_features(feature_network, images))
        return scores | {"gradient_energy": relative_gradient_energy(images, real), "FD": distance}

    scores = {
        "autoencoder": compare(to_bytes(in_batches(codec.decode, latents))),
        "bicubic": compare(bicubic_baseline(real, codec.factor)),
    }
    floor = frechet(known, patch_features(feature_network, real))
    floors = {"FD_floor": floor, "FD_halves": frechet(*halves(known))}
    return scores | floors | {"latent_mean": latents.mean().item(), "latent_std": latents.std().item()}


@torch.no_grad()
def in_batches(function, rows):
    """Apply a function to rows (n, ...), a few at a time; the rows and the results are on the CPU."""
    return torch.cat([function(some).cpu() for some in rows.split(BATCH)])


def bicubic_baseline(images, factor):
    """Shrink uint8 images (n, 3, h, w) to one pixel per latent and enlarge them again, both bicubic; uint8."""
    size = images.shape[-2:]
    small = F.interpolate(to_signed(images), scale_factor=1 / factor, mode="bicubic", antialias=True)
    return to_bytes(F.interpolate(small, size=size, mode="bicubic"))


def protocol(args, card, feature_network, dataset, unseen):
    """Describe in words how the scores were measured, and give the command that measured them."""
    others, size = len(dataset) - int(held_out(dataset).sum()), feature_network.size
    return {
        "protocol": f"{unseen} images of {dataset.source} that were held out of the training (every 64th), "
        f"{card.size}x{card.size}, encoded to latents (their means) and decoded; bicubic: shrunk to one pixel per "
        "latent and enlarged again. PSNR of the mean squared error in dB, mean SSIM; perceptual_distance: LPIPS-style "
        f"(Zhang et al. 2018, unweighted), on the feature maps of {feature_network.name}, 0 for equal images; "
        "gradient_energy: relative to the true images; FD: between features of patches of "
        f"{size}x{size} pixels and of those of the {others} images that were not held out, by {feature_network.name}; "
        "FD_floor: of the true images; FD_halves: of one half of those not held out to the other; latent_mean, "
        "latent_std: of all latents of the held-out images, 0 and 1 if they are distributed like those of the training",
        "command": repeat_command("diffusion_edu.evaluation.autoencoder", args),
    }


if __name__ == "__main__":
    main()
