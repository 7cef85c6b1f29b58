"""Several generations from the same noise with different settings: how far their predictions diverge."""

from dataclasses import asdict, dataclass
from functools import cached_property

from torch import Tensor

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.text_to_image.request import TextRequest
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Animation, Track, sprite
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.data.images import to_signed
from diffusion_edu.figures.charts import Chart, Series, round_axis, timestep_axis
from diffusion_edu.latent.text_to_image import sample

DIVERGED = 0.5  # fraction of the final distance


@dataclass(frozen=True, eq=False)
class VariantFrame:
    """One timestep of a variant: the predicted latents (1, c, h, w), and the image uint8 (1, 3, h, w) if it is kept."""

    variant: str
    t: int
    x0_hat: Tensor
    image: Tensor | None


@dataclass(frozen=True, eq=False)
class Variants:
    """Variants of the page's TextRequest, all from the same noise; see jobs.task.animation_task.

    A subclass gives their names and descriptions, their PromptRequests, and Python code.
    """

    request: TextRequest

    key = "variants"
    details = ()  # what the id depends on besides the request

    @property
    def descriptions(self):
        """The variants, {name: description}; the others are compared with the first."""
        raise NotImplementedError

    def prompt_requests(self, text_to_image):
        """Return the PromptRequest of every variant, in the order of `descriptions`."""
        raise NotImplementedError

    @cached_property
    def id(self):
        """Equal for equal settings."""
        return settings_id(self.key, self.request.settings, self.details)

    @property
    def models(self):
        """The name of the model."""
        return [self.request.card.name]

    @property
    def total(self):
        """The number of items that run yields."""
        return len(self.descriptions) * (self.request.preset.steps + 1)

    def keep(self, index):
        """Return whether an item is kept."""
        return index % (self.request.preset.steps + 1) in kept(self.request.preset.steps)

    def run(self, text_to_image):
        """Generate one variant after the other: an iterator of one VariantFrame per timestep."""
        requests, decoded = self.prompt_requests(text_to_image), kept(self.request.preset.steps)

        def frames():
            for name, request in zip(self.descriptions, requests, strict=True):
                generation = sample(request)
                for index, state in enumerate(generation):
                    image = generation.decode(state.x0_hat) if index in decoded else None
                    yield VariantFrame(name, state.t, state.x0_hat.cpu(), image)

        return frames()

    def preview(self, frame):
        """The prediction of a VariantFrame, as (images, caption) pairs."""
        if frame.image is None:
            return []
        return [(to_signed(frame.image), f"{frame.variant}: the prediction at timestep {frame.t}")]

    def animation(self, frames):
        """The animation for the player, as a dict: predictions of all variants, and distances from the first."""
        variants = by_variant(frames)
        first = next(iter(variants.values()))
        timesteps, (height, width), T = [frame.t for frame in first], first[0].image.shape[2:], self.request.preset.T
        tracks = [self._track(name, variant, distances(first, variant)) for name, variant in variants.items()]
        captions, last = [f"timestep {t} of {T}" for t in timesteps], len(timesteps) - 1
        charts = [self._chart(variants, timesteps)]
        return asdict(
            Animation(self.id, width, height, ["prediction"], timesteps, captions, tracks, last, charts=charts)
        )

    def _track(self, name, frames, values):
        place, first = list(self.descriptions).index(name), next(iter(self.descriptions))
        lines = [f"distance {value:.2f} from {first}" for value in values] if place else []
        dash = DASHES[(place - 1) % len(DASHES)] if place else None
        description = self.descriptions[name]
        alt = f"The prediction, {name}: {description}"
        images = sprite([frame.image for frame in frames])
        return Track(name, (name, ""), description, COLOUR["x0_hat"], alt, images, lines, dash)

    def _chart(self, variants, timesteps):
        (name, first), *others = variants.items()
        curves = [
            Series(other, COLOUR["x0_hat"], distances(first, frames), DASHES[k % len(DASHES)])
            for k, (other, frames) in enumerate(others)
        ]
        axis = timestep_axis(timesteps[0])
        values = round_axis("RMS distance of latents", [value for curve in curves for value in curve.y], low=0)
        over = f"over all timesteps, from noise at timestep {timesteps[0]}, left, to the image"
        alt = f"Distance of every prediction from that of {name} {over}"
        return Chart(f"Distance from {name}", alt, axis, values, timesteps, curves, cursor=True)

    def caption(self, frames):
        """Say how far the images are apart, and at which timestep the variants diverge."""
        (name, first), *others = by_variant(frames).items()
        image = first[-1].image.float()
        parts = []
        for other, variant in others:
            values, pixels = distances(first, variant), distance(variant[-1].image.float(), image)
            when = f", half of it from timestep {diverging_timestep(variant, values)} on"
            words = f"**{other}**: {values[-1]:.2f} in latents, {pixels:.0f} of 255 in pixels"
            parts.append(words + (when if values[-1] else ": the same image"))
        return (
            f"RMS distances from {name} at the end: {'; '.join(parts)}. Latents have a standard deviation of about "
            "1, so two unrelated images are about 1.4 apart."
        )


def by_variant(frames):
    """Sort VariantFrames by their variant, {name: [VariantFrame]}."""
    variants = {}
    for frame in frames:
        variants.setdefault(frame.variant, []).append(frame)
    return variants


def distances(first, variant):
    """The RMS distance between the predictions of two variants at every timestep, in latents."""
    return [distance(a.x0_hat, b.x0_hat) for a, b in zip(first, variant, strict=True)]


def diverging_timestep(variant, values):
    """The timestep from which on the distance is always at least half of the final one."""
    late = max((index for index, value in enumerate(values) if value < DIVERGED * values[-1]), default=-1)
    return variant[late + 1].t
