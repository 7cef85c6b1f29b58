"""Reconstruction of an image from its latents, beside bicubic downsampling to the same number of positions."""

from dataclasses import dataclass
from functools import cached_property

import streamlit as st
import torch

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.zoom.widget import Pane, show_zoom
from diffusion_edu.app.text_to_image.latent_images import LEGEND, as_colours, maps, tiled_maps
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.app.trajectories.comparison import best_gain, difference_map
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.evaluation.autoencoder import bicubic_baseline
from diffusion_edu.latent.codec import Codec


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """An image, and the codec, with its name, that encodes and decodes it."""

    subject: Subject
    codec: Codec
    name: str

    functions = (Codec.encode, Codec.decode, bicubic_baseline, psnr)

    @property
    def image(self):
        """The image uint8 (1, 3, h, w)."""
        return self.subject.image[None]

    @cached_property
    def latents(self):
        """The latents (c, h / factor, w / factor)."""
        return self.codec.encode(to_signed(self.image))[0].cpu()

    @cached_property
    def reconstructions(self):
        """The image decoded from latents, and after bicubic downsampling and upsampling, uint8 (1, 3, h, w)."""
        return {
            "latents": to_bytes(self.codec.decode(self.latents[None])).cpu(),
            "bicubic": bicubic_baseline(self.image, self.codec.factor),
        }

    def psnr(self, method):
        """The PSNR of a reconstruction, in dB."""
        return psnr(to_signed(self.reconstructions[method]), to_signed(self.image)).item()

    @cached_property
    def differences(self):
        """The difference maps of both reconstructions, {method: uint8 (1, 3, h, w)}, and their common gain."""
        x0 = to_signed(self.image)
        signed = {method: to_signed(image) for method, image in self.reconstructions.items()}
        gain = best_gain(torch.cat(list(signed.values())), x0)
        return {method: difference_map(x, x0, gain) for method, x in signed.items()}, gain

    @property
    def words(self):
        """State both PSNRs, and from how many numbers."""
        h, w = self.latents.shape[1:]
        return (
            f"**What is lost when an image is encoded as {self.latents.numel():,} numbers, and what is not?** "
            f"Decoded from latents, its PSNR is **{self.psnr('latents'):.1f} dB**; from {h} × {w} pixels, bicubic, "
            f"**{self.psnr('bicubic'):.1f} dB**."
        )

    def image_cells(self):
        """The row of the table with the image, its latents, and both reconstructions."""
        (h, w), (differences, gain) = self.latents.shape[1:], self.differences
        latents, bicubic = self.reconstructions["latents"], self.reconstructions["bicubic"]
        tiled, pixels = tiled_maps(self.latents, self.image.shape[-1])[None], f"{3 * h * w:,} numbers"
        return [
            Cell(self.image, "The image", ("image", f"{self.image.numel():,} bytes")),
            Cell(tiled, "All channels of the latents", ("latents", f"{self.latents.numel():,} numbers")),
            Cell(latents, "Decoded from the latents", ("from latents", f"{self.psnr('latents'):.1f} dB")),
            Cell(differences["latents"], "Its difference from the image", ("difference", f"× {gain}, black: none")),
            Cell(
                bicubic,
                f"Upsampled from {h} x {w} pixels",
                (f"from {h} × {w} pixels", f"{pixels}, {self.psnr('bicubic'):.1f} dB"),
            ),
            Cell(differences["bicubic"], "Its difference from the image", ("difference", f"× {gain}")),
        ]

    def channel_cells(self):
        """The row of the table with the channels of the latents."""
        cells = []
        for k, (page, channel) in enumerate(zip(maps(self.latents), self.latents, strict=True), start=1):
            lines = (f"channel {k}", f"{channel.min():.1f} to {channel.max():.1f}".replace("-", "−"))
            cells.append(Cell(page[None], f"Map of channel {k} of the latents", lines))
        colours, lines = as_colours(self.latents)[None], ("channels 1, 2, 3", "as red, green, blue")
        return [*cells, Cell(colours, "Channels 1 to 3 of the latents as colours", lines)]

    def show(self, key):
        """Show the table, what it means, and the zoom view."""
        cells = self.image_cells()
        st.markdown(self.words)
        rows = [
            Row("Encoded and decoded.", "", cells),
            Row("The latents, channel by channel.", LEGEND, self.channel_cells()),
        ]
        st.html(table([""] * len(cells), rows))
        words = (
            f"Pixels have 3 numbers per position, latents have {len(self.latents)}, and these were learned: the "
            "encoder keeps what the decoder cannot predict by itself. Look at what it does predict: grass, hair, "
            "letters."
        )
        st.caption(" ".join([words, *self.subject.notes]))
        with st.expander("Zoom", icon=":material/search:"):
            show_zoom(self._panes(), "The image", key)

    def _panes(self):
        latents, bicubic = self.reconstructions["latents"][0], self.reconstructions["bicubic"][0]
        return [
            Pane("image", self.image[0], COLOUR["x0"], "image", ""),
            Pane("latents", latents, COLOUR["x0_hat"], "from latents", f"{self.psnr('latents'):.1f} dB"),
            Pane("bicubic", bicubic, COLOUR["none"], "bicubic", f"{self.psnr('bicubic'):.1f} dB"),
        ]

    @property
    def code(self):
        """Python code that makes the same images and numbers."""
        return snippet(__file__, "reconstruction", image=self.subject.code, codec=self.name)
