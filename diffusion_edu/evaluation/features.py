"""What a classifier computes from images: features, for the distances, and class scores, for class accuracy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.data.images import to_signed

CLASSIFIERS = {  # by subject: the feature network, and the evaluation classifier
    "flowers": ("flower_features", "flower_classifier"),
    "five flowers": ("flower_features", "flower_classifier"),
    "faces": ("face_features", "face_classifier"),
    "captioned images": ("scene_features", "scene_classifier"),
}


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

    Every class that occurs counts the same.
    """
    correct = (scores.argmax(1) == labels).double()
    return torch.stack([correct[labels == label].mean() for label in labels.unique()]).mean().item()


def category_class_accuracy(scores, labels, categories):
    """Measure how often the most probable category is that of the label (n,); see class_accuracy.

    The probability of a category is the sum over its classes. scores (n, classes); categories names that of each class.
    """
    names = sorted(set(categories))
    of = torch.tensor([names.index(category) for category in categories], device=scores.device)
    return class_accuracy(scores.double().softmax(1) @ F.one_hot(of, len(names)).double(), of[labels])
