"""The denoiser that predicts: a network, conditional or not, or the exact denoiser of a set of images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.checkpoints import Model
from diffusion_edu.data.images import to_signed
from diffusion_edu.denoisers import exact, guided
from diffusion_edu.randomness import choose


@dataclass(frozen=True, eq=False)
class NetworkChoice:
    """A model, the class name it is conditioned on (None: unconditional), and the guidance scale."""

    model: Model
    class_name: str | None = None
    guidance_scale: float = 1.0

    @property
    def compute(self):
        return self.model.compute

    @property
    def settings(self):
        """All choices as a tuple, equal for equal choices."""
        return self.model.card.name, self.model.card.sha256, self.class_name, self.guidance_scale

    @property
    def words(self):
        """A description in one line."""
        card = self.model.card
        if self.class_name is None:
            return f"{card.title}, unconditional"
        return f"{card.title}, conditioned on “{self.class_name}”, guidance scale {self.guidance_scale:g}"

    def denoiser(self, schedule):
        """Build the denoiser. Its prediction is not clipped, so that its errors in x0 and in eps belong together."""
        denoise = self.model.denoiser(schedule)
        if self.class_name is None:
            return denoise
        condition = torch.tensor([self.model.card.label(self.class_name)], device=self.compute.device)
        return guided(denoise.given(condition), denoise, self.guidance_scale)

    @property
    def code(self):
        """The Python that builds it."""
        scale = None if self.class_name is None else self.guidance_scale
        name = None if self.class_name is None else repr(self.class_name)
        return snippet(__file__, "network_denoiser", model=self.model.card.name, class_name=name, scale=scale)


@dataclass(frozen=True, eq=False)
class ExactChoice:
    """The exact denoiser (posterior mean) of `count` of our images uint8 (n, 3, h, w).

    image, uint8 (3, h, w), is the one that gets noise; with among it is one of the `count` images, else it is not. row
    is its index in ours, or None.
    """

    ours: Tensor
    image: Tensor
    row: int | None
    count: int
    among: bool = True

    @property
    def compute(self):
        return choose()

    @property
    def settings(self):
        """All choices as a tuple, equal for equal choices."""
        return self.count, self.among

    @property
    def words(self):
        """A description in one line."""
        which = "with this one" if self.among else "without this one"
        return f"The exact denoiser of {self.count:,} images, {which}"

    @property
    def known(self):
        """The images of the data distribution, float32 (count, 3, h, w) in [-1, 1]."""
        others = [k for k in range(len(self.ours)) if k != self.row][: self.count - self.among]
        known = to_signed(self.ours[others])
        return torch.cat([known, to_signed(self.image)[None]]) if self.among else known

    def denoiser(self, schedule):
        """Build the denoiser."""
        return exact(self.compute.place(self.known), schedule)

    @property
    def code(self):
        """The Python that builds it."""
        among = "known" if self.among else None
        others = self.count - self.among
        size = self.image.shape[-1]
        return snippet(__file__, "exact_denoiser", size=size, row=repr(self.row), others=others, known=among)
