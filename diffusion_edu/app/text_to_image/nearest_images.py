"""Samples of a prompt and the training images nearest to them, to see whether the model has memorised images."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from diffusion_edu.app.common import models
from diffusion_edu.app.common.neighbour_search import BATCH, CACHE, features_of, remember
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.jobs.progress import Progress
from diffusion_edu.app.jobs.task import Task
from diffusion_edu.app.text_to_image import request
from diffusion_edu.app.text_to_image.request import TextRequest
from diffusion_edu.data.places import state_of
from diffusion_edu.data.survey import Survey, survey
from diffusion_edu.evaluation.neighbours import memorisation_threshold, nearest
from diffusion_edu.evaluation.training_images import decode_training_images
from diffusion_edu.latent.text_to_image import TextToImage, sample

KEY = "nearest"


@dataclass(frozen=True, eq=False)
class NearestImages:
    """Samples uint8 (n, 3, h, w), the nearest image to each, its file name and distance, and the set they come from.

    A sample at a distance below limit may be memorised. compared of available images were searched.
    """

    images: Tensor
    neighbours: Tensor
    files: list[str]
    distances: Tensor
    limit: float
    compared: int
    available: int
    source: str


@dataclass(frozen=True, eq=False)
class NearestImageSearch:
    """A search: `count` samples of a TextRequest, compared with at most `limit` images at a path.

    latents: the path holds the latents of a training, not images. feature_network: the name of a classifier, whose
    features are compared.
    """

    request: TextRequest
    count: int
    path: str
    latents: bool
    limit: int
    feature_network: str

    functions = (nearest, memorisation_threshold, decode_training_images)

    @property
    def id(self):
        """Equal for equal settings and the same files."""
        settings = self.request.settings, self.count, self.path, self.state, self.limit, self.feature_network
        return settings_id(*settings)

    @cached_property
    def state(self):
        """How the files at the path look now: another text after any change."""
        return state_of(self.path) if self.path else ""

    @property
    def total(self):
        """About the number of items."""
        return len(self.request.preset.timesteps()) + (self.count + 2 * self.limit) // BATCH + 2

    def task(self):
        """Make the Task; its result is NearestImages."""
        name = self.request.card.name
        load = {name: request.load}
        return Task(
            KEY,
            self.id,
            self.run,
            self.total,
            request=self,
            models=[name, self.feature_network],
            keep=lambda index: False,
            load=lambda model: load.get(model, models.get)(model),
        )

    def run(self, text_to_image: TextToImage, feature_network) -> Iterator[Progress | NearestImages]:
        """Generate, compute features and compare: yields Progress, and NearestImages at the end."""
        generation = sample(self.request.prompt_request(text_to_image, self.count))
        return self._run(generation, text_to_image, feature_network)

    def _run(self, generation, text_to_image, feature_network):
        for state in generation:
            yield Progress(f"Sampling {self.count} images: timestep {state.t}", self.total)
        images = generation.decode(state.x)
        sampled = yield from features_of(feature_network, images, "Computing features of the samples", self.total)
        known, features = yield from self._known(text_to_image, feature_network)
        yield Progress("Searching the nearest images", self.total)
        distances, rows = nearest(sampled, features)
        files, limit = [known.files[row] for row in rows.tolist()], memorisation_threshold(features)
        neighbours, source = known.images.images[rows], known.images.source
        yield NearestImages(images, neighbours, files, distances, limit, len(features), known.found, source)

    def _known(self, text_to_image, feature_network):
        """Read the images and compute their features, or take them from the cache.

        Yields Progress; returns a Survey and the features of its images (m, width).
        """
        key = feature_network.card.sha256, (self.path, self.state, self.limit, text_to_image.size)
        if key not in CACHE:
            reading = survey(self.path, text_to_image.size, self.limit)
            if self.latents:
                reading = decode_training_images(Path(self.path), text_to_image.codec, self.limit)
            for found in reading:
                if not isinstance(found, Survey):
                    yield Progress("Reading {:,} of {:,} images".format(*found), self.total)
            words = "Computing features of the training images"
            features = yield from features_of(feature_network, found.images.images, words, self.total)
            remember(key, (found, features))
        return CACHE[key]

    @property
    def code(self):
        """Python code that finds the same images."""
        read = f"survey({self.path!r}, text_to_image.size, most={self.limit})"
        if self.latents:
            read = f"decode_training_images({self.path!r}, text_to_image.codec, most={self.limit})"
        request_code = self.request.code(self.count)
        return snippet(
            __file__,
            "nearest_training_images",
            request=request_code,
            read=read,
            feature_network=self.feature_network,
        )
