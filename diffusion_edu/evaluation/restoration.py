"""Judge a restorer and write the scores into its card: `python -m diffusion_edu.evaluation.restoration flowers_cold --data FILE`."""

import hashlib
from dataclasses import replace
from functools import partial

from tqdm import tqdm

from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import held_out, load_images, to_signed
from diffusion_edu.degradations import GRAIN
from diffusion_edu.evaluation.cold import STEPS, TIMESTEPS, TO_ONE_COLOUR, T, grow, restoration_scores
from diffusion_edu.evaluation.command_line import again, carry_out, parser
from diffusion_edu.evaluation.distances import frechet
from diffusion_edu.evaluation.features import CLASSIFIERS, describe
from diffusion_edu.evaluation.report import real_reference
from diffusion_edu.evaluation.samples import digest
from diffusion_edu.randomness import choose


def arguments(words=None):
    """Read the command line."""
    return parser("diffusion_edu.evaluation.restoration", __doc__, samples=2000, example="flowers_cold").parse_args(
        words
    )


def main(words=None):
    """Judge one restorer from the command line."""
    carry_out(judge, arguments(words))


def judge(args, watch):
    """Restore what was held out, grow new images, compare both with real ones, and write the scores into the card; returns them as a dict."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    feature_network = load(args.features or CLASSIFIERS[model.card.subject][0], compute=compute)
    if model.card.prediction_type != "restoration":
        raise ValueError(
            f"{args.name} is no restorer: name a model that undoes degradations, for example flowers_cold."
        )
    if args.samples < 2:
        raise ValueError("A distance needs at least two samples, and 2,000 to mean something: give more --samples.")
    images = load_images(args.data, model.card.size, tell=tqdm.write)
    unseen = images.take(held_out(images))
    if not len(unseen):
        raise ValueError(f"{len(images)} images are too few to hold some of them out: 64 or more are needed.")
    content = hashlib.sha256(images.images.numpy().tobytes()).hexdigest()
    folder = args.work / f"{args.name}-{digest(model.card.sha256, content, STEPS, T, GRAIN)}"
    restored = restoration_scores(model, to_signed(unseen.images), folder, watch=partial(watch, words="restoring"))
    real = real_reference(feature_network, images, args.samples, partial(watch, words="features"))
    scores = protocol(args, feature_network, images, len(unseen)) | {
        "FD_floor": _short(real.floor),
        "FD_noise": _short(real.noise),
        "FD_generated": {},
    }
    for name in model.card.classes:
        grown = grow(model, name, images, args.samples, folder, watch=partial(watch, words=f"growing, {name}"))
        scores["FD_generated"][name] = _short(frechet(real.statistics, describe(feature_network, grown).features))
    scores["restored"] = restored
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=scores))
    return scores


def protocol(args, feature_network, images, unseen):
    """Say in words how the scores were measured."""
    return {
        "protocol": f"{unseen} images of {images.source} that were held out of the training (every 64th), degraded to the timesteps "
        f"{', '.join(map(str, TIMESTEPS))} of {T} and restored: in one prediction, and in {STEPS} steps by algorithms 1 and 2; PSNR of the mean squared "
        f"error in dB, mean SSIM. Grown: {args.samples} images from timestep {T} by algorithm 2, {' and '.join(TO_ONE_COLOUR)} from colours as "
        f"frequent as in the {len(images)} real images, the others from what is left of a real image, with a grain of {GRAIN}; "
        f"FD in features of {feature_network.card.name} (accuracy {feature_network.card.scores['validation_accuracy']:.3f})",
        "command": again("diffusion_edu.evaluation.restoration", args),
    }


def _short(score):
    return float(f"{score:.4g}")


if __name__ == "__main__":
    main()
