"""The check of samples: the nearest image to each of them, their distance to real images (FD), and their colours."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from diffusion_edu.app.common import image_picker
from diffusion_edu.app.common.neighbour_search import BATCH, CACHE, features_of, remember
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.jobs.progress import Progress
from diffusion_edu.checkpoints import PRETRAINED, Card, available
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.places import state_of
from diffusion_edu.data.survey import Survey, survey
from diffusion_edu.evaluation.colours import channel_histograms, wasserstein
from diffusion_edu.evaluation.distances import Statistics
from diffusion_edu.evaluation.neighbours import memorisation_threshold, nearest
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.evaluation.sample_size import doubled_counts, fd_of_subsets, perfect_model_fd
from diffusion_edu.generation import Preset, generate

SAMPLING_BATCH = 8
MIN_COUNT, MAX_COUNT = 4, 2048  # numbers of samples that FD is measured for


@dataclass(frozen=True, eq=False)
class SampleReport:
    """What was measured on n samples.

    images, and neighbours, the nearest image to each, uint8 (n, 3, h, w); files and distances (n,) of the neighbours;
    samples with a distance below `limit` may be memorised; curves: {name: [(number of samples, FD, its standard
    deviation)]}; histograms of the samples and of the reference, (3, 256) each, and their Wasserstein-1 distance,
    colour_distances (3,).
    """

    images: Tensor
    neighbours: Tensor
    files: list[str]
    distances: Tensor
    limit: float
    curves: dict
    histograms: tuple[Tensor, Tensor]
    colour_distances: Tensor
    reference_count: int
    source: str


@dataclass(frozen=True)
class SampleRequest:
    """The samples to check and the reference images to compare them with.

    card None: samples from our image set, chosen by the seed; path "": the reference is our image set too.
    """

    card: Card | None
    count: int
    seed: int
    path: str = ""
    max_images: int = 1000

    @property
    def id(self):
        """The same for the same settings and the same files."""
        model = self.card and (self.card.name, self.card.sha256)
        return settings_id(model, self.count, self.seed, self.path, self.state, self.max_images)

    @cached_property
    def state(self):
        """How the files at the path look now: another text after any change."""
        return state_of(self.path) if self.path else ""

    @property
    def models(self):
        """The names of the model, or None, and of the feature network."""
        return [self.card and self.card.name, self.feature_network]

    @property
    def feature_network(self):
        """The name of the classifier whose features are compared."""
        faces = self.card is not None and self.card.attributes and "face_features" in available()
        return "face_features" if faces else "flower_features"

    @property
    def preset(self):
        """The preset that the samples are generated with."""
        return Preset(**self.card.sampling)

    @property
    def batches(self):
        """The seeds of the samples, batch by batch."""
        end = self.seed + self.count
        return [range(at, min(at + SAMPLING_BATCH, end)) for at in range(self.seed, end, SAMPLING_BATCH)]

    @property
    def rows(self):
        """The rows of our image set that are checked, if nothing is generated."""
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randperm(len(image_picker.images()), generator=generator)[: self.count]

    @property
    def statistics_path(self):
        """The path of the shipped statistics of real images, if these are the ones to compare with, else None."""
        path = PRETRAINED / f"{self.feature_network.removesuffix('_features')}_reference.npz"
        return path if not self.path and path.is_file() else None

    def run(self, model, feature_network) -> Iterator[Progress | SampleReport]:
        """Generate, compute features and compare; yields Progress, and the SampleReport at last.

        model is None if nothing is generated.
        """
        images = image_picker.images().images[self.rows]
        if model is not None:
            images = yield from self._generate(model)
        sample_features = yield from features_of(feature_network, images, "Features of the samples", self.total(0))
        reference, features = yield from self._reference(feature_network)
        if model is None and not self.path:
            is_other = torch.ones(len(features), dtype=torch.bool).index_fill(0, self.rows, False)
            others = is_other.nonzero().flatten()
            reference, features = reference.take(others), features[others]
        yield Progress("Searching for the nearest images", self.total(len(features)))
        distances, rows = nearest(sample_features, features)
        limit = memorisation_threshold(features) if len(features) >= MIN_COUNT else 0.0
        curves = yield from self._curves(sample_features, features)
        dataset = reference.images
        histograms = channel_histograms(images), channel_histograms(dataset.images)
        yield SampleReport(
            images,
            dataset.images[rows],
            [reference.files[row] for row in rows.tolist()],
            distances,
            limit,
            curves,
            histograms,
            wasserstein(*histograms),
            len(features),
            dataset.source,
        )

    def total(self, reference_count):
        """The number of items, when the reference holds so many images; 0 if that is not known yet."""
        sampling = 0 if self.card is None else len(self.batches) * (self.preset.steps + 1)
        return sampling + (self.count + 2 * (reference_count or self.max_images)) // BATCH + 12

    def _generate(self, model):
        """Generate every batch; yields Progress, returns all images."""
        finished = []
        for seeds in self.batches:
            words = f"Sampling {len(finished) * SAMPLING_BATCH + len(seeds)} of {self.count}"
            for state in generate(model, self.preset, seeds, self.card.labels_for(seeds)):
                current = to_bytes(state.x).cpu()
                yield Progress(words, self.total(0), torch.cat([*finished, current]))
            finished.append(current)
        return torch.cat(finished)

    def _reference(self, feature_network):
        """Read the reference and compute its features, or take them from the cache.

        Yields Progress, returns a Survey and the features of its images (m, width).
        """
        key = feature_network.card.sha256, self.path and (self.path, self.state, self.max_images)
        if key not in CACHE:
            if self.path:
                for found in survey(self.path, most=self.max_images):
                    if not isinstance(found, Survey):
                        yield Progress("Reading {:,} of {:,} images".format(*found), self.total(found[1]))
            else:
                found = our_survey()
            images = found.images.images
            words, total = "Features of the reference images", self.total(len(images))
            features = yield from features_of(feature_network, images, words, total)
            remember(key, (found, features))
        return CACHE[key]

    def _curves(self, sample_features, features):
        """Measure FD for more and more samples, and of a perfect model; yields Progress, returns {name: points}.

        Nothing is measured to fewer than MIN_COUNT images of one's own, or to equal ones.
        """
        if self.path:
            if len(features) < MIN_COUNT or not memorisation_threshold(features):
                return {}
            real = Statistics.of(features)
        elif self.statistics_path:
            real = Reference.load(self.statistics_path).statistics
        else:
            return {}
        curves, total = {"these samples": [], "a perfect model": []}, self.total(len(features))
        counts = doubled_counts(MIN_COUNT, self.count)
        for count in counts:
            yield Progress(f"FD of {count} of the samples", total)
            curves["these samples"].append((count, *fd_of_subsets(real, sample_features, count)))
        for count in [*counts, *(2**k * self.count for k in range(1, 10) if 2**k * self.count <= MAX_COUNT)]:
            yield Progress(f"FD of {count} images by a perfect model", total)
            curves["a perfect model"].append((count, *perfect_model_fd(real, count)))
        return curves


def our_survey():
    """Return the Survey of our image set; the class stands for the name of the file."""
    ours = image_picker.images()
    files = [ours.classes[label] for label in ours.labels.tolist()]
    return Survey(ours, files, {}, [""] * len(ours), [], len(ours))
