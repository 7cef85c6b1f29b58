"""What a classifier sees in images: features for the distances, and the class it would name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.data.images import to_signed

CLASSIFIERS = {  # by subject: whose features are compared, and who judges
    "flowers": ("flower_features", "flower_classifier"),
    "five flowers": ("flower_features", "flower_classifier"),
    "faces": ("face_features", "face_classifier"),
    "captioned images": ("scene_features", "scene_classifier"),
}


@dataclass(frozen=True)
class Description:
    """What a classifier makes of n images: features float32 (n, width) and scores per class float32 (n, classes)."""

    features: Tensor
    scores: Tensor

    def __len__(self):
        return len(self.features)


@torch.no_grad()
def describe(classifier, images, batch=128, watch: Callable[[Iterable], Iterable] = iter):
    """Describe uint8 images (n, 3, h, w) by a loaded classifier, scaled to the size it was trained on; watch may wrap the batches in a bar."""
    net, compute, size, seen = classifier.net, classifier.compute, classifier.card.size, []
    for some in watch(images.split(batch)):
        x = to_signed(some.to(compute.device))
        if x.shape[-1] != size:
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
        with torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None):
            features = net.features(compute.place(x))
            seen.append((features.float().cpu(), net.head(features).float().cpu()))
    return Description(*(torch.cat(rows) for rows in zip(*seen, strict=True)))


def balanced_accuracies(scores, labels):
    """Say for each attribute how often scores (n, attributes) are above 0 where labels are 1 and below where they are -1, (attributes,) in 0 to 1.

    Yes and no count the same, however rare one of them is; a label of 0 does not count, and an attribute without both is NaN.
    """
    yes, no = (labels > 0).double(), (labels < 0).double()
    said = (scores > 0).double()
    return ((said * yes).sum(0) / yes.sum(0) + ((1 - said) * no).sum(0) / no.sum(0)) / 2


def class_score(scores, attributes=False):
    """Say how sure a classifier is of each image and how varied they are, from its scores (n, classes): 1 at worst, the number of classes at best.

    The exponential of the information that an image gives about its class; the Inception score (Salimans et al. 2016, sec. 4)
    is this with one certain network. With attributes, it is the information about all of them, added up.
    """
    chances = scores.double().sigmoid() if attributes else scores.double().softmax(1)
    if attributes:
        chances = torch.stack([chances, 1 - chances], dim=1)
    mean = chances.mean(0, keepdim=True)
    return torch.special.entr(mean).sum().sub(torch.special.entr(chances).flatten(1).sum(1).mean()).exp().item()


def class_accuracy(scores, labels):
    """Say how often the class with the highest score (n, classes) is the one asked for (n,), every class that occurs counting the same, 0 to 1."""
    right = (scores.argmax(1) == labels).double()
    return torch.stack([right[labels == prediction_type].mean() for prediction_type in labels.unique()]).mean().item()


def category_class_accuracy(scores, labels, categories):
    """Say how often the category with the highest chance, the sum of those of its classes, is that of the class asked for (n,): see class accuracy.

    scores (n, classes); categories names that of each class.
    """
    names = sorted(set(categories))
    of = torch.tensor([names.index(category) for category in categories], device=scores.device)
    return class_accuracy(scores.double().softmax(1) @ F.one_hot(of, len(names)).double(), of[labels])
