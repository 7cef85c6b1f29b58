"""What a drawing in words begins with: noise, an image that is changed, or an image with a hole in it; each draws, and writes how in Python."""

from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.editing.edit_job import spelled
from diffusion_edu.data.layers import to_png
from diffusion_edu.editing.verbs import image_to_image, resampled
from diffusion_edu.latent.text_to_image import change, draw, fill


@dataclass(frozen=True, eq=False)
class Noise:
    """A drawing begins with noise alone."""

    function = staticmethod(draw)
    words = "from noise"
    settings = {}
    code = ""
    call = "draw(asked)"

    def draw(self, asked):
        """Begin to draw what is asked for."""
        return draw(asked)

    def timesteps(self, preset):
        """The timesteps of the walk."""
        return preset.timesteps()


@dataclass(frozen=True, eq=False)
class Changed:
    """A drawing begins with an image, and so much of it may go, 0..1; with noise, as it should, or without."""

    subject: Subject
    strength: float
    noisy: bool

    function = staticmethod(change)

    @property
    def words(self):
        """What it begins with, in words."""
        return f"from an image, strength {self.strength:g}{'' if self.noisy else ', without added noise'}"

    @property
    def settings(self):
        """It as a dict that JSON can hold; the image is not in it."""
        return {"begin": self.subject.class_name, "strength": self.strength, "noise added": self.noisy}

    def draw(self, asked):
        """Begin to draw what is asked for."""
        return change(asked, self.subject.image, self.strength, self.noisy)

    def timesteps(self, preset):
        """The timesteps of the walk."""
        x = torch.zeros(1)
        return image_to_image(preset.noise_schedule(), x, self.strength, preset.steps, x, preset.spacing)[1]

    @property
    def code(self):
        """The lines of Python that read the image."""
        return self.subject.code

    @property
    def call(self):
        """The call that draws."""
        return f"change(asked, image, strength={self.strength}, noisy={self.noisy})"


@dataclass(frozen=True, eq=False)
class Filled:
    """A drawing goes into a hole, bool (h, w), of an image; the walk makes every `jump` steps so many times."""

    subject: Subject
    hole: Tensor
    repeats: int
    jump: int

    function = staticmethod(fill)

    @property
    def words(self):
        """What it begins with, in words."""
        again = f", RePaint {self.repeats} times every {self.jump} steps" if self.repeats > 1 else ""
        return f"into a hole, {self.hole.float().mean():.0%} of an image{again}"

    @property
    def settings(self):
        """It as a dict that JSON can hold; image and hole are not in it."""
        return {
            "begin": self.subject.class_name,
            "hole": round(self.hole.float().mean().item(), 4),
            "repeats": self.repeats,
            "jump": self.jump,
        }

    def draw(self, asked):
        """Begin to draw what is asked for."""
        return fill(asked, self.subject.image, self.hole, self.repeats, self.jump)

    def timesteps(self, preset):
        """The timesteps of the walk, which climbs where it is repeated."""
        return resampled(preset.timesteps(), self.jump, self.repeats)

    @property
    def code(self):
        """The lines of Python that read the image and the hole in it."""
        line = f"hole, _ = read_mask(b64decode({spelled(to_png(self.hole))}), {self.hole.shape[0]})  # a PNG, white in the hole\n"
        return f"{self.subject.code}from base64 import b64decode\nfrom diffusion_edu.data.layers import read_mask\n\n{line}"

    @property
    def call(self):
        """The call that draws."""
        return f"fill(asked, image, hole, repeats={self.repeats}, jump={self.jump})"
