"""The tab "Guidance": the predictions of classifier-free guidance as vectors, and the same noise at four scales."""

from dataclasses import dataclass, replace

import streamlit as st
import torch

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.player.task import play_task
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.task import animation_task, keep_done
from diffusion_edu.app.text_to_image import request
from diffusion_edu.app.text_to_image.request import TextRequest, quoted
from diffusion_edu.app.text_to_image.variants import Variants
from diffusion_edu.app.trajectories.guidance_vectors import GuidanceVectors
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.denoisers import guided, record_guidance
from diffusion_edu.latent.text_to_image import sample

VECTORS, SCALES = "guidance vectors", "guidance scales"
GUIDANCE_SCALES = (1.0, 2.0, 4.0, 8.0)
QUESTION = "The same noise at larger and larger guidance scales: **what does the image gain, and when is it too much?**"


@dataclass(frozen=True)
class Condition:
    """A condition in words, as GuidanceVectors shows it."""

    words: str


@dataclass(frozen=True)
class PromptVectors(GuidanceVectors):
    """The unconditional, conditional and guided prediction of a TextRequest, in latents.

    unconditional: the condition of the other prediction, in words: the negative prompt, or none.
    """

    text_request: TextRequest
    unconditional: str

    key, origin = "prompt guidance vectors", "the mean of all latents"
    continues = ": latents are not clipped, because they have no black and no white"

    @property
    def id(self):
        """Equal for equal settings."""
        return settings_id(self.key, self.text_request.settings)

    def keep(self, index):
        """Return whether an item is kept."""
        return index in kept(self.preset.steps)

    def walk(self, text_to_image, recorded):
        """Start the walk from noise to latents and record all predictions."""
        prompt_request = self.text_request.prompt_request(text_to_image)
        return sample(replace(prompt_request, guidance=record_guidance(recorded)))

    def decode(self, text_to_image, latents):
        """Decode latents to images (1, 3, h, w)."""
        return text_to_image.codec.decode(torch.cat(latents)).cpu().split(1)

    def clipping_note(self, step):
        """Latents are not clipped."""
        return ""

    @property
    def code(self):
        """Python code that makes the same predictions and measures the same numbers."""
        return snippet(__file__, "guidance_vectors", request=self.text_request.code())


@dataclass(frozen=True, eq=False)
class GuidanceScales(Variants):
    """A TextRequest with larger and larger guidance scales."""

    key = "prompt guidance scales"

    @property
    def descriptions(self):
        """The variants, {name: description}."""
        conditional = "the conditional prediction alone"
        return {
            f"scale {scale:g}": conditional if scale == 1 else f"{scale:g} times the difference"
            for scale in GUIDANCE_SCALES
        }

    def prompt_requests(self, text_to_image):
        """Return the PromptRequest of every variant."""
        presets = [replace(self.request.preset, guidance_scale=scale) for scale in GUIDANCE_SCALES]
        return [replace(self.request, preset=preset).prompt_request(text_to_image) for preset in presets]

    @property
    def code(self):
        """Python code that generates the same images and measures their distances."""
        return snippet(
            __file__,
            "guidance_scales",
            request=self.request.code(),
            prompt=repr(self.request.prompt),
            seeds=self.request.seeds(1),
            negative=repr(self.request.negative),
            scales=GUIDANCE_SCALES,
        )


def show(text_request):
    """Show the tab."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    view = control(
        row.segmented_control,
        "View",
        [VECTORS, SCALES],
        default=VECTORS,
        required=True,
        key="guidance_view",
        label_visibility="collapsed",
    )
    prompt_request = text_request.prompt_request(request.load_or_stop(text_request))
    if prompt_request.condition is None and prompt_request.negative is None:
        words = "There is no word in the prompt that the model knows, so there is no guidance: type a prompt."
        st.info(words, icon=":material/info:")
        return
    if view == VECTORS:
        _show_vectors(text_request, prompt_request, row)
    else:
        _show_scales(text_request, row)


def _show_vectors(text_request, prompt_request, row):
    preset = text_request.preset
    unconditional = "no condition"
    if prompt_request.negative is not None and preset.guidance_scale > 1:
        unconditional = quoted(text_request.negative)
    condition = Condition(quoted(text_request.prompt))
    vectors = PromptVectors(text_request.card, preset, condition, text_request.seed, text_request, unconditional)
    play_task(vectors, row, request.load)
    show_code(vectors.code, guided, record_guidance)


def _show_scales(text_request, row):
    row.markdown(QUESTION)
    job = GuidanceScales(text_request)
    if finished := keep_done(animation_task(job, request.load)):
        animation, caption = finished.result
        play(animation, key=job.key)
        st.caption(f"{caption} The guidance scale of the sidebar is not used here.")
    show_code(job.code, guided)
