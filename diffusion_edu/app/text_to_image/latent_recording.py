"""The latents of a generation at every timestep: what the network receives, and the same decoded to an image."""

from dataclasses import asdict, dataclass
from functools import cached_property

from torch import Tensor

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.text_to_image.latent_images import image_track, tiled_maps
from diffusion_edu.app.text_to_image.request import TextRequest
from diffusion_edu.app.trajectories.animation import Animation
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.core import State
from diffusion_edu.data.images import to_signed
from diffusion_edu.latent.text_to_image import sample

NOTE = "A sample was decoded from latents, so it loses little in a second encoding. A photo of your own loses more."
START = 0.6  # fraction of the way from noise to image where the animation opens


@dataclass(frozen=True)
class LatentFrame:
    """A State of one generation in latents, and x and x0_hat decoded to images, uint8 (3, h, w)."""

    state: State
    image: Tensor
    prediction: Tensor


@dataclass(frozen=True, eq=False)
class LatentRecording:
    """One generation of a TextRequest with its latents; see jobs.task.animation_task."""

    request: TextRequest

    key = "latent walk"

    @cached_property
    def id(self):
        """Equal for equal settings."""
        return settings_id(self.key, self.request.settings)

    @property
    def models(self):
        """The name of the model."""
        return [self.request.card.name]

    @property
    def total(self):
        """The number of timesteps."""
        return len(self.request.preset.timesteps())

    def keep(self, index):
        """Return whether a timestep is kept."""
        return index in kept(self.total - 1)

    def run(self, text_to_image):
        """Generate the image: an iterator of one LatentFrame per timestep, without images where it is not kept."""
        generation = sample(self.request.prompt_request(text_to_image))

        def frames():
            for index, state in enumerate(generation):
                if self.keep(index):
                    images = [generation.decode(x)[0] for x in (state.x, state.x0_hat)]
                    yield LatentFrame(State(state.t, state.x[0].cpu(), state.x0_hat[0].cpu()), *images)
                else:
                    yield LatentFrame(state, None, None)

        return frames()

    def preview(self, frame):
        """The prediction of a LatentFrame, as (images, caption) pairs."""
        if frame.prediction is None:
            return []
        return [(to_signed(frame.prediction[None]), f"The prediction at timestep {frame.state.t}")]

    def animation(self, frames):
        """The generated image as a Subject, and the animation of its latents as a dict."""
        return self._subject(frames), self._animation(frames)

    def caption(self, frames):
        """Say how many timesteps were decoded."""
        return f"Sampled, and decoded at {len(frames)} timesteps."

    @property
    def code(self):
        """Python code that generates the same latents and images."""
        return snippet(__file__, "latent_walk", request=self.request.code())

    def _subject(self, frames):
        code = snippet(__file__, "sampled_image", request=self.request.code())
        return Subject(frames[-1].image, "sample", code, (NOTE,))

    def _animation(self, frames):
        schedule, states = self.request.preset.noise_schedule(), [frame.state for frame in frames]
        timesteps, size = [state.t for state in states], frames[-1].image.shape[-1]
        rates = [schedule.rates(state.t, state.x[None]) for state in states]
        captions = [
            f"timestep {t} of {schedule.T} · signal {signal:.2f} · noise {noise:.2f}"
            for t, (signal, noise) in zip(timesteps, rates, strict=True)
        ]
        latents = [tiled_maps(state.x, size) for state in states]
        noisy, predictions = [frame.image for frame in frames], [frame.prediction for frame in frames]
        std = [f"standard deviation {state.x.std():.2f}" for state in states]
        predicted_std = [f"of latents with standard deviation {state.x0_hat.std():.2f}" for state in states]
        x0_hat = ("x\u0302", "0")
        tracks = [
            image_track("maps", ("x", "t"), "noisy latents", "x", latents, std),
            image_track("x", ("x", "t"), "noisy latents, decoded", "x", noisy),
            image_track("x0_hat", x0_hat, "predicted latents, decoded", "x0_hat", predictions, predicted_std),
        ]
        start = round(START * (len(timesteps) - 1))
        return asdict(Animation(self.id, size, size, ["sample"], timesteps, captions, tracks, start))
