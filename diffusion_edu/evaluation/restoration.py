"""Evaluate a restoration model: `python -m diffusion_edu.evaluation.restoration flowers_cold --data FILE`."""

import hashlib
from dataclasses import replace
from functools import partial

from tqdm import tqdm

from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import held_out, load_images, to_signed
from diffusion_edu.degradations import GRAIN, TO_ONE_COLOUR
from diffusion_edu.evaluation.cold import STEPS, TIMESTEPS, T, generate_from_degraded, restoration_scores
from diffusion_edu.evaluation.command_line import base_parser, repeat_command, rounded, run_evaluation
from diffusion_edu.evaluation.distances import frechet
from diffusion_edu.evaluation.features import describe, load_feature_network
from diffusion_edu.evaluation.report import real_reference
from diffusion_edu.evaluation.samples import digest
from diffusion_edu.randomness import choose


def arguments(words=None):
    """Read the command line."""
    module = "diffusion_edu.evaluation.restoration"
    return base_parser(module, __doc__, samples=2000, example="flowers_cold").parse_args(words)


def main(words=None):
    """Evaluate one restoration model from the command line."""
    run_evaluation(evaluate, arguments(words))


def evaluate(args, watch):
    """Restore held-out images, generate new ones, compare both with real images, and write the scores into the card."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    if model.card.prediction_type != "restoration":
        raise ValueError(
            f"{args.name} is no restoration model: name one that undoes degradations, for example flowers_cold."
        )
    feature_network = load_feature_network(model.card, args.features, compute)
    dataset = load_images(args.data, model.card.size, tell=tqdm.write)
    unseen = dataset.take(held_out(dataset))
    if not len(unseen):
        raise ValueError(f"{len(dataset)} images are too few to hold some of them out: 64 or more are needed.")
    content = hashlib.sha256(dataset.images.numpy().tobytes()).hexdigest()
    folder = args.work / f"{args.name}-{digest(model.card.sha256, content, STEPS, T, GRAIN)}"
    restored = restoration_scores(model, to_signed(unseen.images), folder, watch=partial(watch, words="restoring"))
    real = real_reference(feature_network, dataset, args.samples, partial(watch, words="features"))
    distances = {}
    for name in model.card.classes:
        bar = partial(watch, words=f"generating, {name}")
        samples = generate_from_degraded(model, name, dataset, args.samples, folder, watch=bar)
        distances[name] = frechet(real.statistics, describe(feature_network, samples).features)
    scores = {"FD_floor": real.floor, "FD_noise": real.noise, "FD_generated": distances, "restored": restored}
    scores = protocol(args, feature_network, dataset, len(unseen)) | rounded(scores)
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=scores))
    return scores


def protocol(args, feature_network, dataset, unseen):
    """Describe in words how the scores were measured, and give the command that measured them."""
    accuracy = feature_network.card.scores["validation_accuracy"]
    return {
        "protocol": f"{unseen} images of {dataset.source} that were held out of the training (every 64th), degraded to "
        f"the timesteps {', '.join(map(str, TIMESTEPS))} of {T} and restored: in one prediction, and in {STEPS} "
        "steps by "
        "algorithms 1 and 2; input: the degraded images, untouched; PSNR of the mean squared error in dB, mean SSIM. "
        f"FD_generated: {args.samples} images generated from timestep {T} by algorithm 2, "
        f"{' and '.join(TO_ONE_COLOUR)} from colours as frequent as in the {len(dataset)} real images, the others from "
        f"completely degraded real images, with a grain of {GRAIN}; FD in features of {feature_network.card.name} "
        f"(accuracy {accuracy:.3f})",
        "command": repeat_command("diffusion_edu.evaluation.restoration", args),
    }


if __name__ == "__main__":
    main()
