"""Text to image by latent diffusion (Rombach et al. 2022): sample, image-to-image, inpaint.

`TextToImage.request` turns prompts and seeds into a `PromptRequest`. Each function here turns a request into a
`Generation`: a walk in latents, and the function that decodes its States to images. Images are uint8, so that what is
not changed comes back bit for bit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.checkpoints import Model, Unusable, available, load
from diffusion_edu.checks import Count, Fraction, Maps, Seeds, checked
from diffusion_edu.core import State, walk
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.editing.image_to_image import start_from_image
from diffusion_edu.editing.inpainting import (
    keep_known,
    keep_known_with_new_noise,
    resampling_step,
    resampling_timesteps,
)
from diffusion_edu.generation import Interpolated, Preset, generate, guided_denoiser, make_step
from diffusion_edu.latent.codec import Codec, latent_statistics, load_codec
from diffusion_edu.latent.inputs import check_images, check_mask, latent_mask, repeat_for, trim_padding
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.text.reader import load_reader

EMPTY = "The prompt is empty: the image is unconditional, so it may show anything."
SAME = "The negative prompt equals the prompt: they cancel, and there is no guidance."
UNUSED = "A negative prompt has an effect only at a guidance scale above 1, and here it is {}."


@dataclass(frozen=True)
class TextToImage:
    """A text-to-image model: a denoiser of latents, the codec from latents to images, and the tokenizer or text
    encoder.
    """

    model: Model
    codec: Codec
    reader: Callable

    @property
    def preset(self):
        """The preset that samples well, from the model's card."""
        return Preset(**self.model.card.sampling)

    @property
    def size(self):
        """Height and width of the images it generates, in pixels."""
        return self.codec.factor * self.model.card.size

    @property
    def multiple(self):
        """The number that height and width of images must be divisible by."""
        return self.codec.factor * self.model.net.size_multiple

    @checked
    def images(self, latents: Maps) -> Tensor:
        """Decode latents (b, c, h, w), noisy ones too, to images uint8 (b, 3, factor h, factor w)."""
        return to_bytes(self.codec.decode(latents)).cpu()

    @checked
    def request(
        self, prompts: str | Sequence[str], seeds: Seeds, preset: Preset | None = None, negative: str = ""
    ) -> "PromptRequest":
        """Request one image per seed; prompts is one prompt for all or one per seed, negative one negative prompt for
        all.

        Raises ValueError, in one sentence, if the numbers of prompts and seeds do not match. The request's notes say
        what of the prompts has no effect.
        """
        prompts, seeds = [prompts] if isinstance(prompts, str) else list(prompts), tuple(seeds)
        if not seeds or len(prompts) not in (1, len(seeds)):
            raise ValueError(
                f"Give one prompt, or one per seed, and at least one seed: there are {len(prompts)} prompts "
                f"and {len(seeds)} seeds."
            )
        preset = preset or self.preset
        positive, unwanted = [self.reader.read(prompt) for prompt in prompts], self.reader.read(negative)
        conditions = [trim_padding(torch.stack([each.condition for each in some])) for some in (positive, [unwanted])]
        notes = [note for each in (*positive, unwanted) for note in each.notes]
        notes += [EMPTY] * any(not (prompt or "").strip() for prompt in prompts)
        if conditions[1] is not None:
            notes += [UNUSED.format(preset.guidance_scale)] * (preset.guidance_scale <= 1)
            notes += [SAME] * any(torch.equal(each.condition, unwanted.condition) for each in positive)
        conditions = [repeat_for(each, len(seeds)) for each in conditions]
        noise = partial(SeededNoise, seeds)
        return PromptRequest(self, preset, noise, len(seeds), *conditions, notes=tuple(dict.fromkeys(notes)))


@dataclass(frozen=True)
class PromptRequest:
    """A batch of images to generate: model, preset, noise and conditions (None: unconditional).

    noise() makes the random generator of a walk anew; notes are sentences on what of the prompts has no effect;
    guidance: see generation.guided_denoiser.
    """

    text_to_image: TextToImage
    preset: Preset
    noise: Callable
    count: int
    condition: Tensor | Interpolated | None
    negative: Tensor | Interpolated | None = None
    notes: tuple[str, ...] = ()
    guidance: Callable | None = None

    @property
    def conditioning(self):
        """The keyword arguments that `generate`, `guided_denoiser` and `make_step` take."""
        return {"condition": self.condition, "guidance": self.guidance, "negative": self.negative}

    @property
    def model(self):
        """The denoiser's model."""
        return self.text_to_image.model

    def checked(self, images):
        """Return one image or one per requested image as uint8 (n, 3, h, w); raises ValueError (see check_images)."""
        return check_images(images, self.count, self.text_to_image.multiple)

    def encode(self, images):
        """Encode images uint8 (1 or n, 3, h, w) as latents, one per requested image."""
        return self.text_to_image.codec.encode(to_signed(images)).expand(self.count, -1, -1, -1)


@dataclass(frozen=True)
class Generation:
    """A walk in latents (an iterator, to be used once) and the function that decodes x or x0_hat of its States to
    images.

    decode: latents (b, c, h, w) -> images uint8 (b, 3, factor h, factor w).
    """

    states: Iterator[State]
    decode: Callable

    def __iter__(self):
        return iter(self.states)


def load_text_to_image(name="text_to_image", folders=None, compute=None):
    """Load a text-to-image model by name, with its autoencoder and tokenizer; raises Unusable, in one sentence, if a
    part is missing or altered.
    """
    read, model = load_reader(name, folders), load(name, folders, compute)
    card = model.card
    places = folders if card.autoencoder in available(folders) else None
    codec, statistics = load_codec(card.autoencoder, places, model.compute), latent_statistics(card.autoencoder, places)
    if codec.channels != card.channels or statistics != card.training.get("scale", statistics):
        raise Unusable(
            f"{name} was trained on latents of another {card.autoencoder!r} than the one installed: "
            f"restore that one, or train {name} again."
        )
    return TextToImage(model, codec, read)


@checked
def sample(request: PromptRequest) -> Generation:
    """Generate the requested images from noise."""
    walk = generate(request.model, request.preset, request.noise(), **request.conditioning)
    return Generation(walk, request.text_to_image.images)


@checked
def image_to_image(request: PromptRequest, images: Tensor, strength: Fraction, noisy: bool = True) -> Generation:
    """Generate the requested images from an image uint8 (3, h, w), or one each (b, 3, h, w) (SDEdit, see
    start_from_image).

    strength 0 returns the image itself, bit for bit; strength 1 ignores it. noisy=False adds no noise: the walk then
    starts with the dimmed image, which the network has never seen in training. It shows what the noise is for.
    """
    model, preset, noise = request.model, request.preset, request.noise()
    images = request.checked(images)
    x0 = request.encode(images)
    eps = noise(x0) if noisy else torch.zeros_like(x0)
    x, timesteps = start_from_image(preset.noise_schedule(), x0, strength, preset.steps, eps, preset.spacing)
    states = walk(make_step(model, preset, noise, **request.conditioning), model.compute.place(x), timesteps)
    if not timesteps[0]:
        return Generation(states, lambda latents: images.expand(request.count, -1, -1, -1))
    return Generation(states, request.text_to_image.images)


@checked
def inpaint(
    request: PromptRequest, images: Tensor, hole: Tensor | np.ndarray, repeats: Count = 1, jump: Count = 3
) -> Generation:
    """Generate the requested content inside the hole, bool (h, w), of an image uint8 (3, h, w), or one each (b, 3, h,
    w).

    All other pixels stay, bit for bit. The known part is kept at every timestep (see editing.inpainting.keep_known).
    repeats > 1: every `jump` sampling steps are done so many times, with new noise for the known part (RePaint).
    """
    model, preset, noise = request.model, request.preset, request.noise()
    images = request.checked(images)
    known, hole = request.encode(images), check_mask(hole, images.shape[2:])
    mask = ~latent_mask(hole, request.text_to_image.codec.factor).to(known.device)
    schedule, eps = preset.noise_schedule(), noise(known)
    step = make_step(model, preset, noise, **request.conditioning)
    path, constrain = resampling_timesteps(preset.timesteps(), jump, repeats), keep_known(known, mask, schedule, eps)
    if repeats > 1:
        denoise = guided_denoiser(model, preset, **request.conditioning)
        step = partial(resampling_step, step, denoise, schedule, randn=noise)
        constrain = keep_known_with_new_noise(known, mask, schedule, noise)
    states = walk(step, model.compute.place(eps), path, constrain)
    return Generation(states, lambda latents: torch.where(hole, request.text_to_image.images(latents), images))
