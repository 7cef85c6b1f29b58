"""Super-resolution: a diffusion model conditioned on a small image generates a large one (Saharia et al. 2021, SR3).

In training the small image had noise of every strength on it, and the network was conditioned on that strength too. So
it tolerates the flaws of a generated small image: conditioning augmentation (Ho et al. 2022, Cascaded diffusion models,
sec. 4).
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.checks import Fraction, Images, OneFractionEach, Rule, Seeds, checked, same_count
from diffusion_edu.core import Denoiser, State, walk
from diffusion_edu.generation import Preset, generate, guided_denoiser
from diffusion_edu.randomness import SeededNoise

FACTOR = 2
CONDITIONING_CHANNELS = 4  # three colours of the small image and its fraction of noise
TURNS = 5  # after so many, 8-bit images shrink to the small image within 64 dB; rounding them allows 67 dB

Floats = Annotated[
    Tensor,
    Rule(
        "a tensor (b, c, h, w) of floating-point numbers that is not empty",
        lambda x: x.ndim == 4 and x.is_floating_point(),
    ),
]


@checked
def bicubic_upsample(small: Floats) -> Tensor:
    """Bring small images (b, c, h, w) to (b, c, 2h, 2w) by bicubic interpolation: the baseline for super-resolution."""
    return F.interpolate(small, scale_factor=FACTOR, mode="bicubic", antialias=False).clamp(-1, 1)


@checked
def bicubic_downsample(x: Floats) -> Tensor:
    """Bring images (b, c, h, w) to half their height and width, (b, c, h / 2, w / 2), with antialiasing.

    Raises ValueError for a side of one pixel.
    """
    if min(x.shape[2:]) < FACTOR:
        raise ValueError(
            f"Images of {x.shape[2]} x {x.shape[3]} pixels cannot be halved: give {FACTOR} or more on a side."
        )
    return F.interpolate(x, scale_factor=1 / FACTOR, mode="bicubic", antialias=True).clamp(-1, 1)


def is_super_resolution(card: Card) -> bool:
    """Return whether a model is conditioned on a small image and generates a large one, by its card."""
    return card.config.get("conditioning_channels") == CONDITIONING_CHANNELS


@checked
def conditioning_image(small: Floats, fraction: OneFractionEach, eps: Floats) -> Tensor:
    """Return the conditioning image (b, 4, 2h, 2w) of small images (b, 3, h, w).

    Noise eps (b, 3, h, w) is mixed in: the small image is rotated towards it by a fraction (b,) of 90 degrees, 0..1.
    """
    same_count(image=small, fraction=fraction)
    if small.shape != eps.shape:
        raise ValueError(f"The noise must be shaped like the images, {tuple(small.shape)}, not {tuple(eps.shape)}.")
    fraction = fraction.view(-1, 1, 1, 1).to(small)
    angle = fraction * (math.pi / 2)
    noisy = angle.cos() * small + angle.sin() * eps
    large = F.interpolate(noisy, scale_factor=FACTOR, mode="bicubic", antialias=False)
    return torch.cat([large, fraction.expand(-1, 1, *large.shape[2:])], dim=1)


@checked
def back_projected(denoise: Denoiser, small: Images) -> Denoiser:
    """Correct every prediction so that its downsampled version is the small image (b, c, h, w), to 1e-5 in float32.

    Back-projection (Irani & Peleg 1991), at every prediction of a walk (Choi et al. 2021, ILVR, alg. 1; Wang et al.
    2023, DDNM). The network decides only what downsampling loses. A corrected prediction may leave [-1, 1], so clipping
    and correction take turns, and the correction is the last.
    """

    def prediction(x, t):
        x0_hat = project(denoise(x, t), small)
        for _ in range(TURNS):
            x0_hat = project(x0_hat.clamp(-1, 1), small)
        return x0_hat

    return prediction


@checked
def project(x: Floats, small: Floats) -> Tensor:
    """Return the images nearest to x (b, c, 2h, 2w) whose downsampled version is small (b, c, h, w).

    `x + A^+ (small - A x)` (Wang et al. 2023, DDNM, eq. 13): downsampling is one matrix A for rows and one for columns.
    """
    if x.shape != (*small.shape[:2], *(FACTOR * side for side in small.shape[2:])):
        raise ValueError(f"Images {tuple(x.shape)} are not twice as large as the small ones, {tuple(small.shape)}.")
    (rows, rows_back), (columns, columns_back) = (
        (matrix.to(x) for matrix in _downsampling(side)) for side in x.shape[-2:]
    )
    return x + rows_back @ (small.to(x) - rows @ x @ columns.T) @ columns_back.T


@lru_cache(maxsize=8)
def _downsampling(size):
    """The matrix A (size / 2, size) of bicubic_downsample along one axis, without clipping, and its pseudo-inverse.

    It is A^T (A A^T)^-1, because the rows of A are independent: the condition of A A^T is 2.2 at most.
    """
    one_axis = torch.eye(size, dtype=torch.float64)[None, None]
    matrix = F.interpolate(one_axis, size=(size // FACTOR, size), mode="bicubic", antialias=True)[0, 0]
    return matrix, torch.cholesky_solve(matrix, torch.linalg.cholesky(matrix @ matrix.T)).T


@checked
def enlarge(
    model: Model, preset: Preset, small: Images, seeds: Seeds, fraction: Fraction = 0.1, back_projection: bool = False
) -> Iterator[State]:
    """Generate a large image (b, 3, 2h, 2w) for each small one (b, 3, h, w).

    fraction: the noise in the conditioning image, 0..1 (see conditioning_image). back_projection: the downsampled large
    image equals the small one, to 1e-5 in float32 (see back_projected).
    """
    if small.shape[1] != 3:
        raise ValueError(f"{model.card.name} enlarges images of three channels, not {small.shape[1]}.")
    same_count(image=small, seed=seeds)
    (h, w), multiple = small.shape[2:], model.net.size_multiple // FACTOR
    if h % multiple or w % multiple:
        raise ValueError(
            f"{model.card.name} enlarges images whose height and width are divisible by {multiple}, not {h} x {w}."
        )
    small = model.compute.place(small)
    other_seeds = [seed + 2**31 for seed in seeds]  # other noise than the walk's; of a seed 32 bits count
    eps = SeededNoise(other_seeds).sample(small.shape[1:]).to(small)
    condition = conditioning_image(small, torch.full((len(small),), fraction, device=small.device), eps)
    if not back_projection:
        return generate(model, preset, seeds, condition)
    noise = SeededNoise(seeds)
    x = model.compute.place(noise.sample((model.card.channels, *condition.shape[2:])))
    denoise = back_projected(guided_denoiser(model, preset, condition), small)
    return walk(preset.step(denoise, noise), x, preset.timesteps())


@checked
def cascade(small_walk: Iterable[State], enlarge: Callable[[Tensor], Iterable[State]]) -> Iterator[State]:
    """Run a walk of small images, then the walk enlarge(x) of large ones, conditioned on the small images x."""
    for state in small_walk:
        yield state
    yield from enlarge(state.x)
