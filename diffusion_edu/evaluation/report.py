"""The protocol: every number beside its floor and its baseline, so that it can be read without knowing the scale."""

from dataclasses import dataclass

import numpy as np
import torch

from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.sources import SPLITS
from diffusion_edu.evaluation.distances import Statistics, frechet, frechet_band, kernel
from diffusion_edu.evaluation.features import agreement, describe
from diffusion_edu.evaluation.neighbours import memorised


@dataclass(frozen=True)
class Reference:
    """What drawings are compared with: Statistics of real features, and, where the real pictures are at hand, their features (n, width)."""

    statistics: Statistics
    floor: float  # FD of one half of the real pictures to the other
    noise: float  # FD of pure noise
    kinds: torch.Tensor  # how many real pictures there are of each class, int64 (classes,); empty without classes
    features: torch.Tensor | None = None

    def save(self, path):
        """Write everything but the features to a .npz file."""
        np.savez(path, **vars(self.statistics), floor=self.floor, noise=self.noise, kinds=self.kinds)

    @classmethod
    def load(cls, path):
        """Read what save wrote; raises ValueError with one sentence if it is not there."""
        try:
            with np.load(path) as arrays:
                statistics = Statistics(*(torch.from_numpy(arrays[name]) for name in ("count", "total", "products")))
                return cls(
                    statistics, float(arrays["floor"]), float(arrays["noise"]), torch.from_numpy(arrays["kinds"])
                )
        except (OSError, ValueError, KeyError, EOFError):
            raise ValueError(f"The reference {path} is missing or broken: restore the file.") from None


def reference(features, noise, labels=None):
    """Make the reference of real features (n, width) and labels (n,), with its floor and the baseline of noise features (m, width)."""
    first, second = halves(features)
    classes = labels is not None and labels.ndim == 1
    kinds = labels.cpu().bincount() if classes else torch.empty(0, dtype=torch.int64)
    return Reference(Statistics.of(features), frechet(first, second), frechet(features, noise), kinds, features)


def real_reference(eyes, pictures, samples, watch=iter):
    """Let a classifier describe the real pictures, and as many of pure noise as there are samples."""
    noise = pure_noise(samples, pictures.images.shape[-1])
    return reference(
        *(describe(eyes, images, watch=watch).features for images in (pictures.images, noise)), pictures.labels
    )


def halves(features):
    """Split features (n, width) into two halves at random, always the same way."""
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(0))
    return features[order[: len(order) // 2]], features[order[len(order) // 2 :]]


def pure_noise(count, size, channels=3):
    """Draw the baseline that everyone must beat: standard normal noise as uint8 pictures (count, channels, size, size)."""
    return to_bytes(torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(0)))


def distance_scores(real, drawn):
    """Compare features (m, width) of drawings with a Reference: FD, and KD and the share of copies where the real features are at hand."""
    scores = {
        "FD": frechet(real.statistics, drawn),
        "FD_band": frechet_band(real.statistics, drawn),
        "FD_floor": real.floor,
        "FD_noise": real.noise,
    }
    scores["FD_share"] = (scores["FD"] - real.floor) / (real.noise - real.floor)
    if real.features is not None:
        scores["KD"], scores["KD_band"] = kernel(real.features, drawn)
        scores["KD_floor"], _ = kernel(*halves(real.features))
        scores["memorised"] = memorised(drawn, real.features)
    return scores


def agreement_scores(judge, images, labels, pictures=None, watch=iter):
    """Let a classifier judge uint8 images (m, 3, h, w) that were asked to be labels (m,), beside real pictures that it has not learned from."""
    scores = {"agreement": agreement(describe(judge, images, watch=watch).scores, labels)}
    if pictures is not None and pictures.split is not None:
        unseen = pictures.take(pictures.split == SPLITS.index("validation"))
        scores["agreement_real"] = agreement(describe(judge, unseen.images, watch=watch).scores, unseen.labels)
    else:
        scores["agreement_real"] = judge.card.scores["validation_accuracy"]
    return scores
