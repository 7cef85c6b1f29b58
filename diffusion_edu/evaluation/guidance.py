"""What does guidance cost? FD, accuracy and diversity by scale: `python -m diffusion_edu.evaluation.guidance NAME`."""

import math
from dataclasses import replace
from functools import partial
from statistics import mean

from tqdm import tqdm

from diffusion_edu.analysis.measures import mean_distance
from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation.attributes import (
    EVALUATED,
    attribute_conditions,
    attribute_scores,
    generate_with_attributes,
)
from diffusion_edu.evaluation.command_line import base_parser, guidance_scale, repeat_command, rounded, run_evaluation
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import (
    class_accuracy,
    describe,
    load_evaluation_classifier,
    load_feature_network,
)
from diffusion_edu.evaluation.report import real_reference
from diffusion_edu.evaluation.samples import conditions_for, generate_samples
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

SCALES = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)


def main(words=None):
    """Evaluate one model at several guidance scales from the command line."""
    options = base_parser("diffusion_edu.evaluation.guidance", __doc__, samples=1000, example="flowers_attention")
    options.add_argument("--guidance-scales", type=guidance_scale, nargs="+", default=SCALES)
    run_evaluation(evaluate, options.parse_args(words))


def evaluate(args, watch):
    """Evaluate the same conditions at every guidance scale, and write a row for each into the card (by_guidance)."""
    compute = choose(args.device)
    model = load(args.name, compute=compute)
    if not model.card.condition_names or not model.card.generates:
        raise ValueError(
            f"{args.name} is conditioned neither on classes nor on attributes, so guidance has no effect: "
            "name a model that is."
        )
    feature_network = load_feature_network(model.card, args.features, compute)
    classifier = load_evaluation_classifier(model.card, compute=compute)
    dataset = load_images(args.data, model.card.size, tqdm.write, model.card.subject)
    if [*dataset.classes, *dataset.attributes] != model.card.condition_names:
        raise ValueError(
            f"{dataset.source} has other classes than {args.name}: give the images that it was trained on."
        )
    real = real_reference(feature_network, dataset, args.samples, partial(watch, words="features"))
    labels = conditions_for(model.card, real.class_counts, dataset, args.samples)
    if model.card.attributes:
        groups = group_by_attribute(real.features, dataset)
    else:
        groups = group_by_label(real.features, dataset.labels)
    rows = []
    for scale in args.guidance_scales:
        preset = replace(Preset(**model.card.sampling), guidance_scale=scale)
        bar = partial(watch, words=f"guidance {scale:g}")
        samples = generate_samples(model, preset, args.samples, labels, args.work, watch=bar)
        features = describe(feature_network, samples).features
        accuracy, varied = fidelity_and_diversity(
            model, preset, feature_network, classifier, samples, labels, args.work
        )
        row = {
            "guidance_scale": scale,
            "FD": frechet(real.statistics, features),
            "FD_band": frechet_band(real.statistics, features),
            "class_accuracy": accuracy,
            "diversity": varied / (diversity(groups) or math.nan),
        }
        rows.append(rounded(row))
    usual = tuple(args.guidance_scales) == SCALES
    options = [] if usual else ["--guidance-scales", *(f"{scale:g}" for scale in args.guidance_scales)]
    command = repeat_command("diffusion_edu.evaluation.guidance", args, *options)
    scores = {"by_guidance": rows, "by_guidance_command": command}
    if not args.dry:
        save_card(available()[args.name].parent, replace(model.card, scores=model.card.scores | scores))
    return scores


def fidelity_and_diversity(model, preset, feature_network, classifier, samples, labels, work):
    """Measure class accuracy by the evaluation classifier, and the diversity of samples with the same condition.

    A model with attributes generates images of its own for this, one attribute at a time.
    """
    if not model.card.attributes:
        features = describe(feature_network, samples).features
        return class_accuracy(describe(classifier, samples).scores, labels), diversity(group_by_label(features, labels))
    conditions = attribute_conditions(model.card.attributes)
    faces = generate_with_attributes(model, preset, work)
    accuracy = attribute_scores(classifier, describe(classifier, faces).scores, conditions)["class_accuracy"]
    return accuracy, diversity(group_by_label(describe(feature_network, faces).features, conditions))


def group_by_label(features, labels):
    """Split features (n, width) into groups of equal labels (n, ...)."""
    _, groups = labels.unique(dim=0, return_inverse=True)
    return [features[groups == group] for group in groups.unique()]


def group_by_attribute(features, dataset):
    """Select features (n, width) of real images for every evaluated attribute: those with it, and those without it."""
    columns = [dataset.attributes.index(name) for name in EVALUATED]
    return [features[dataset.labels[:, column] == has] for column in columns for has in (1, -1)]


def diversity(groups, most=500):
    """Measure the mean distance of all pairs of images in a group, averaged over groups of features (n, width).

    NaN if no group has two images.
    """
    distances = [mean_distance(features[:most]) for features in groups if len(features) > 1]
    return mean(distances) if distances else math.nan


if __name__ == "__main__":
    main()
