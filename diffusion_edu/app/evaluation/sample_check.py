"""A close look at samples: what is nearest to each of them, how far all of them lie from real images, and which colours they have."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.app.common import image_picker
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.stages import Stage
from diffusion_edu.checkpoints import PRETRAINED, Card, available
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.survey import Survey, survey
from diffusion_edu.evaluation.colours import channel_histograms, wasserstein
from diffusion_edu.evaluation.distances import Statistics
from diffusion_edu.evaluation.features import describe
from diffusion_edu.evaluation.sample_size import doubled_counts, perfect_model_fd, fd_of_subsets
from diffusion_edu.evaluation.neighbours import memorisation_threshold, nearest
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.generation import Preset, generate

BATCH, AT_ONCE, FEWEST, MANY = (
    8,
    32,
    4,
    2048,
)  # images sampled and described in one turn; samples that a distance is shown for
KNOWN = {}  # features and images of the last sets that were compared with, for everybody


@dataclass(frozen=True, eq=False)
class Seen:
    """Everything that was found out: n samples, what is nearest to each, and the numbers.

    images and neighbours uint8 (n, 3, h, w), files and distances (n,) of the neighbours; distances below limit are those of copies;
    curves: {name: [(samples, FD, its deviation)]}; shares: values of samples and of the others, (3, 256) each, and W1 between them (3,).
    """

    images: Tensor
    neighbours: Tensor
    files: list[str]
    distances: Tensor
    limit: float
    curves: dict
    fractions: tuple[Tensor, Tensor]
    moved: Tensor
    among: int
    source: str


@dataclass(frozen=True)
class Look:
    """Which samples (card None: some of our image set, chosen by the seed) are compared with which images (path "": those of our set)."""

    card: Card | None
    count: int
    seed: int
    path: str = ""
    most: int = 1000

    @property
    def id(self):
        """The same for the same choices."""
        about = (self.card and (self.card.name, self.card.sha256), self.count, self.seed, self.path, self.most)
        return hashlib.sha256(repr(about).encode()).hexdigest()

    @property
    def feature_network(self):
        """The name of the classifier whose features are compared."""
        faces = self.card is not None and self.card.attributes and "face_features" in available()
        return "face_features" if faces else "flower_features"

    @property
    def preset(self):
        """How the samples are made."""
        return Preset(**self.card.sampling)

    @property
    def batches(self):
        """The seeds of the samples, a few at a time."""
        return [
            range(at, min(at + BATCH, self.seed + self.count)) for at in range(self.seed, self.seed + self.count, BATCH)
        ]

    @property
    def chosen(self):
        """The rows of our set that are looked at, where nothing is sampled anew."""
        return torch.randperm(len(image_picker.images()), generator=torch.Generator().manual_seed(self.seed))[
            : self.count
        ]

    @property
    def shipped(self):
        """Where the statistics of real images lie that ship with the app, if those are the ones to compare with."""
        path = PRETRAINED / f"{self.feature_network.removesuffix('_features')}_reference.npz"
        return path if not self.path and path.is_file() else None

    def items(self, model, feature_network) -> Iterator[Stage | Seen]:
        """Draw, describe and compare: yields Stages, and Seen at last; model is None where nothing is sampled anew."""
        images = image_picker.images().images[self.chosen]
        if model is not None:
            images = yield from self._draw(model)
        sampled = yield from described(feature_network, images, "Looking at the samples", self.total(0))
        known, features = yield from self._reference(feature_network)
        if model is None and not self.path:
            others = torch.ones(len(features), dtype=torch.bool).index_fill(0, self.chosen, False).nonzero().flatten()
            known, features = known.take(others), features[others]
        yield Stage("Looking for the nearest", self.total(len(features)))
        distances, rows = nearest(sampled, features)
        limit = memorisation_threshold(features)
        curves = yield from self._curves(sampled, features)
        fractions = channel_histograms(images), channel_histograms(known.images.images)
        files = [known.files[row] for row in rows.tolist()]
        found = known.images.images[rows], files, distances, limit, curves, fractions, wasserstein(*fractions)
        yield Seen(images, *found, len(features), known.images.source)

    def total(self, among):
        """How many items there will be, when the set holds `among` images."""
        drawing = 0 if self.card is None else len(self.batches) * (self.preset.steps + 1)
        return drawing + (self.count + 2 * (among or self.most)) // AT_ONCE + 12

    def _draw(self, model):
        """Draw every batch; yields Stages, returns all images."""
        done = []
        for seeds in self.batches:
            for state in generate(model, self.preset, seeds, self.card.labels_for(seeds)):
                under_way = to_bytes(state.x).cpu()
                yield Stage(
                    f"Drawing {len(done) * BATCH + len(seeds)} of {self.count}",
                    self.total(0),
                    torch.cat([*done, under_way]),
                )
            done.append(under_way)
        return torch.cat(done)

    def _reference(self, feature_network):
        """Read and describe what is compared with, or remember it; yields Stages, returns a Survey and the features of its images (m, width)."""
        path = Path(self.path).expanduser()
        key = feature_network.card.sha256, self.path and (str(path.resolve()), path.stat().st_mtime_ns, self.most)
        if key not in KNOWN:
            if self.path:
                for found in survey(path, most=self.most):
                    if not isinstance(found, Survey):
                        yield Stage("Reading {:,} of {:,} images".format(*found), self.total(found[1]))
            else:
                ours = image_picker.images()
                found = Survey(
                    ours, [ours.classes[label] for label in ours.labels.tolist()], {}, [""] * len(ours), [], len(ours)
                )
            features = yield from described(
                feature_network, found.images.images, "Looking at the others", self.total(len(found.images))
            )
            remember(key, (found, features))
        return KNOWN[key]

    def _curves(self, sampled, features):
        """Measure FD for more and more samples: of the samples, and of a perfect model; yields Stages, returns {name: points}."""
        if self.path and len(features) > 1:
            real = Statistics.of(features)
        elif self.shipped:
            real = Reference.load(self.shipped).statistics
        else:
            return {}
        curves = {"these samples": [], "a perfect model": []}
        for count in doubled_counts(FEWEST, self.count):
            yield Stage(f"FD of {count} of the samples", self.total(len(features)))
            curves["these samples"].append((count, *fd_of_subsets(real, sampled, count)))
        for count in [
            *doubled_counts(FEWEST, self.count),
            *(2**k * self.count for k in range(1, 10) if 2**k * self.count <= MANY),
        ]:
            yield Stage(f"FD of {count} images by a perfect model", self.total(len(features)))
            curves["a perfect model"].append((count, *perfect_model_fd(real, count)))
        return curves


def remember(key, known):
    """Keep a set that was compared with, and forget all but one of those before."""
    while len(KNOWN) > 1:
        KNOWN.pop(next(iter(KNOWN)))
    KNOWN[key] = known


def described(feature_network, images, words, total):
    """Describe images uint8 (n, 3, h, w) a few at a time; yields Stages, returns the features (n, width)."""
    seen = []
    for some in images.split(AT_ONCE):
        yield Stage(words, total, None)
        begun = time.perf_counter()
        seen.append(describe(feature_network, some).features)
        timing.PACE[feature_network.card.name] = (time.perf_counter() - begun) / len(some)
    return torch.cat(seen)
