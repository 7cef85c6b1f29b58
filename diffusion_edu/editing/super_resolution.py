"""From a small image to a large one: a network that is told the small image draws what could have been in it.

While it learned, what it was told had noise on it, in every strength, and it was told the strength too: so that it forgives
the flaws of a small image that another network drew (Ho et al. 2022, Cascaded diffusion models, sec. 4).
"""

import math
from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F

from diffusion_edu.checkpoints import Model
from diffusion_edu.core import State
from diffusion_edu.denoisers import clipped, guided
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import SeededNoise

FACTOR = 2
CHANNELS = 4  # of the guide: the small image and how noisy it is


def enlarged(small):
    """Bring small images (b, c, h, w) to (b, c, 2h, 2w), bicubic: what a network must beat."""
    return F.interpolate(small, scale_factor=FACTOR, mode="bicubic", antialias=False).clamp(-1, 1)


def enlarges(card):
    """Whether a model is told a small image and draws a large one, by its card."""
    return card.config.get("conditioning_channels") == CHANNELS


def shrunk(x):
    """Bring images (b, c, h, w) to half their height and width, (b, c, h / 2, w / 2)."""
    return F.interpolate(x, scale_factor=1 / FACTOR, mode="bicubic", antialias=True).clamp(-1, 1)


def conditioning_image(small, fraction, eps):
    """Make what the network is told (b, 4, 2h, 2w) of small images (b, 3, h, w): turned by a share (b,) of 0..1 towards noise eps (b, 3, h, w)."""
    fraction = fraction.view(-1, 1, 1, 1).to(small)
    angle = fraction * (math.pi / 2)
    noisy = angle.cos() * small + angle.sin() * eps
    told = F.interpolate(noisy, scale_factor=FACTOR, mode="bicubic", antialias=False)
    return torch.cat([told, fraction.expand(-1, 1, *told.shape[2:])], dim=1)


def held(denoise, small):
    """Correct every prediction so that, shrunk, it is the small image (b, c, h, w): the network decides only what shrinking loses.

    Back-projection (Irani & Peleg 1991), at every prediction of a walk (Choi et al. 2021, ILVR, alg. 1; Wang et al. 2023, DDNM, eq. 13).
    """

    def prediction(x, t):
        x0_hat = denoise(x, t)
        return x0_hat + enlarged(small - shrunk(x0_hat))

    return prediction


def enlarge(model: Model, preset: Preset, small, seeds, fraction=0.1, hold=False) -> Iterator[State]:
    """Draw a large image (b, 3, 2h, 2w) for each small one (b, 3, h, w).

    share is how much of what the network is told is noise, 0..1; hold: see to it that the large image, shrunk, is the small one (held).
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"The noise on the small image is a fraction of 0 to 1, not {fraction}.")
    if len(small) != len(seeds):
        raise ValueError(f"Every image needs a seed of its own: {len(small)} images came with {len(seeds)} seeds.")
    (h, w), multiple = small.shape[2:], model.net.size_multiple // FACTOR
    if h % multiple or w % multiple:
        raise ValueError(
            f"{model.card.name} enlarges images whose height and width are divisible by {multiple}, not {h} x {w}."
        )
    small = model.compute.place(small)
    eps = (
        SeededNoise([seed + 2**31 for seed in seeds]).sample(small.shape[1:]).to(small)
    )  # other noise than the walk's; of a seed 32 bits count
    told = conditioning_image(small, torch.full((len(small),), fraction, device=small.device), eps)
    return generate(model, preset, seeds, told, partial(_holding, small) if hold else guided)


def _holding(small, conditional, unconditional, guidance_scale):
    return held(clipped(guided(conditional, unconditional, guidance_scale)), small)


def cascade(draw_small, enlarge):
    """Draw small images, then large ones that are told what the small ones were: two walks, one after the other."""
    for state in draw_small:
        yield state
    yield from enlarge(state.x)
