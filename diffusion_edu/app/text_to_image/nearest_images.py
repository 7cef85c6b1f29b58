"""Does it copy? Samples of a prompt, and the training images that lie nearest to each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from diffusion_edu.app.editing import edit_job
from diffusion_edu.app.evaluation.sample_check import KNOWN, described, remember
from diffusion_edu.app.jobs.stages import Stage
from diffusion_edu.app.text_to_image.request import Order
from diffusion_edu.data.survey import Survey, survey
from diffusion_edu.evaluation.learned import brought_back
from diffusion_edu.evaluation.neighbours import near, nearest
from diffusion_edu.latent.text_to_image import TextToImage, draw

AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Found:
    """Samples uint8 (n, 3, h, w), the nearest image to each, its name and distance; below limit it may be a copy; among how many of how many."""

    images: Tensor
    neighbours: Tensor
    files: list[str]
    distances: Tensor
    limit: float
    among: int
    of: int
    source: str


@dataclass(frozen=True, eq=False)
class Copying:
    """So many samples of what is asked for, compared with at most so many images: latents that a training has kept, or any images at a path."""

    order: Order
    count: int
    path: str
    latents: bool
    most: int
    feature_network: str  # the classifier whose features are compared

    functions = (nearest, near, brought_back)

    @property
    def id(self):
        """The same for the same choices."""
        return edit_job.named(self.order.settings, self.count, self.path, self.most, self.feature_network)

    @property
    def total(self):
        """About how many items there will be."""
        return len(self.order.preset.timesteps()) + (self.count + 2 * self.most) // AT_ONCE + 2

    def items(self, able: TextToImage, feature_network) -> Iterator[Stage | Found]:
        """Draw, describe and compare: yields Stages, and Found at last."""
        drawing = draw(self.order.ask(able, self.count))
        for state in drawing:
            yield Stage(f"Drawing {self.count} images: timestep {state.t}", self.total)
        images = drawing.see(state.x)
        sampled = yield from described(feature_network, images, "Looking at the samples", self.total)
        known, features = yield from self._known(able, feature_network)
        yield Stage("Looking for the nearest", self.total)
        distances, rows = nearest(sampled, features)
        files = [known.files[row] for row in rows.tolist()]
        yield Found(
            images,
            known.images.images[rows],
            files,
            distances,
            near(features),
            len(features),
            known.found,
            known.images.source,
        )

    def _known(self, able, feature_network):
        """Read and describe what is compared with, or remember it; yields Stages, returns a Survey and the features of its images (m, width)."""
        path = Path(self.path).expanduser()
        key = feature_network.card.sha256, (str(path.resolve()), path.stat().st_mtime_ns, self.most, able.size)
        if key not in KNOWN:
            reading = brought_back(path, able.codec, self.most) if self.latents else survey(path, able.size, self.most)
            for found in reading:
                if not isinstance(found, Survey):
                    yield Stage("Reading {:,} of {:,} images".format(*found), self.total)
            features = yield from described(
                feature_network, found.images.images, "Looking at the training images", self.total
            )
            remember(key, (found, features))
        return KNOWN[key]

    @property
    def code(self):
        """The lines of Python that find the same."""
        lines = {
            True: f"*_, known = brought_back({self.path!r}, able.codec, most={self.most})  # latents, decoded\n",
            False: f"*_, known = survey({self.path!r}, able.size, most={self.most})\n",
        }[self.latents]
        return (
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.data.survey import survey\n"
            "from diffusion_edu.evaluation.features import describe\n"
            "from diffusion_edu.evaluation.learned import brought_back\n"
            "from diffusion_edu.evaluation.neighbours import near, nearest\n"
            "from diffusion_edu.generation import Preset\n"
            "from diffusion_edu.latent.text_to_image import draw, load_text_to_image\n\n"
            f"{self.order.code(self.count)}"
            "drawing = draw(asked)\n"
            "*_, last = drawing\n"
            "samples = drawing.see(last.x)                       # uint8 (n, 3, h, w)\n"
            f"{lines}"
            f'eyes = load("{self.feature_network}")\n'
            "sampled, features = (describe(eyes, images).features for images in (samples, known.images.images))\n"
            "distances, rows = nearest(sampled, features)           # of each drawing: how near, and which\n"
            'print(distances, "copies:", int((distances < near(features)).sum()))\n'
        )
