"""Who is asked what a noisy image shows: a network, told something or not, or whoever knows a set of images by heart."""

from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.checkpoints import Model
from diffusion_edu.data.images import to_signed
from diffusion_edu.denoisers import exact, guided
from diffusion_edu.randomness import choose


@dataclass(frozen=True, eq=False)
class Network:
    """A model, the kind it is told (None: nothing), and how strongly it is steered to that."""

    model: Model
    class_name: str | None = None
    guidance_scale: float = 1.0

    @property
    def compute(self):
        return self.model.compute

    @property
    def settings(self):
        """All choices as a tuple that tells two of them apart."""
        return self.model.card.name, self.model.card.sha256, self.class_name, self.guidance_scale

    @property
    def words(self):
        """Who this is, in one line."""
        card = self.model.card
        if self.class_name is None:
            return f"{card.title}, told nothing"
        return f"{card.title}, told “{self.class_name}”, guidance {self.guidance_scale:g}"

    def denoiser(self, schedule):
        """Build the denoiser; its prediction is not clipped, so that its errors in x0 and in eps belong together."""
        denoise = self.model.denoiser(schedule)
        if self.class_name is None:
            return denoise
        return guided(
            denoise.given(torch.tensor([self.model.card.label(self.class_name)], device=self.compute.device)),
            denoise,
            self.guidance_scale,
        )

    @property
    def code(self):
        """The lines of Python that build it."""
        lines = f'model = load("{self.model.card.name}")\ncompute = model.compute\ndenoise = model.denoiser(schedule)\n'
        if self.class_name is not None:
            lines += f"told = torch.tensor([model.card.label({self.class_name!r})], device=compute.device)\n"
            lines += f"denoise = guided(denoise.given(told), denoise, {self.guidance_scale})\n"
        return lines


@dataclass(frozen=True, eq=False)
class ByHeart:
    """Whoever knows `count` of our images uint8 (n, 3, h, w) by heart and nothing else.

    The image that is asked about, uint8 (3, h, w), is one of them or, if not among, none of them; row is its place in ours.
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
        """All choices as a tuple that tells two of them apart."""
        return self.count, self.among

    @property
    def words(self):
        """Who this is, in one line."""
        which = "this one among them" if self.among else "this one not among them"
        return f"The exact answer if {self.count:,} images were all there are, {which}"

    @property
    def known(self):
        """The images known by heart, float32 (count, 3, h, w) in [-1, 1]."""
        others = [k for k in range(len(self.ours)) if k != self.row][: self.count - self.among]
        known = to_signed(self.ours[others])
        return torch.cat([known, to_signed(self.image)[None]]) if self.among else known

    def denoiser(self, schedule):
        """Build the denoiser."""
        return exact(self.compute.place(self.known), schedule)

    @property
    def code(self):
        """The lines of Python that build it."""
        size = self.image.shape[-1]
        lines = (
            "compute = choose()\n"
            f'ours = load_images(PRETRAINED / "flower_samples.parquet", {size}).images\n'
            f"others = [k for k in range(len(ours)) if k != {self.row}][:{self.count - self.among}]\n"
            "known = to_signed(ours[others])\n"
        )
        if self.among:
            lines += "known = torch.cat([known, to_signed(image)[None]])\n"
        return lines + "denoise = exact(compute.place(known), schedule)\n"
