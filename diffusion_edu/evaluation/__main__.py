"""Evaluate a model and write the scores into its card: `python -m diffusion_edu.evaluation NAME --data FILE`."""

from dataclasses import replace
from functools import partial

from tqdm import tqdm

from diffusion_edu.checkpoints import PRETRAINED, available, load, read_cards, save_card
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation.attributes import attribute_conditions, attribute_scores, generate_with_attributes
from diffusion_edu.evaluation.command_line import base_parser, repeat_command, rounded, run_evaluation
from diffusion_edu.evaluation.features import (
    class_score,
    describe,
    load_evaluation_classifier,
    load_feature_network,
)
from diffusion_edu.evaluation.inception import download, inception_scores
from diffusion_edu.evaluation.report import Reference, class_accuracy_scores, distance_scores, real_reference
from diffusion_edu.evaluation.samples import conditions_for, generate_samples
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

SHIPPED = PRETRAINED / "flower_reference.npz"  # written by `python -m diffusion_edu.recipes.flower_reference`


def arguments(words=None):
    """Read the command line."""
    options = base_parser("diffusion_edu.evaluation", __doc__, samples=5000, example="flowers_attention")
    offline = "use no real images: FD to the shipped statistics of the flowers, and class accuracy"
    options.add_argument("--offline", action="store_true", help=offline)
    classifier = "the evaluation classifier that measures class accuracy (default: that of the model's subject)"
    options.add_argument("--classifier", help=classifier)
    inception = "also compute FID, KID and the Inception Score (downloads the network once)"
    options.add_argument("--inception", action="store_true", help=inception)
    return options.parse_args(words)


def main(words=None):
    """Evaluate one model from the command line."""
    run_evaluation(evaluate, arguments(words))


def evaluate(args, watch):
    """Generate samples, compare them with real images, write the scores into the card, and return them as a dict."""
    if args.offline and (args.inception or args.data):
        raise ValueError(
            "Offline there are no real images to compare with: leave out --offline, or --inception and --data."
        )
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    refuse(model.card)
    feature_network, classifier = load_classifiers(args, model.card, compute)
    inception = download() if args.inception else None  # what may fail comes before what takes long
    dataset = None if args.offline else load_images(args.data, model.card.size, tqdm.write, model.card.subject)
    real = reference_for(args, feature_network, dataset, partial(watch, words="features"))
    labels = conditions_for(model.card, real.class_counts, dataset, args.samples)
    preset = Preset(**model.card.sampling)
    samples = generate_samples(model, preset, args.samples, labels, args.work, watch=partial(watch, words="sampling"))
    features = describe(feature_network, samples, watch=partial(watch, words="features")).features
    scores = distance_scores(real, features) | vae_score(model.card)
    scores |= classifier_scores(model, classifier, samples, labels, dataset)
    if model.card.attributes and model.card.attributes == classifier.card.attributes:
        faces = generate_with_attributes(model, preset, args.work, watch=partial(watch, words="attributes"))
        conditions = attribute_conditions(model.card.attributes)
        scores |= attribute_scores(classifier, describe(classifier, faces).scores, conditions)
    if inception:
        scores |= inception_scores(inception, dataset.images, samples, watch=partial(watch, words="Inception"))
    scores = protocol(args, model.card, labels, feature_network, classifier, dataset) | rounded(scores)
    if not args.dry:
        kept = {name: rows for name, rows in model.card.scores.items() if name.startswith("by_")}  # other commands'
        save_card(available()[args.name].parent, replace(model.card, scores=scores | kept))
    return scores


def load_classifiers(args, card, compute):
    """Load the feature network and the evaluation classifier; raises ValueError if they cannot measure this model."""
    feature_network = load_feature_network(card, args.features, compute)
    if args.offline and card.size != feature_network.card.size:
        raise ValueError(
            f"The shipped statistics are of images of {feature_network.card.size}x{feature_network.card.size} pixels, "
            f"{args.name} generates another size: leave out --offline."
        )
    return feature_network, load_evaluation_classifier(card, args.classifier, compute)


def reference_for(args, feature_network, dataset, watch):
    """Read the shipped reference of the flowers, or compute one from the real images."""
    return Reference.load(SHIPPED) if args.offline else real_reference(feature_network, dataset, args.samples, watch)


def classifier_scores(model, classifier, samples, labels, dataset):
    """Score samples uint8 (n, 3, h, w) with the evaluation classifier: class score and class accuracy."""
    attributes, classes = bool(classifier.card.attributes), model.card.classes
    scores = {"class_score": class_score(describe(classifier, samples).scores, attributes)}
    if dataset:
        scores["class_score_real"] = class_score(describe(classifier, dataset.images).scores, attributes)
    if labels is not None and classes and classes == classifier.card.classes:
        scores |= class_accuracy_scores(classifier, samples, labels, dataset)
    return scores


def vae_score(card):
    """Look up the baseline: the FD of a VAE of the same images, if one is installed and has been evaluated."""
    others = read_cards()[0].values() if card.prediction_type != "vae" else []
    vaes = [
        other
        for other in others
        if other.prediction_type == "vae" and (other.subject, other.size) == (card.subject, card.size)
    ]
    return next(({"FD_vae": vae.scores["FD"]} for vae in vaes if "FD" in vae.scores), {})


def refuse(card):
    """Raise ValueError for a model that another command evaluates, or none; the sentence names that command."""
    command = "evaluate it with 'python -m diffusion_edu.evaluation.{} {}'."
    if card.prediction_type == "restoration":
        raise ValueError(f"{card.name} is a restoration model: {command.format('restoration', card.name)}")
    if card.conditioning_image and not card.conditioning_image.endswith("sketch"):
        raise ValueError(f"{card.name} is a super-resolution model: {command.format('super_resolution', card.name)}")
    if card.text:
        raise ValueError(f"{card.name} is a text-to-image model: {command.format('text_to_image', card.name)}")
    if card.prediction_type == "autoencoder":
        raise ValueError(f"{card.name} is an autoencoder: {command.format('autoencoder', card.name)}")
    if card.prediction_type in ("class", "attributes"):
        raise ValueError(f"{card.name} is a classifier: name a model that generates images.")


def protocol(args, card, labels, feature_network, classifier, dataset):
    """Describe in words how the scores were measured, and give the command that measured them."""
    options = ["--offline"] * args.offline + ["--inception"] * args.inception
    reference = "shipped statistics of the real images"
    if not args.offline:
        reference = f"all {len(dataset)} images of {dataset.source}"
    given = (
        "unconditional (the real images have other classes), "
        if labels is None
        else "conditioned on what real images show, "
    )
    conditions = given if card.conditional else ""
    preset = "with the preset of the card, " if card.prediction_type != "vae" else ""
    return {
        "protocol": f"{args.samples} samples, seeds from 0, {conditions}{preset}compared with {reference}; "
        f"features of {feature_network.card.name} (accuracy {feature_network.card.scores['validation_accuracy']:.3f}), "
        f"class accuracy by {classifier.card.name} (accuracy {classifier.card.scores['validation_accuracy']:.3f}), "
        "every class weighted equally",
        "command": repeat_command("diffusion_edu.evaluation", args, *options),
    }


if __name__ == "__main__":
    main()
