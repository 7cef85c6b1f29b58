"""From a loaded model and a few choices to a walk: the one path that pages, recipes, benchmarks and tests draw images by."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from diffusion_edu.checkpoints import Model
from diffusion_edu.core import Denoiser, State, Step, walk
from diffusion_edu.denoisers import clipped, guided
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import nfe, sampler
from diffusion_edu.schedules import SCHEDULES, zero_terminal_snr
from diffusion_edu.spacings import spaced


@dataclass(frozen=True)
class Preset:
    """The choices behind a walk; options go to the sampler's step, for example {"eta": 0.5}."""

    sampler: str = "DDIM"
    steps: int = 20
    guidance_scale: float = 2.0
    schedule: str = "cosine"
    T: int = 1000
    zero_snr: bool = False
    options: dict = field(default_factory=dict)
    spacing: str = "trailing"

    def noise_schedule(self):
        """Build the schedule that was chosen, stretched to zero signal at T if that was chosen too."""
        schedule = SCHEDULES[self.schedule](self.T)
        return zero_terminal_snr(schedule) if self.zero_snr else schedule

    def timesteps(self):
        """List the timesteps that the walk visits, from T down to 0."""
        return spaced(self.noise_schedule(), self.steps, self.spacing)

    def nfe(self, guiding):
        """Count how often the walk asks the network: twice for every prediction that is guided."""
        return nfe(self.sampler, self.steps) * (2 if guiding and self.guidance_scale not in (0, 1) else 1)


@dataclass(frozen=True)
class Between:
    """A label between two: each image's prediction is a share (b,) of 0..1 of the way from what it is with the first to what it is with the second.

    Between predictions, not between labels: token ids have nothing between them, and of half a word no network has ever heard, nor
    of the third word of one caption mixed with the third of another. At 0 and 1 nothing is mixed. Liu et al. 2022, Composable diffusion.
    """

    first: Tensor | None
    second: Tensor | None
    fraction: Tensor


def guided_denoiser(model: Model, preset: Preset, labels=None, steer=None, against=None) -> Denoiser:
    """Build the denoiser of one walk: the model on the preset's schedule, each image steered to what its label asks for (see generate).

    steer(conditional, unconditional, scale) makes one denoiser of two, `guided` if it is None. A scale above 1 steers away from
    the label against, instead of from anything; up to 1 there is nothing to steer away with, and it is not heard.
    """
    anything = model.denoiser(preset.noise_schedule())
    wanted, unwanted = (_asked(model, anything, each) for each in (labels, against))
    if not model.card.told or (labels is None and against is None):
        denoise = anything
    else:
        denoise = (steer or guided)(wanted, unwanted if preset.guidance_scale > 1 else anything, preset.guidance_scale)
    return denoise if model.card.autoencoder else clipped(denoise)  # images have a range, latents have none


def _asked(model, denoise, labels):
    if labels is None or not model.card.told:
        return denoise
    if isinstance(labels, Between):
        first, second = (_asked(model, denoise, each) for each in (labels.first, labels.second))
        return lambda x, t: torch.lerp(first(x, t), second(x, t), labels.fraction.view(-1, *[1] * (x.ndim - 1)).to(x))
    wanted = torch.as_tensor(labels, device=model.compute.device)
    _fits(model, wanted)
    return denoise.given(wanted)


def _fits(model, wanted):
    card, shape = model.card, tuple(wanted.shape[1:])
    if card.conditioning_image:
        channels, multiple = card.config["conditioning_channels"], model.net.size_multiple
        words, fits = (
            f"images of {channels} channels, height and width divisible by {multiple}",
            len(shape) == 3 and shape[0] == channels,
        )
        fits = fits and not any(side % multiple for side in shape[1:])
    elif card.text:
        each = (card.config["text"]["features"],) if "features" in card.config["text"] else ()
        words, fits = "what `tokens.reader` makes of a caption", len(shape) > 0 and shape[1:] == each
    elif card.attributes:
        words, fits = f"{len(card.attributes)} conditions for every image", shape == (len(card.attributes),)
    else:
        words, fits = (
            f"one number of 0 to {card.null} for every image",
            not shape and wanted.min() >= 0 and wanted.max() <= card.null,
        )
    if not fits:
        raise ValueError(f"{card.name} is told {words}; what it was given has the shape {tuple(wanted.shape)}.")


def make_step(model: Model, preset: Preset, randn, labels=None, steer=None, against=None) -> Step:
    """Build the step of one walk: the preset's sampler on the model's predictions (see guesser)."""
    return partial(
        sampler(preset.sampler),
        guided_denoiser(model, preset, labels, steer, against),
        preset.noise_schedule(),
        randn=randn,
        **preset.options,
    )


def generate(model: Model, preset: Preset, seeds, labels=None, steer=None, against=None) -> Iterator[State]:
    """Draw one image per seed (b,), each as its label asks; None, or the null class, asks for anything.

    A label is what the model was trained with: a class (b,), conditions for its attributes (b, attributes), each 1, -1 or 0, a caption as its
    `tokens.reader` says it, or a guide (b, channels of the guide, h, w), whose height and width the image then has; or one `Between`
    two. against is a label too, of what is not wanted; steer: see guesser. In the place of seeds there may be noise, as SeededNoise is. Yields
    preset.steps + 1 States with images, or latents, (b, channels, size, size); one State if it is a VAE, which makes no steps. Raises ValueError
    for impossible choices.
    """
    noise, card = seeds if callable(seeds) else SeededNoise(seeds), model.card
    if card.prediction_type == "vae":
        return iter([_decoded(model, noise)])
    shape = labels.shape[2:] if card.conditioning_image and labels is not None else (card.size, card.size)
    x = model.compute.place(noise.draw((card.channels, *shape)))
    return walk(make_step(model, preset, noise, labels, steer, against), x, preset.timesteps())


@torch.no_grad()
def _decoded(model, noise):
    compute = model.compute
    codes = noise.draw((model.net.code,)).to(compute.device)
    with torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None):
        x = model.net.decode(codes)
    x = x.float().clamp(-1, 1)
    return State(0, x, x)
