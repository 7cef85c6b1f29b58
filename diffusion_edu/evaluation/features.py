"""What a classifier computes from images: features, for the distances, and class scores, for class accuracy."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.checkpoints import load
from diffusion_edu.data.images import to_signed

CLASSIFIERS = {  # by subject: the feature network, and the evaluation classifier
    "flowers": ("flower_features", "flower_classifier"),
    "five flowers": ("flower_features", "flower_classifier"),
    "faces": ("face_features", "face_classifier"),
    "captioned images": ("scene_features", "scene_classifier"),
}


def load_feature_network(card, name=None, compute=None):
    """Load the feature network of this name, or the usual one for what the images of a card show.

    Raises ValueError if the model is no classifier or none is known.
    """
    return load_known_classifier(name or usual_classifier(card, 0, "--features"), compute)


def load_evaluation_classifier(card, name=None, compute=None):
    """Load the evaluation classifier of this name, or the usual one; see load_feature_network."""
    return load_known_classifier(name or usual_classifier(card, 1, "--classifier"), compute)


def load_known_classifier(name, compute=None):
    """Load a classifier; raises ValueError if it is none, or its card does not say how well it classifies."""
    model = load(name, compute=compute)
    if model.card.prediction_type not in ("class", "attributes"):
        raise ValueError(f"{name} is no classifier: name one, for example flower_features.")
    if "validation_accuracy" not in model.card.scores:
        raise ValueError(f"The card of {name} does not say how well it classifies: train it to the end first.")
    return model


def usual_classifier(card, role, option):
    """Look up the classifier for what the images of a card show; raises ValueError, which names the option, if none is
    known.
    """
    if card.subject not in CLASSIFIERS:
        raise ValueError(f"No classifier is known for images of {card.subject}: train one, and name it with {option}.")
    return CLASSIFIERS[card.subject][role]


@dataclass(frozen=True)
class Description:
    """The features float32 (n, width) and class scores (logits) float32 (n, classes) of n images."""

    features: Tensor
    scores: Tensor

    def __len__(self):
        return len(self.features)


@torch.no_grad()
def describe(classifier, images, batch=128, watch: Callable[[Iterable], Iterable] = iter):
    """Compute features and scores of uint8 images (n, 3, h, w) with a loaded classifier, scaled to its training size.

    watch may wrap the batches in a progress bar.
    """
    net, compute, size, found = classifier.net, classifier.compute, classifier.card.size, []
    for some in watch(images.split(batch)):
        x = to_signed(some.to(compute.device))
        if x.shape[-1] != size:
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
        with torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None):
            features = net.features(compute.place(x))
            found.append((features.float().cpu(), net.head(features).float().cpu()))
    return Description(*(torch.cat(rows) for rows in zip(*found, strict=True)))


def balanced_accuracies(scores, labels):
    """Measure the balanced accuracy of every attribute, (attributes,) in 0 to 1, from scores and labels (n,
    attributes).

    A score above 0 means yes. Yes (label 1) and no (label -1) count the same, however rare one of them is; a label of 0
    does not count, and an attribute without both is NaN.
    """
    yes, no = (labels > 0).double(), (labels < 0).double()
    predicted = (scores > 0).double()
    return ((predicted * yes).sum(0) / yes.sum(0) + ((1 - predicted) * no).sum(0) / no.sum(0)) / 2


def class_score(scores, attributes=False):
    """Compute an Inception-Score-like number from scores (n, classes): 1 at worst, the number of classes at best.

    It is high if the classifier is sure of each image and the images are varied: the exponential of the mutual
    information of image and class. The Inception Score (Salimans et al. 2016, sec. 4) is this with one particular
    network. With attributes, the information about all of them is added up.
    """
    probabilities = scores.double().sigmoid() if attributes else scores.double().softmax(1)
    if attributes:
        probabilities = torch.stack([probabilities, 1 - probabilities], dim=1)
    mean = probabilities.mean(0, keepdim=True)
    entropy = torch.special.entr(probabilities).flatten(1).sum(1).mean()
    return torch.special.entr(mean).sum().sub(entropy).exp().item()


def class_accuracy(scores, labels):
    """Measure how often the class with the highest score (n, classes) is the label (n,), 0 to 1.

    Every class that occurs counts the same; without labels it is NaN.
    """
    if not len(labels):
        return math.nan
    correct = (scores.argmax(1) == labels).double()
    return torch.stack([correct[labels == label].mean() for label in labels.unique()]).mean().item()


def category_class_accuracy(scores, labels, categories):
    """Measure how often the most probable category is that of the label (n,); see class_accuracy.

    The probability of a category is the sum over its classes. scores (n, classes); categories names that of each class.
    """
    names = sorted(set(categories))
    of = torch.tensor([names.index(category) for category in categories], device=scores.device)
    return class_accuracy(scores.double().softmax(1) @ F.one_hot(of, len(names)).double(), of[labels])
