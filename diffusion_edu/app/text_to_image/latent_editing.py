"""Edits of latents by hand: scale or shift a channel, swap two positions, add noise; and what they change."""

from dataclasses import asdict, dataclass
from functools import cached_property

import streamlit as st
import torch

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.text_to_image.latent_edits import VALUES, LatentEdit
from diffusion_edu.app.text_to_image.latent_images import LEGEND, image_track, tiled_maps
from diffusion_edu.app.trajectories.animation import Animation
from diffusion_edu.app.trajectories.comparison import best_gain, difference_map
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.latent.codec import Codec, scale_channel, swap_positions

VISIBLE = 5  # of 255: a pixel that changes by more has changed visibly
VISIBLE_CAPTION = (
    f"A pixel differs visibly if one of its colour channels changes by more than {VISIBLE} of 255, compared with the "
    "image decoded from unedited latents."
)


@dataclass(frozen=True, eq=False)
class EditedLatents:
    """An image, the codec of its latents with its name, and a LatentEdit of increasing strength."""

    subject: Subject
    codec: Codec
    name: str
    edit: LatentEdit

    functions = (scale_channel, swap_positions, Codec.decode)

    @property
    def id(self):
        """Equal for equal settings."""
        return settings_id(self.subject.image, self.edit, self.name, self.codec.mean)

    @property
    def values(self):
        """The value of the edit in each state of the animation."""
        return VALUES[self.edit.operation][0]

    @cached_property
    def unedited(self):
        """The latents of the image, (1, c, h, w)."""
        return self.codec.encode(to_signed(self.subject.image)[None])

    @cached_property
    def latents(self):
        """The edited latents of every state, (states, c, h, w)."""
        return torch.cat([self.edit.apply(self.unedited, value) for value in self.values])

    @cached_property
    def unedited_image(self):
        """The image decoded from unedited latents, uint8 (1, 3, h, w)."""
        return to_bytes(self.codec.decode(self.unedited)).cpu()

    @cached_property
    def images(self):
        """The decoded image of every state, uint8 (states, 3, h, w).

        Each is decoded alone, as `unedited_image` is: in a batch numbers are rounded differently.
        """
        return torch.cat([to_bytes(self.codec.decode(some)).cpu() for some in self.latents.split(1)])

    def difference_text(self, image):
        """Write how far an image uint8 (3, h, w) is from the unedited one, and in which fraction of its pixels."""
        unedited = self.unedited_image[0]
        fraction = ((image.int() - unedited.int()).abs().amax(0) > VISIBLE).double().mean().item()
        return f"RMS difference {distance(image, unedited):.0f} of 255\n{fraction:.0%} of the pixels differ visibly"

    @cached_property
    def animation(self):
        """The latents, their image and the difference for every value, as a dict."""
        size, x, unedited = self.unedited_image.shape[-1], to_signed(self.images), to_signed(self.unedited_image)
        gain = best_gain(x[self.start][None], unedited)
        latents = [tiled_maps(each, size) for each in self.latents]
        lines = [self.difference_text(image) for image in self.images]
        differences = difference_map(x, unedited, gain)
        tracks = [
            image_track("latents", ("x", ""), "edited latents", "x", latents),
            image_track("image", ("x\u0302", ""), "decoded image", "x0_hat", self.images, lines),
            image_track("difference", ("Δ", ""), f"difference, × {gain}", "none", differences),
        ]
        captions, ends = [self.edit.describe(value) for value in self.values], self.edit.ends
        return asdict(Animation(self.id, size, size, ["edited"], self.values, captions, tracks, self.start, ends=ends))

    @property
    def start(self):
        """The index of the state that the animation opens at."""
        values, first = VALUES[self.edit.operation]
        return values.index(first)

    def show(self, key):
        """Show the animation."""
        st.markdown(self.edit.question)
        play(self.animation, key=key)
        tiling = "The maps are channels 1, 2, and below them 3, 4." if len(self.latents[0]) == 4 else ""
        st.caption(" ".join([LEGEND, tiling, VISIBLE_CAPTION, *self.subject.notes]))

    @property
    def code(self):
        """Python code that makes the same images."""
        return snippet(
            __file__,
            "latent_edit",
            image=self.subject.code,
            codec=self.name,
            values=self.values,
            edit=self.edit.code,
        )
