"""What sampling starts from: noise, an image (image-to-image), or an image with a mask (inpainting)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.app.common.edit_controls import base64_literal
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.data.layers import to_png
from diffusion_edu.editing.image_to_image import start_from_image
from diffusion_edu.editing.inpainting import resampling_timesteps
from diffusion_edu.latent.text_to_image import image_to_image, inpaint, sample


@dataclass(frozen=True, eq=False)
class FromNoise:
    """Sampling starts from noise."""

    function = staticmethod(sample)
    subject = None
    words = "from noise"
    settings = {}
    code = ""
    call = "sample(request)"

    def generation(self, prompt_request):
        """Start the Generation of a PromptRequest."""
        return sample(prompt_request)

    def timesteps(self, preset):
        """The timesteps of the walk."""
        return preset.timesteps()


@dataclass(frozen=True, eq=False)
class FromImage:
    """Sampling starts from an image that may change by `strength`, 0 to 1; noisy says whether noise is added to it."""

    subject: Subject
    strength: float
    noisy: bool

    function = staticmethod(image_to_image)

    @property
    def words(self):
        """The start in words."""
        return f"from an image, strength {self.strength:g}{'' if self.noisy else ', without added noise'}"

    @property
    def settings(self):
        """The settings as a dict for JSON, without the image."""
        return {"begin": self.subject.class_name, "strength": self.strength, "noise added": self.noisy}

    def generation(self, prompt_request):
        """Start the Generation of a PromptRequest."""
        return image_to_image(prompt_request, self.subject.image, self.strength, self.noisy)

    def timesteps(self, preset):
        """The timesteps of the walk."""
        x = torch.zeros(1)
        return start_from_image(preset.noise_schedule(), x, self.strength, preset.steps, x, preset.spacing)[1]

    @property
    def code(self):
        """Python code that reads the image."""
        return self.subject.code

    @property
    def call(self):
        """The call that generates the images."""
        return f"image_to_image(request, image, strength={self.strength}, noisy={self.noisy})"


@dataclass(frozen=True, eq=False)
class FromMask:
    """Sampling fills the mask, bool (h, w), of an image; every `jump` sampling steps are repeated `repeats` times."""

    subject: Subject
    mask: Tensor
    repeats: int
    jump: int

    function = staticmethod(inpaint)

    @property
    def words(self):
        """The start in words."""
        again = f", RePaint {self.repeats} times every {self.jump} steps" if self.repeats > 1 else ""
        return f"inpainting {self.mask.float().mean():.0%} of an image{again}"

    @property
    def settings(self):
        """The settings as a dict for JSON, without image and mask."""
        return {
            "begin": self.subject.class_name,
            "mask": round(self.mask.float().mean().item(), 4),
            "repeats": self.repeats,
            "jump": self.jump,
        }

    def generation(self, prompt_request):
        """Start the Generation of a PromptRequest."""
        return inpaint(prompt_request, self.subject.image, self.mask, self.repeats, self.jump)

    def timesteps(self, preset):
        """The timesteps of the walk; they rise where steps are repeated."""
        return resampling_timesteps(preset.timesteps(), self.jump, self.repeats)

    @property
    def code(self):
        """Python code that reads the image and the mask."""
        data, size = base64_literal(to_png(self.mask)), self.mask.shape[0]
        line = f"mask, _ = read_mask(b64decode({data}), {size})  # a PNG, white where the image is filled\n"
        imports = "from base64 import b64decode\nfrom diffusion_edu.data.layers import read_mask\n"
        return f"{self.subject.code}{imports}\n{line}"

    @property
    def call(self):
        """The call that generates the images."""
        return f"inpaint(request, image, mask, repeats={self.repeats}, jump={self.jump})"
