"""A generation of images from a prompt: the walk in latents, and its States decoded to images."""

import time
from dataclasses import dataclass

from torch import Tensor

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.text_to_image.request import TextRequest
from diffusion_edu.app.text_to_image.start import FromImage, FromMask, FromNoise
from diffusion_edu.app.trajectories.recording import MAX_STATES, kept

MAX_IMAGES = 160  # kept per walk, all images of a batch together: at 128x128, twice as many of 48 KB each are 15 MB


@dataclass(frozen=True, eq=False)
class Frame:
    """One timestep of the walk: x_t and the prediction as images uint8 (b, 3, h, w), and the seconds so far.

    A timestep that is not kept is not decoded: its images are those of the last kept one. seconds: sampling, decoding.
    """

    t: int
    x: Tensor
    x0_hat: Tensor
    seconds: tuple[float, float]

    @property
    def pair(self):
        """Both images."""
        return self.x, self.x0_hat


@dataclass(frozen=True, eq=False)
class GenerationJob:
    """The images to generate: a TextRequest, the number of images, and what sampling starts from."""

    request: TextRequest
    count: int
    start: FromNoise | FromImage | FromMask

    @property
    def id(self):
        """Equal for equal settings."""
        start = [each for each in vars(self.start).values() if not isinstance(each, Subject)]
        image = [self.start.subject.image] if self.start.subject else []
        return settings_id(self.request.settings, self.count, self.start.call, *start, *image)

    @property
    def seeds(self):
        """One seed per image."""
        return self.request.seeds(self.count)

    @property
    def timesteps(self):
        """The timesteps of the walk."""
        return self.start.timesteps(self.request.preset)

    @property
    def decoded(self):
        """The indices of the timesteps that are decoded and kept."""
        return kept(len(self.timesteps) - 1, min(MAX_STATES, MAX_IMAGES // self.count))

    @property
    def work(self):
        """The number of sampling steps, relative to those of the preset."""
        return max(1, len(self.timesteps) - 1) / self.request.preset.steps

    def run(self, text_to_image):
        """Start sampling: an iterator of one Frame per timestep. Raises ValueError for impossible settings."""
        generation = self.start.generation(self.request.prompt_request(text_to_image, self.count))
        return frames(generation, text_to_image, self.decoded)

    def settings(self, number=None):
        """All settings as a dict for JSON; with a number, those of one image of the batch."""
        seeds = self.seeds if number is None else [self.seeds[number]]
        return {**self.request.settings, "seed": seeds[0], "images": len(seeds), **self.start.settings}

    @property
    def code(self):
        """Python code that generates the same images."""
        return snippet(
            __file__,
            "generation",
            function=self.start.function.__name__,
            start=self.start.code,
            request=self.request.code(self.count),
            call=self.start.call,
        )


def frames(generation, text_to_image, decoded):
    """Yield a Frame per State of a Generation; the images of the indices in `decoded` are decoded."""
    images, sampling, decoding, index = (None, None), 0.0, 0.0, 0
    while True:
        begun = time.perf_counter()
        state = next(generation.states, None)
        sampling += time.perf_counter() - begun
        if state is None:
            return
        if index in decoded:
            begun = time.perf_counter()
            images = decode_state(generation, text_to_image, state)
            decoding += time.perf_counter() - begun
        yield Frame(state.t, *images, (sampling, decoding))
        index += 1


def decode_state(generation, text_to_image, state):
    """Decode x and x0_hat of a State. Inpainting: the known part of x is noisy too; that of x0_hat is the input."""
    if state.x is state.x0_hat:  # equal at timestep 0
        return (generation.decode(state.x),) * 2
    return text_to_image.images(state.x), generation.decode(state.x0_hat)
