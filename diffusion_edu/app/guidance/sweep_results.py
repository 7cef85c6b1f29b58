"""What is measured on the images of one guidance scale: condition fidelity and diversity."""

from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.analysis.measures import mean_distance, wilson_interval
from diffusion_edu.checkpoints import Unusable, available, read_card
from diffusion_edu.evaluation.features import CLASSIFIERS, describe


@dataclass(frozen=True)
class ScaleResult:
    """The images of one guidance scale, uint8 (n, 3, h, w), and their measurements; None where a classifier is missing.

    nfe: network evaluations per image; recognised: which images the evaluation classifier recognises as the condition;
    pixel_distance, feature_distance: the mean distance between two images, in pixels and in features (diversity).
    """

    images: Tensor
    seconds: float
    nfe: int
    pixel_distance: float
    recognised: list[bool] | None = None
    feature_distance: float | None = None


def evaluators(card, condition):
    """Return the card of the evaluation classifier for a model and the name of its feature network.

    Each is None if it is not installed, the classifier also if it does not know the condition.
    """
    installed, (feature_network, name) = available(), CLASSIFIERS.get(card.subject, ("", ""))
    try:
        classifier = read_card(installed[name]) if name in installed else None
    except Unusable:
        classifier = None
    if classifier and condition.label(classifier) is None:
        classifier = None
    return classifier, feature_network if feature_network in installed else None


def measure(images, seconds, nfe, condition, classifier, feature_network):
    """Measure the images of one guidance scale, uint8 (n, 3, h, w); returns a ScaleResult."""
    recognised = feature_distance = None
    if classifier:
        recognised = shows(describe(classifier, images).scores, condition.label(classifier.card)).tolist()
    if feature_network:
        feature_distance = mean_distance(describe(feature_network, images).features)
    return ScaleResult(images, seconds, nfe, mean_distance(images / 127.5), recognised, feature_distance)


def shows(scores, label):
    """Return which images show the condition, by their scores (n, classes): the class, or all attributes; bool (n,)."""
    if isinstance(label, int):
        return scores.argmax(1) == label
    label = torch.tensor(label)
    return (scores * label > 0)[:, label != 0].all(1)


def fidelity(finished):
    """Return the condition fidelity of every finished scale and its 95 % interval, [(fraction, (low, high))].

    The list is empty without a classifier.
    """
    counts = [(sum(one.recognised), len(one.recognised)) for one in finished.values() if one.recognised is not None]
    return [(hits / tries, wilson_interval(hits, tries)) for hits, tries in counts]
