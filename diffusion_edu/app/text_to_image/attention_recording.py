"""Cross-attention of a generation: which words each position of the image attends to, recorded at every timestep."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from diffusion_edu.analysis.attention import by_word, recording_guidance
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.text_to_image.request import TextRequest
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.data.images import to_signed
from diffusion_edu.latent.text_to_image import sample

START_TOKEN = "start token"  # before the first word of every prompt
ALL_HEADS = "all heads"


@dataclass(frozen=True, eq=False)
class AttentionFrame:
    """One timestep: the prediction uint8 (1, 3, h, w), and the weights {layer: (1, heads, positions, tokens)}."""

    t: int
    image: Tensor
    weights: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class AttentionRecording:
    """One generation of a TextRequest with its cross-attention weights; see jobs.task.animation_task.

    prompt_words: the words of the prompt, as (word, its token positions).
    """

    request: TextRequest
    prompt_words: tuple

    key = "cross-attention"

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
        """The number of items that run yields."""
        return self.request.preset.steps

    def keep(self, index):
        """Return whether an item is kept."""
        return index in kept(self.request.preset.steps)

    def run(self, text_to_image):
        """Generate the image: an iterator of one AttentionFrame per timestep above 0, or None where it is not kept."""
        recorded, request = {}, self.request.prompt_request(text_to_image)
        generation = sample(replace(request, guidance=recording_guidance(text_to_image.model.net, recorded)))

        def frames():
            for index, state in enumerate(generation):
                if weights := recorded.pop(state.t, None):
                    weights = {layer: values.cpu() for layer, values in weights.items()}
                    image = text_to_image.images(state.x0_hat)
                    yield AttentionFrame(state.t, image, weights) if self.keep(index) else None

        return frames()

    def preview(self, frame):
        """The prediction of an AttentionFrame, as (images, caption) pairs."""
        return [(to_signed(frame.image), f"The prediction at timestep {frame.t}")] if frame else []

    def animation(self, frames):
        """The AttentionFrames; `attention_animation` makes the animation of a chosen layer and head."""
        return frames

    @cached_property
    def words(self):
        """The start token and the words of the prompt, each with a name of its own."""
        names = [word for word, _ in self.prompt_words]
        numbers = [names[:index].count(word) for index, word in enumerate(names)]
        return [
            START_TOKEN,
            *(f"{word} ({n + 1})" if n else word for word, n in zip(names, numbers, strict=True)),
        ]

    def caption(self, frames):
        """Say which words get most attention, over all timesteps, layers, heads and positions."""
        means = [self.fractions(weights).mean(dim=(0, 1)) for frame in frames for weights in frame.weights.values()]
        fractions = torch.stack(means).mean(dim=0)
        order = [index for index in fractions.argsort(descending=True).tolist() if index]
        top = ", ".join(f"{plain(self.words[index])} {fractions[index]:.0%}" for index in order[:3])
        return (
            f"Over all timesteps, layers, heads and positions, {fractions[0]:.0%} of the attention goes to the "
            f"{START_TOKEN}, and most of the rest to {top}."
        )

    def fractions(self, weights):
        """Sum weights (1, heads, positions, tokens) per word: float64 (heads, positions, 1 + words)."""
        return by_word(weights[0].double(), self.prompt_words)

    def code(self, layer, head):
        """Python code that reads the same fractions for a layer and a head."""
        return snippet(
            __file__,
            "cross_attention",
            request=self.request.code(),
            prompt=repr(self.request.prompt),
            layer=layer,
            heads="mean(dim=0)" if head == ALL_HEADS else f"select(0, {int(head.split()[-1]) - 1})",
        )
