"""From a loaded model and a few choices to a walk: pages, recipes, benchmarks and tests all sample images through
`generate`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.checkpoints import Model
from diffusion_edu.checks import Count, OneFractionEach, Rule, Seeds, checked, is_whole, one_of, same_count
from diffusion_edu.core import Denoiser, State, Step, walk
from diffusion_edu.denoisers import clipped, guided
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import SAMPLERS, Noise, nfe, sampler
from diffusion_edu.schedules import SCHEDULES, Schedule, zero_terminal_snr
from diffusion_edu.spacings import SPACINGS, spaced

Guidance = Callable[[Denoiser, Denoiser, float], Denoiser]  # (conditional, unconditional, guidance_scale) -> denoiser


@checked
@dataclass(frozen=True)
class Preset:
    """The settings of a walk; options go to the sampler's step, for example {"eta": 0.5}."""

    sampler: Annotated[str, one_of(SAMPLERS)] = "DDIM"
    steps: Count = 20
    guidance_scale: float = 2.0
    schedule: Annotated[str, one_of(SCHEDULES)] = "cosine"
    T: Count = 1000
    zero_snr: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    spacing: Annotated[str, one_of(SPACINGS)] = "trailing"

    def noise_schedule(self) -> Schedule:
        """Build the noise schedule, stretched to zero terminal SNR if zero_snr is set."""
        schedule = SCHEDULES[self.schedule](self.T)
        return zero_terminal_snr(schedule) if self.zero_snr else schedule

    def step(self, denoise: Denoiser, randn: Noise | None = None) -> Step:
        """Build the step of one walk; without randn, its noise comes from torch's own generator.

        Raises ValueError if the sampler has no such options.
        """
        step = sampler(self.sampler)
        known = [name for name, each in signature(step).parameters.items() if each.default is not each.empty]
        known.remove("randn")
        if not self.options.keys() <= set(known):
            raise ValueError(f"{self.sampler} has the options {known}, not {list(self.options)}.")
        noise = {"randn": randn} if randn else {}
        return partial(step, denoise, self.noise_schedule(), **noise, **self.options)

    def timesteps(self) -> list[int]:
        """List the timesteps that the walk visits, from T down to 0."""
        return spaced(self.noise_schedule(), self.steps, self.spacing)

    def nfe(self, guiding: bool) -> int:
        """Count the network evaluations of the walk (NFE): classifier-free guidance needs two for every prediction."""
        return nfe(self.sampler, self.steps) * (2 if guiding and self.guidance_scale not in (0, 1) else 1)


@checked
@dataclass(frozen=True)
class Interpolated:
    """A condition between two conditions: the prediction of image i is interpolated, `fraction[i]` of the way from
    first to second.

    fraction (b,) lies in 0..1; at 0 and 1 only one condition is used. The predictions are interpolated, not the
    conditions, because token ids have no values in between. Liu et al. 2022, Composable diffusion.
    """

    first: Tensor | None
    second: Tensor | None
    fraction: OneFractionEach


Condition = Annotated[
    Tensor | np.ndarray | Sequence | Interpolated | None,
    Rule("one condition for every image, a tensor or a list of numbers, or None", lambda condition: True),
]  # what `generate` accepts; None means unconditional


@checked
def guided_denoiser(
    model: Model,
    preset: Preset,
    condition: Condition = None,
    guidance: Guidance | None = None,
    negative: Condition = None,
) -> Denoiser:
    """Build the denoiser of one walk: the model on the preset's noise schedule, with guidance (see generate).

    guidance(conditional, unconditional, guidance_scale) combines two denoisers into one; None means `guided`. The
    negative condition takes the place of the unconditional branch when the guidance scale is above 1; up to 1 it has no
    effect.
    """
    unconditional = model.denoiser(preset.noise_schedule())
    wanted, unwanted = (_conditioned(model, unconditional, each) for each in (condition, negative))
    if not model.card.conditional or (condition is None and negative is None):
        denoise: Denoiser = unconditional
    else:
        other = unwanted if preset.guidance_scale > 1 else unconditional
        denoise = (guidance or guided)(wanted, other, preset.guidance_scale)
    return denoise if model.card.autoencoder else clipped(denoise)  # images have a range, latents have none


def _conditioned(model, denoise, condition):
    if condition is None or not model.card.conditional:
        return denoise
    if isinstance(condition, Interpolated):
        first, second = (_conditioned(model, denoise, each) for each in (condition.first, condition.second))
        fraction = condition.fraction
        return lambda x, t: torch.lerp(first(x, t), second(x, t), fraction.view(-1, *[1] * (x.ndim - 1)).to(x))
    try:
        condition = torch.as_tensor(condition, device=model.compute.device)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"A condition is a tensor or a list of numbers, not {condition!r:.80}.") from None
    _check(model, condition)
    return denoise.given(condition.long() if is_whole(condition) else condition)  # torch looks up no short numbers


def _check_count(model, x, condition):
    """Raise ValueError unless there is a condition for every image x (b, ...)."""
    if isinstance(condition, Interpolated):
        same_count(image=x, fraction=condition.fraction)
        for each in (condition.first, condition.second):
            _check_count(model, x, each)
    elif condition is not None and model.card.conditional:
        same_count(image=x, condition=condition)


def _check(model, condition):
    """Raise ValueError if the condition does not have the shape or the values that the model was trained with."""
    card, shape = model.card, tuple(condition.shape[1:])
    if not condition.numel() or not condition.ndim:
        raise ValueError(f"{card.name} needs one condition for every image, not a tensor {tuple(condition.shape)}.")
    if card.conditioning_image:
        channels, multiple = card.config["conditioning_channels"], model.net.size_multiple
        words = f"images of {channels} channels, height and width divisible by {multiple}"
        fits = len(shape) == 3 and shape[0] == channels and not any(side % multiple for side in shape[1:])
    elif card.text:
        each = (card.config["text"]["features"],) if "features" in card.config["text"] else ()
        words, fits = "the output of its `text.reader` for a caption", len(shape) > 0 and shape[1:] == each
    elif card.attributes:
        words, fits = f"{len(card.attributes)} numbers for every image", shape == (len(card.attributes),)
    else:
        words = f"one class label of 0 to {card.null} for every image"
        fits = not shape and is_whole(condition) and all(0 <= k <= card.null for k in condition.tolist())
    if not fits or condition.is_complex() or not condition.isfinite().all():
        found = f"{condition.tolist()!s:.60}" if condition.ndim == 1 else f"a tensor of shape {tuple(condition.shape)}"
        raise ValueError(f"{card.name} is conditioned on {words}, not on {found}.")


@checked
def make_step(
    model: Model,
    preset: Preset,
    randn: Noise | None,
    condition: Condition = None,
    guidance: Guidance | None = None,
    negative: Condition = None,
) -> Step:
    """Build the step of one walk: the preset's sampler with the model's guided denoiser (see guided_denoiser)."""
    denoise = guided_denoiser(model, preset, condition, guidance, negative)
    return preset.step(denoise, randn)


@checked
def generate(
    model: Model,
    preset: Preset,
    seeds: Seeds | SeededNoise,
    condition: Condition = None,
    guidance: Guidance | None = None,
    negative: Condition = None,
) -> Iterator[State]:
    """Sample one image per seed (b,), conditioned on condition; None, or the null label, samples unconditionally.

    The condition is what the model was trained with:

    - class labels (b,);
    - attributes (b, attributes) of 1 (with), -1 (without) or 0 (any);
    - a caption as its `text.reader` encodes it;
    - a conditioning image (b, c, h, w); the sample gets its height and width;
    - or `Interpolated` between two of these.

    negative is a condition too, of what the image should not show (a negative prompt); guidance: see guided_denoiser.
    Instead of seeds, noise such as SeededNoise may be given. Yields preset.steps + 1 States with images, or latents,
    (b, channels, size, size); a VAE makes no sampling steps and yields one State. Raises ValueError for impossible
    choices.
    """
    noise, card = seeds if callable(seeds) else SeededNoise(seeds), model.card
    if card.prediction_type == "vae":
        return iter([_decoded(model, noise)])
    shape: Sequence[int] = (card.size, card.size)
    if card.conditioning_image and isinstance(condition, Tensor):
        shape = condition.shape[2:]
    step = make_step(model, preset, noise, condition, guidance, negative)
    x = model.compute.place(noise.sample((card.channels, *shape)))
    for each in (condition, negative):
        _check_count(model, x, each)
    return walk(step, x, preset.timesteps())


@torch.no_grad()
def _decoded(model, noise):
    """Decode random codes to images: the one State that a VAE yields."""
    compute = model.compute
    codes = noise.sample((model.net.code,)).to(compute.device)
    with torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None):
        x = model.net.decode(codes)
    x = x.float().clamp(-1, 1)
    return State(0, x, x)
