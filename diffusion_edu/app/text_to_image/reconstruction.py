"""From an image to latents and back: what is lost on the way, beside an image shrunk to as many places."""

from dataclasses import dataclass
from functools import cached_property

import streamlit as st
import torch

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.components.zoom.widget import Pane, magnify
from diffusion_edu.app.text_to_image.latent_images import LEGEND, in_colours, in_one, maps
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.app.trajectories.comparison import best_gain, gap
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.evaluation.autoencoding import through_few
from diffusion_edu.latent.codec import Codec


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """An image that an autoencoder, of this name, brings to latents and back."""

    subject: Subject
    coder: Codec
    name: str

    functions = (Codec.encode, Codec.decode, through_few, psnr)

    @property
    def image(self):
        """The image uint8 (1, 3, h, w)."""
        return self.subject.image[None]

    @cached_property
    def latents(self):
        """What stands for it (c, h / factor, w / factor)."""
        return self.coder.encode(to_signed(self.image))[0].cpu()

    @cached_property
    def ways(self):
        """The image as it comes back from latents and from few pixels, uint8 (1, 3, h, w)."""
        return {
            "latents": to_bytes(self.coder.decode(self.latents[None])).cpu(),
            "few": through_few(self.image, self.coder.factor),
        }

    def near(self, way):
        """How near to the image it comes back, PSNR in dB."""
        return psnr(to_signed(self.ways[way]), to_signed(self.image)).item()

    @cached_property
    def apart(self):
        """Where both ways differ from the image, both as many times too bright: {way: uint8 (1, 3, h, w)} and how many times."""
        seen = {way: to_signed(image) for way, image in self.ways.items()}
        x0 = to_signed(self.image)
        gain = best_gain(torch.cat(list(seen.values())), x0)
        return {way: gap(x, x0, gain) for way, x in seen.items()}, gain

    @property
    def few(self):
        """How many numbers the few pixels are."""
        return 3 * self.latents[0].numel()

    @property
    def words(self):
        """Say what was kept with how many numbers."""
        h, w = self.latents.shape[1:]
        return (
            f"**What is lost on the way to {self.latents.numel():,} numbers and back, and what is not?** What comes back has a PSNR of "
            f"**{self.near('latents'):.1f} dB**; what comes back from {h} × {w} pixels, bicubic, **{self.near('few'):.1f} dB**."
        )

    def cells(self):
        """Both rows of the table: there and back by both ways, and the latents channel by channel."""
        (h, w), (apart, gain) = self.latents.shape[1:], self.apart
        whole = [
            Cell(self.image, "The image", ("image", f"{self.image.numel():,} bytes")),
            Cell(
                in_one(self.latents, self.image.shape[-1])[None],
                "All channels of the latents",
                ("latents", f"{self.latents.numel():,} numbers"),
            ),
            Cell(
                self.ways["latents"],
                "What comes back from the latents",
                ("from latents", f"{self.near('latents'):.1f} dB"),
            ),
            Cell(apart["latents"], "Where that differs from the image", ("differs here", f"× {gain}, black: nowhere")),
            Cell(
                self.ways["few"],
                f"What comes back from {h} x {w} pixels",
                (f"from {h} × {w} pixels", f"{self.few:,} numbers, {self.near('few'):.1f} dB"),
            ),
            Cell(apart["few"], "Where that differs from the image", ("differs here", f"× {gain}")),
        ]
        parts = []
        for k, (seen, channel) in enumerate(zip(maps(self.latents), self.latents, strict=True), start=1):
            says = (f"channel {k}", f"{channel.min():.1f} to {channel.max():.1f}".replace("-", "−"))
            parts.append(Cell(seen[None], f"Map of channel {k} of the latents", says))
        parts.append(
            Cell(
                in_colours(self.latents)[None],
                "Channels 1 to 3 of the latents as colours",
                ("channels 1, 2, 3", "as red, green, blue"),
            )
        )
        return whole, parts

    def show(self, key):
        """Show it: the table, what to know, and the magnifying glass."""
        whole, parts = self.cells()
        st.markdown(self.words)
        rows = [Row("There and back.", "", whole), Row("The latents, channel by channel.", LEGEND, parts)]
        st.html(table([""] * len(whole), rows))
        words = (
            f"Pixels have 3 numbers for each place, latents {len(self.latents)}, and these were learned: the encoder says what the decoder "
            "cannot prediction by itself. Look for what it does prediction: grass, hair, letters."
        )
        st.caption(" ".join([words, *self.subject.notes]))
        with st.expander("Under the magnifying glass", icon=":material/search:"):
            panes = [
                Pane("image", self.image[0], COLOUR["x0"], "image", ""),
                Pane(
                    "latents",
                    self.ways["latents"][0],
                    COLOUR["x0_hat"],
                    "from latents",
                    f"{self.near('latents'):.1f} dB",
                ),
                Pane("few", self.ways["few"][0], COLOUR["none"], "from few pixels", f"{self.near('few'):.1f} dB"),
            ]
            magnify(panes, "The image", key)

    @property
    def code(self):
        """The lines of Python that make the same images and numbers."""
        return (
            "from diffusion_edu.data.images import to_bytes, to_signed\n"
            "from diffusion_edu.evaluation.autoencoding import through_few\n"
            "from diffusion_edu.latent.codec import codec\n"
            "from diffusion_edu.analysis.measures import psnr\n"
            f"{self.subject.code}\n"
            f'coder = codec("{self.name}")\n'
            "x0 = to_signed(image)[None]                          # (1, 3, h, w) in [-1, 1]\n"
            "latents = coder.encode(x0)                           # (1, c, h / factor, w / factor)\n"
            "back = to_bytes(coder.decode(latents)).cpu()         # uint8 (1, 3, h, w)\n"
            "few = through_few(image[None], coder.factor)         # bicubic, there and back\n"
            "print(latents.numel(), psnr(to_signed(back), x0), psnr(to_signed(few), x0))\n"
        )
