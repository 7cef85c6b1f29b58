"""Judge a model by the protocol and write the scores into its card: `python -m diffusion_edu.evaluation flowers_attention --data FILE`."""

from dataclasses import replace
from functools import partial

from tqdm import tqdm

from diffusion_edu.checkpoints import PRETRAINED, available, load, read_card, save_card
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation.attributes import attribute_scores, conditions, draw_conditions
from diffusion_edu.evaluation.command_line import again, carry_out, parser, rounded
from diffusion_edu.evaluation.features import CLASSIFIERS, class_score, describe
from diffusion_edu.evaluation.inception import download, inception_scores
from diffusion_edu.evaluation.report import Reference, class_accuracy_scores, distance_scores, real_reference
from diffusion_edu.evaluation.samples import asked, draw
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

SHIPPED = (
    PRETRAINED / "flower_reference.npz"
)  # the flowers as `python -m diffusion_edu.recipes.flower_reference` described them


def arguments(words=None):
    """Read the command line."""
    options = parser("diffusion_edu.evaluation", __doc__, samples=5000, example="flowers_attention")
    options.add_argument(
        "--offline",
        action="store_true",
        help="no real images: FD to the shipped statistics of the flowers, and agreement",
    )
    options.add_argument(
        "--judge", help="the classifier that names what was sampled (default: that of the model's subject)"
    )
    options.add_argument(
        "--inception", action="store_true", help="also FID, KID and Inception score (downloads the network once)"
    )
    return options.parse_args(words)


def main(words=None):
    """Judge one model from the command line."""
    carry_out(judge, arguments(words))


def judge(args, watch):
    """Draw, describe, compare, and write the scores into the card; returns them as a dict that JSON can hold."""
    if args.offline and (args.inception or args.data):
        raise ValueError(
            "Offline there are no real images to compare with: leave out --offline, or --inception and --data."
        )
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    refuse(model.card)
    features, judge = CLASSIFIERS[model.card.subject]
    feature_network, second = (load(name, compute=compute) for name in (args.features or features, args.judge or judge))
    if args.samples < 2:
        raise ValueError("A distance needs at least two samples, and 2,000 to mean something: give more --samples.")
    if args.offline and model.card.size != feature_network.card.size:
        raise ValueError(
            f"The shipped statistics are of {feature_network.card.size}x{feature_network.card.size} images, {args.name} draws others: leave out --offline."
        )
    inception = download() if args.inception else None  # what may fail comes before what takes long
    images = None if args.offline else load_images(args.data, model.card.size, tqdm.write, model.card.subject)
    real = (
        Reference.load(SHIPPED)
        if args.offline
        else real_reference(feature_network, images, args.samples, partial(watch, words="features"))
    )
    preset, labels = Preset(**model.card.sampling), asked(model.card, real.class_counts, images, args.samples)
    samples = draw(model, preset, args.samples, labels, args.work, watch=partial(watch, words="drawing"))
    scores = distance_scores(real, describe(feature_network, samples, watch=partial(watch, words="features")).features)
    scores |= vae_score(model.card)
    scores["class_score"] = class_score(describe(second, samples).scores, bool(second.card.attributes))
    if images:
        scores["class_score_real"] = class_score(describe(second, images.images).scores, bool(second.card.attributes))
    if labels is not None and model.card.classes and model.card.classes == second.card.classes:
        scores |= class_accuracy_scores(second, samples, labels, images)
    if model.card.attributes and model.card.attributes == second.card.attributes:
        faces = draw_conditions(model, preset, args.work, watch=partial(watch, words="attributes"))
        scores |= attribute_scores(second, describe(second, faces).scores, conditions(model.card.attributes))
    if inception:
        scores |= inception_scores(inception, images.images, samples, watch=partial(watch, words="Inception"))
    scores = protocol(args, model.card, feature_network, second, images) | rounded(scores)
    if not args.dry:
        kept = {
            name: rows for name, rows in model.card.scores.items() if name.startswith("by_")
        }  # measured by commands of their own
        save_card(available()[args.name].parent, replace(model.card, scores=scores | kept))
    return scores


def vae_score(card):
    """Look up the baseline: how far a VAE of the same images came, if there is one that was judged."""
    others = [read_card(path) for path in available().values()] if card.prediction_type != "vae" else []
    vaes = [
        other
        for other in others
        if other.prediction_type == "vae" and (other.subject, other.size) == (card.subject, card.size)
    ]
    return next(({"FD_vae": vae.scores["FD"]} for vae in vaes if "FD" in vae.scores), {})


def refuse(card):
    """Say who is judged elsewhere, or not at all."""
    if card.prediction_type == "restoration":
        raise ValueError(
            f"{card.name} undoes degradations: judge it with 'python -m diffusion_edu.evaluation.restoration {card.name}'."
        )
    if card.conditioning_image and not card.conditioning_image.endswith("sketch"):
        raise ValueError(
            f"{card.name} enlarges images: judge it with 'python -m diffusion_edu.evaluation.super_resolution {card.name}'."
        )
    if card.text:
        raise ValueError(
            f"{card.name} draws what a text says: judge it with 'python -m diffusion_edu.evaluation.text_to_image {card.name}'."
        )
    if card.prediction_type in ("class", "attributes"):
        raise ValueError(f"{card.name} is a classifier: name a model that draws.")


def protocol(args, card, feature_network, second, images):
    """Say in words how the scores were measured."""
    options = ["--offline"] * args.offline + ["--inception"] * args.inception
    against = (
        "shipped statistics of the real images" if args.offline else f"all {len(images)} images of {images.source}"
    )
    wanted, how = (
        "asked for what real images show, " if card.conditional else "",
        "by the card's own preset, " if card.prediction_type != "vae" else "",
    )
    return {
        "protocol": f"{args.samples} samples, seeds from 0, {wanted}{how}against {against}; "
        f"features of {feature_network.card.name} (accuracy {feature_network.card.scores['validation_accuracy']:.3f}), class accuracy by {second.card.name} "
        f"(accuracy {second.card.scores['validation_accuracy']:.3f}), every class counting the same",
        "command": again("diffusion_edu.evaluation", args, *options),
    }


if __name__ == "__main__":
    main()
