"""Text to image, the verbs: images sampled from prompts, changed, filled in, and sampled between two, in latents (Rombach et al. 2022).

First ask, then draw: `TextToImage.ask` turns prompts into what a walk is told, every verb makes a `Drawing` of it: a walk in
latents to look on at, and the way from any of its States to images. Images are uint8 here, as people hand them in, so
that what no verb changes comes back bit for bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.checkpoints import Model, Unusable, available, load
from diffusion_edu.core import State, walk
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.editing.verbs import (
    image_to_image,
    keep_known,
    keep_known_freshly,
    resampled,
    resampling_step,
    slerp,
)
from diffusion_edu.generation import Preset, generate, Interpolated, guided_denoiser, make_step
from diffusion_edu.latent.codec import Codec, codec, scale_of
from diffusion_edu.networks.text import present
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.text.tokenizer import reader

EMPTY = "An empty prompt asks for anything."
ALIKE = "The negative prompt says what the prompt says: they cancel, and there is no guidance."
WEAK = "A negative prompt is heard where the guidance scale is above 1, and here it is {}."


@dataclass(frozen=True)
class TextToImage:
    """What draws what a text says: a model that draws latents, the way from them to images, and what reads prompts to the model."""

    model: Model
    codec: Codec
    reader: Callable

    @property
    def preset(self):
        """The preset that draws well, by the model's card."""
        return Preset(**self.model.card.sampling)

    @property
    def size(self):
        """Height and width of what it draws."""
        return self.codec.factor * self.model.card.size

    @property
    def multiple(self):
        """What height and width of images must be divisible by."""
        return self.codec.factor * self.model.net.size_multiple

    def images(self, latents):
        """Show latents (b, c, h, w), those under way too, as images uint8 (b, 3, factor h, factor w)."""
        return to_bytes(self.codec.decode(latents)).cpu()

    def ask(self, prompts, seeds, preset=None, negative=""):
        """Ask for one image per seed, all by one prompt or each by its own, and for nothing of what the negative prompt says.

        Raises ValueError, in one sentence, if prompts and seeds do not go together. Whatever a prompt says is understood as far as
        it can be; notes say what was not.
        """
        prompts, seeds = [prompts] if isinstance(prompts, str) else list(prompts), tuple(seeds)
        if not seeds or len(prompts) not in (1, len(seeds)):
            raise ValueError(
                f"Every image has a seed, and a prompt of its own or the one of all: {len(prompts)} came with {len(seeds)} seeds."
            )
        preset = preset or self.preset
        read, unwanted = [self.reader.read(prompt) for prompt in prompts], self.reader.read(negative)
        told, negative = (cut(torch.stack([each.told for each in some])) for some in (read, [unwanted]))
        notes = [note for each in (*read, unwanted) for note in each.notes]
        notes += [EMPTY] * any(not (prompt or "").strip() for prompt in prompts)
        if negative is not None:
            notes += [WEAK.format(preset.guidance_scale)] * (preset.guidance_scale <= 1)
            notes += [ALIKE] * any(torch.equal(each.told, unwanted.told) for each in read)
        told, negative = (each if each is None else each.expand(len(seeds), *each.shape[1:]) for each in (told, negative))
        return Asked(self, preset, partial(SeededNoise, seeds), len(seeds), told, negative, tuple(dict.fromkeys(notes)))


@dataclass(frozen=True)
class Asked:
    """So many images that are asked for: of whom, how, from which noise, what each is told and is to keep away from, None for nothing.

    noise makes the noise of a walk from its beginning; notes are sentences on what was not understood; guidance: see generation.guided_denoiser.
    """

    of: TextToImage
    preset: Preset
    noise: Callable
    count: int
    told: Tensor | Interpolated | None
    negative: Tensor | Interpolated | None = None
    notes: tuple[str, ...] = ()
    guidance: Callable | None = None

    @property
    def telling(self):
        """What `generate`, `guided_denoiser` and `make_step` are told, by name."""
        return {"condition": self.told, "guidance": self.guidance, "negative": self.negative}


@dataclass(frozen=True)
class Drawing:
    """A walk in latents, to be gone once, and the way from x or x0_hat of its States (b, c, h, w) to images uint8 (b, 3, factor h, factor w)."""

    states: Iterator[State]
    see: Callable

    def __iter__(self):
        return iter(self.states)


@dataclass(frozen=True)
class NoiseBetween:
    """Noise that lies, image by image, a share (n,) of the way from one noise to another, each of one seed or n, and is as strong as they are."""

    first: Callable
    second: Callable
    fraction: Tensor

    def sample(self, shape):
        """Draw the next noise of every image, float32 (n, *shape)."""
        ends = (noise.sample(shape).expand(len(self.fraction), *shape) for noise in (self.first, self.second))
        return slerp(*ends, self.fraction.double().view(-1, 1))

    def __call__(self, x):
        return self.sample(x.shape[1:]).to(x)


def load_text_to_image(name="text_to_image", folders=None, compute=None):
    """Load a model by name, with its autoencoder and its vocabulary; raises Unusable, in one sentence, if any part is missing or another one."""
    read, model = reader(name, folders), load(name, folders, compute)
    card = model.card
    places = folders if card.autoencoder in available(folders) else None
    able, there = codec(card.autoencoder, places, model.compute), scale_of(card.autoencoder, places)
    if able.channels != card.channels or there != card.training.get("scale", there):
        raise Unusable(
            f"{name} draws latents of another {card.autoencoder!r} than the one that is here: restore that one, or train {name} again."
        )
    return TextToImage(model, able, read)


def draw(asked):
    """Draw what is asked for, from noise alone."""
    who = asked.of
    return Drawing(generate(who.model, asked.preset, asked.noise(), **asked.telling), who.images)


def change(asked, images, strength, noisy=True):
    """Draw what is asked for, beginning with an image uint8 (3, h, w), or one each (b, 3, h, w) (SDEdit, see editing.image_to_image).

    strength 0 gives the image itself back, bit for bit, and 1 makes nothing of it. Without noise the walk begins with the image
    dimmed, which is nothing that the network has learned from: it shows what the noise is for.
    """
    who, preset, noise = asked.of, asked.preset, asked.noise()
    images = fitting(asked, images)
    x0 = encoded(asked, images)
    eps = noise(x0) if noisy else torch.zeros_like(x0)
    x, timesteps = image_to_image(preset.noise_schedule(), x0, strength, preset.steps, eps, preset.spacing)
    states = walk(make_step(who.model, preset, noise, **asked.telling), who.model.compute.place(x), timesteps)
    return Drawing(states, who.images if timesteps[0] else lambda latents: images.expand(asked.count, -1, -1, -1))


def fill(asked, images, hole, repeats=1, jump=3):
    """Draw what is asked for into the hole, bool (h, w), of an image uint8 (3, h, w), or of one each (b, 3, h, w); all else stays, bit for bit.

    What is known is kept at every timestep (editing.keep_known); with more repeats the walk goes back over every `jump` steps, so many
    times in all, with fresh noise for what is known, so that the two parts come to agree (RePaint).
    """
    who, preset, noise = asked.of, asked.preset, asked.noise()
    images = fitting(asked, images)
    known, hole = encoded(asked, images), hollow(hole, images.shape[2:])
    mask = ~touched(hole, who.codec.factor).to(known.device)
    schedule, step, eps = preset.noise_schedule(), make_step(who.model, preset, noise, **asked.telling), noise(known)
    path, constrain = resampled(preset.timesteps(), jump, repeats), keep_known(known, mask, schedule, eps)
    if repeats > 1:
        step = partial(
            resampling_step, step, guided_denoiser(who.model, preset, **asked.telling), schedule, randn=noise
        )
        constrain = keep_known_freshly(known, mask, schedule, noise)
    return Drawing(
        walk(step, who.model.compute.place(eps), path, constrain),
        lambda latents: torch.where(hole, who.images(latents), images),
    )


def between(first, second, fractions):
    """Ask for an image at every fraction of 0..1 of the way between what is asked for first and second: between their prompts and their noise.

    Each of the two is asked for one image, or for as many as there are shares, by the same model and preset, which are those of
    the first. Any verb draws it.
    """
    fractions = torch.as_tensor(list(fractions), dtype=torch.float64)
    if (
        not len(fractions)
        or not ((fractions >= 0) & (fractions <= 1)).all()
        or not {first.count, second.count} <= {1, len(fractions)}
    ):
        raise ValueError(
            f"Give fractions of 0 to 1, and ask for one image at both ends, or for one per share, {len(fractions)}."
        )
    if first.of is not second.of or first.preset != second.preset:
        raise ValueError(
            "What two samples have between them is sampled by one model with one preset: ask both for the same."
        )
    told, negative = (halfway(a, b, fractions) for a, b in ((first.told, second.told), (first.negative, second.negative)))
    notes = tuple(dict.fromkeys(first.notes + second.notes))

    def noise():
        return NoiseBetween(first.noise(), second.noise(), fractions)

    return replace(first, noise=noise, count=len(fractions), told=told, negative=negative, notes=notes)


def halfway(first, second, fractions):
    """Tell every image both conditions; one, if they are the same."""
    first, second = (each if each is None else each.expand(len(fractions), *each.shape[1:]) for each in (first, second))
    same = first is second if first is None or second is None else torch.equal(first, second)
    return first if same else Interpolated(first, second, fractions)


def cut(told):
    """Leave out the places at the end that hold no word in any of these prompts (n, 77) or (n, 77, d); None if there is no word at all."""
    used = int(present(told).any(0).nonzero().max()) + 1
    return told[:, :used] if told.any() else None


def fitting(asked, images):
    """Bring one image, or as many as are asked for, to uint8 (n, 3, h, w); raises ValueError, in one sentence, if that cannot be."""
    images, multiple = images if images.ndim == 4 else images[None], asked.of.multiple
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or len(images) not in (1, asked.count):
        raise ValueError(
            f"Give one image, or {asked.count}, each uint8 (3, h, w), not {str(images.dtype)[6:]} {tuple(images.shape)}."
        )
    h, w = images.shape[2:]
    if not h or not w or h % multiple or w % multiple:
        raise ValueError(
            f"Height and width of the image must be divisible by {multiple}, not {h} x {w}: cut or scale it."
        )
    return images.cpu()


def encoded(asked, images):
    """Turn one image, or as many as are asked for, uint8 (n, 3, h, w) into latents, one for each that is asked for."""
    return asked.of.codec.encode(to_signed(images)).expand(asked.count, -1, -1, -1)


def hollow(hole, size):
    """Read a mask, anything but 0 is the hole, as bool (h, w); raises ValueError, in one sentence, if it has another size or nothing is marked."""
    hole = torch.as_tensor(hole).cpu() != 0
    if hole.shape != size:
        raise ValueError(
            f"The mask has the shape {tuple(hole.shape)}, and the image {tuple(size)}: scale the mask to the size of the image."
        )
    if not hole.any():
        raise ValueError("Nothing is marked in the mask: paint over what is to be sampled anew.")
    return hole


def touched(hole, factor):
    """Say which latents (h / factor, w / factor) stand for a pixel of the hole, bool (h, w): a single one is enough."""
    return F.max_pool2d(hole[None].float(), factor)[0].bool()
