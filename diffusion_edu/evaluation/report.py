"""The protocol: every number beside its floor and its baseline, so that it can be read without knowing the scale."""

from dataclasses import dataclass

import numpy as np
import torch

from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.evaluation.distances import Statistics, frechet, frechet_band, kernel
from diffusion_edu.evaluation.features import class_accuracy, describe
from diffusion_edu.evaluation.neighbours import memorised


@dataclass(frozen=True)
class Reference:
    """What samples are compared with: Statistics of real features, and their features (n, width) if available."""

    statistics: Statistics
    floor: float  # FD of one half of the real images to the other
    noise: float  # FD of pure noise
    class_counts: torch.Tensor  # how many real images there are of each class, int64 (classes,); empty without classes
    features: torch.Tensor | None = None

    def save(self, path):
        """Write everything but the features to a .npz file."""
        np.savez(path, **vars(self.statistics), floor=self.floor, noise=self.noise, class_counts=self.class_counts)

    @classmethod
    def load(cls, path):
        """Read a file that `save` wrote; raises ValueError with one sentence if it is missing or broken."""
        try:
            with np.load(path) as arrays:
                statistics = Statistics(*(torch.from_numpy(arrays[name]) for name in ("count", "total", "products")))
                counts = torch.from_numpy(arrays["class_counts"])
                return cls(statistics, float(arrays["floor"]), float(arrays["noise"]), counts)
        except (OSError, ValueError, KeyError, EOFError):
            raise ValueError(f"The reference {path} is missing or broken: restore the file.") from None


def reference(features, noise, labels=None, known=0):
    """Build the reference of real features (n, width) and labels (n,) of `known` classes or more, with noise features
    (m, width).

    Raises ValueError for fewer than four real images.
    """
    if len(features) < 4:
        raise ValueError(
            f"{len(features)} real image{'s are' if len(features) > 1 else ' is'} too few to measure distances to: "
            "give at least 4, and 1,000 or more for numbers that mean something."
        )
    first, second = halves(features)
    classes = labels is not None and labels.ndim == 1
    class_counts = labels.cpu().bincount(minlength=known) if classes else torch.empty(0, dtype=torch.int64)
    return Reference(Statistics.of(features), frechet(first, second), frechet(features, noise), class_counts, features)


def real_reference(feature_network, dataset, samples, watch=iter):
    """Build the reference of a set of real images; the noise baseline has as many images as `samples`."""
    noise = pure_noise(samples, dataset.images.shape[-1])
    real, baseline = (describe(feature_network, images, watch=watch).features for images in (dataset.images, noise))
    return reference(real, baseline, dataset.labels, len(dataset.classes))


def halves(features):
    """Split features (n, width) into two random halves, always the same ones."""
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(0))
    return features[order[: len(order) // 2]], features[order[len(order) // 2 :]]


def pure_noise(count, size, channels=3):
    """Sample the baseline that every model must beat: Gaussian noise as uint8 images (count, channels, size, size)."""
    return to_bytes(torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0)))


def distance_scores(real, generated):
    """Compare features (m, width) of samples with a Reference: FD, and KD and memorised if it has features.

    Raises ValueError for fewer than two samples.
    """
    if len(generated) < 2:
        raise ValueError("A distance needs at least two samples, and 2,000 to mean something: give more.")
    scores = {
        "FD": frechet(real.statistics, generated),
        "FD_band": frechet_band(real.statistics, generated),
        "FD_floor": real.floor,
        "FD_noise": real.noise,
    }
    if real.noise > real.floor:
        scores["FD_fraction"] = (scores["FD"] - real.floor) / (real.noise - real.floor)
    if real.features is not None:
        scores["KD"], scores["KD_band"] = kernel(real.features, generated)
        scores["KD_floor"], _ = kernel(*halves(real.features))
        scores["memorised"] = memorised(generated, real.features)
    return scores


def class_accuracy_scores(classifier, images, labels, dataset=None, watch=iter):
    """Measure the class accuracy of uint8 images (m, 3, h, w) with labels (m,), and of real held-out images."""
    scores = {"class_accuracy": class_accuracy(describe(classifier, images, watch=watch).scores, labels)}
    held = None if dataset is None or dataset.split is None else dataset.split == SPLITS.index("validation")
    if held is not None and held.any():
        unseen = dataset.take(held)
        real = class_accuracy(describe(classifier, unseen.images, watch=watch).scores, unseen.labels)
    else:
        real = classifier.card.scores["validation_accuracy"]
    return scores | {"class_accuracy_real": real}
