"""Classifier-free guidance as vectors: unconditional, conditional and guided prediction at every sampling step."""

from dataclasses import asdict, dataclass

from diffusion_edu.analysis.measures import angle
from diffusion_edu.app.common.condition_picker import ConditionChoice
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.trajectories.animation import COLOUR, SYMBOL, Animation, Track, sprite
from diffusion_edu.app.trajectories.guidance_charts import (
    DIFFERENCE_STYLE,
    GUIDANCE,
    PREDICTION,
    STYLES,
    arrow_chart,
    rms,
    timestep_charts,
)
from diffusion_edu.app.trajectories.guidance_step import GuidanceStep
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import record_guidance
from diffusion_edu.generation import Preset, make_step
from diffusion_edu.randomness import SeededNoise

OPENS_AT = 0.2  # of the way from noise to image: something is visible, but the image is not decided yet


@dataclass(frozen=True)
class GuidanceVectors:
    """One image, sampled with guidance, with all three predictions recorded at every sampling step."""

    card: Card
    preset: Preset
    condition: ConditionChoice
    seed: int

    key, origin = "vectors", "grey"
    continues = ", its values clipped to [-1, 1], between black and white"
    unconditional = "anything"  # the other condition, in words
    look_for = "**When does the condition matter?**"

    @property
    def id(self):
        """The same for the same settings."""
        return settings_id(self.card.name, self.preset, self.condition, self.seed)

    @property
    def models(self):
        """The names of the models that are needed."""
        return [self.card.name]

    @property
    def total(self):
        """The number of items that run yields."""
        return self.preset.steps

    @property
    def labels(self):
        """The condition of the one image, as a label of the model."""
        return [self.condition.label(self.card)]

    def keep(self, index):
        """Return whether an item is kept."""
        return True

    def walk(self, model, recorded):
        """Start the walk from noise to image and record all predictions, see denoisers.record_guidance."""
        noise = SeededNoise([self.seed])
        x = model.compute.place(noise.sample((self.card.channels, self.card.size, self.card.size)))
        step = make_step(model, self.preset, noise, self.labels, record_guidance(recorded))
        return walk(step, x, self.preset.timesteps())

    def decode(self, model, latents):
        """Decode latents to images (1, 3, h, w); nothing for a model of pixels."""
        return ()

    def run(self, model):
        """Sample the image; yields a GuidanceStep per evaluated timestep, or None where it would not be kept."""
        recorded = {}
        for index, state in enumerate(self.walk(model, recorded)):
            if state.t:  # at timestep 0 there is no prediction
                vectors = [v.cpu() for v in (state.x, *recorded[state.t], state.x0_hat)]
                keep = self.keep(index)
                yield GuidanceStep(state.t, *vectors, self.decode(model, vectors[:4])) if keep else None

    def preview(self, step):
        """The predictions to show while sampling, as (images, words)."""
        _, *predictions = step.images
        words = (f"unconditional: {self.unconditional}", f"conditional: {self.condition.words}", "guided")
        return list(zip(predictions, words, strict=True))

    def animation(self, steps):
        """The animation for the player, as a dict: the predictions, their difference, and charts of the vectors."""
        timesteps, size = [step.t for step in steps], steps[0].images[0].shape[-1]
        lines = [self._line(step) for step in steps]
        charts = [arrow_chart(steps, self.origin), *timestep_charts(steps)]
        start = round(OPENS_AT * (len(steps) - 1))
        tracks = self._tracks(steps)
        return asdict(
            Animation(self.id, size, size, [self.condition.words], timesteps, lines, tracks, start, charts=charts)
        )

    def _line(self, step):
        turn = angle(step.unconditional, step.conditional)
        return (
            f"timestep {step.t} of {self.preset.T}: the distance from ∅ to c is {rms(step.difference):.3f}, the angle "
            f"{turn:.1f}°; g is {self.preset.guidance_scale:g} times as far from ∅"
        )

    def _tracks(self, steps):
        def lengths(name, more=lambda step: ""):
            return [f"length {rms(getattr(step, name)):.3f}{more(step)}" for step in steps]

        x, unconditional, conditional, used = zip(*(step.images for step in steps), strict=True)
        difference = [step.gain * step.visible_difference for step in steps]
        amplified = lengths("difference", lambda step: f"\nshown × {step.gain}")
        other, words = self.unconditional, self.condition.words
        return [
            _track(SYMBOL["x"], "input", "The noisy image", (COLOUR["x"], None), x, [""] * len(steps)),
            _track(
                ("x\u0302", "∅"),
                other,
                f"The unconditional prediction: {other}",
                STYLES["∅"],
                unconditional,
                lengths("unconditional"),
            ),
            _track(
                ("x\u0302", "c"),
                "condition",
                f"The conditional prediction: {words}",
                STYLES["c"],
                conditional,
                lengths("conditional"),
            ),
            _track(("c − ∅", ""), "", "Conditional minus unconditional", DIFFERENCE_STYLE, difference, amplified),
            _track(
                ("x\u0302", "g"),
                "guided",
                "The guided prediction",
                STYLES["g"],
                used,
                lengths("guided", self.clipping_note),
            ),
        ]

    def clipping_note(self, step):
        """Say, on a line of its own, which part of the guided prediction is clipped."""
        return f"\n{step.clipped:.0%} clipped"

    def caption(self, steps):
        """Explain what the animation shows."""
        largest = max(steps, key=lambda step: rms(step.difference))
        return (
            "The network predicts the clean image twice from the same noisy image: unconditionally "
            f"({plain(self.unconditional)}, ∅) and with the condition ({plain(self.condition.words)}, c). "
            f"Each prediction is one vector of {largest.x0_hat.numel():,} values from {self.origin}. "
            "Classifier-free guidance goes from the tip of ∅ to the tip of c, and on along the same line. "
            "The difference c − ∅ is grey where the condition "
            f"changes nothing. It is largest at timestep {largest.t}, where its length is "
            f"{rms(largest.difference):.2f}. Sampling continues with g{self.continues}."
        )

    equations = [
        rf"\textcolor{{{GUIDANCE}}}{{\hat x_g}}=\textcolor{{{PREDICTION}}}{{\hat x_\varnothing}}+\text{{scale}}"
        rf"\cdot(\textcolor{{{PREDICTION}}}{{\hat x_c}}-\textcolor{{{PREDICTION}}}{{\hat x_\varnothing}})"
    ]

    @property
    def code(self):
        """Python code that makes the same predictions and measures the same numbers."""
        return snippet(
            __file__,
            "guidance_vectors",
            model=repr(self.card.name),
            preset=self.preset,
            seed=self.seed,
            condition=self.labels,
            words=self.condition.words,
            shape=(self.card.channels, self.card.size, self.card.size),
        )


def _track(symbol, words, alt, style, images, lines):
    colour, dash = style
    page = sprite([to_bytes(image) for image in images])
    return Track("".join(symbol), symbol, words, colour, alt, page, lines, dash=dash)
