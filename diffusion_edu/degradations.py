"""Six degradations other than noise, for cold diffusion (Bansal et al. 2022): timestep 0 is untouched, nothing is left
at T.

Each is a function of images x0 (b, c, h, w), a severity (b, 1, 1, 1) from 0 to 1, and standard Gaussian noise (b, 1, h,
w), which only some of them use. `Degradation` adds timesteps. A restorer undoes them: `(x, t) -> x0_hat`, like any
denoiser. It is a network, an oracle that knows x0, or one with errors added on purpose.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.checks import (
    Count,
    Fractions,
    Index,
    Maps,
    NotNegative,
    Numbers,
    OneFractionEach,
    Seeds,
    checked,
    same_count,
)
from diffusion_edu.core import Denoiser
from diffusion_edu.randomness import SeededNoise

GREY, WHITE = 0.0, 1.0
SOFT = 0.15  # width of the soft edge of what is covered, as a fraction of the whole range
CLOUD = 0.4  # severity of the blur that makes clouds of noise: about four pixels in 64
GRAIN = 0.01  # standard deviation of the noise that is added to images of one colour, so that their pixels can differ


@checked
def blur(x0: Maps, severity: Fractions, noise: Maps | None) -> Tensor:
    """Let the image diffuse like heat until one colour is left: Gaussian blur with mirrored edges.

    Rissanen et al. 2023, eq. 3.
    """
    h, w = x0.shape[-2:]
    sigma = severity.to(x0) ** 3  # cubed, so that the steps look even
    return _blur_matrix(h, sigma) @ x0 @ _blur_matrix(w, sigma)


def _blur_matrix(size, sigma):
    """The matrix (b, 1, size, size) that blurs by sigma * size pixels: exp(-frequency^2 sigma^2 /
    2) for every cosine.
    """
    waves, sigma = _cosines(size).to(sigma), sigma * size
    fading = torch.exp(-((math.pi / size * torch.arange(size).to(sigma)) ** 2) * sigma**2 / 2)
    return waves.T @ (fading.transpose(-1, -2) * waves)


@cache
def _cosines(size):
    positions = torch.arange(size, dtype=torch.float64) + 0.5
    frequencies = torch.arange(size, dtype=torch.float64)[:, None]
    waves = torch.cos(math.pi / size * frequencies * positions) * math.sqrt(2 / size)
    waves[0] /= math.sqrt(2)
    return waves  # orthonormal rows: the discrete cosine transform


@checked
def pixelate(x0: Maps, severity: Fractions, noise: Maps | None) -> Tensor:
    """Replace blocks of 2x2, 4x4, ... pixels by their mean colour, blending from one size to the next, until one block
    is left.
    """
    doublings = math.ceil(math.log2(max(x0.shape[-2:])))
    coarse = [x0] + [_blocks(x0, 2**k) for k in range(1, doublings + 1)]
    position = severity.to(x0) * doublings
    weighted = [(1 - (position - k).abs()).clamp(min=0) * image for k, image in enumerate(coarse)]
    return sum(weighted[1:], weighted[0])


def _blocks(x0, side):
    h, w = x0.shape[-2:]
    means = F.avg_pool2d(x0, side, ceil_mode=True)  # a block at the edge is the mean of its pixels inside the image
    return means.repeat_interleave(side, 2).repeat_interleave(side, 3)[..., :h, :w]


@checked
def fade(x0: Maps, severity: Fractions, noise: Maps | None) -> Tensor:
    """Fade the image to grey."""
    return torch.lerp(x0, torch.full_like(x0, GREY), severity.to(x0))


@checked
def desaturate(x0: Maps, severity: Fractions, noise: Maps | None) -> Tensor:
    """Remove the colours and keep the brightness (ITU-R BT.601), for images of three channels."""
    if x0.shape[1] != 3:
        raise ValueError(f"Only images of three channels have colours to remove; these have {x0.shape[1]}.")
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).to(x0).view(3, 1, 1)
    brightness = (x0 * weights).sum(1, keepdim=True)
    return torch.lerp(x0, brightness.expand_as(x0), severity.to(x0))


@checked
def mask(x0: Maps, severity: Fractions, noise: Maps) -> Tensor:
    """Let a grey disc grow from the position of the largest noise until it covers everything."""
    h, w = x0.shape[-2:]
    centre = noise.flatten(1).argmax(1)
    rows, columns = torch.arange(h).to(centre).view(1, 1, h, 1), torch.arange(w).to(centre).view(1, 1, 1, w)
    down, right = rows - (centre // w).view(-1, 1, 1, 1), columns - (centre % w).view(-1, 1, 1, 1)
    distance = torch.hypot(down.to(x0), right.to(x0))
    return _covered(x0, distance / distance.amax(dim=(2, 3), keepdim=True).clamp(min=1), severity, GREY)


@checked
def snow(x0: Maps, severity: Fractions, noise: Maps) -> Tensor:
    """Cover the pixels with white flakes, in an order given by the noise, until everything is white."""
    # the mean of nine neighbours, scaled back to variance 1
    flakes = F.avg_pool2d(F.pad(noise, (1, 1, 1, 1), mode="circular"), 3, stride=1) * 3
    return _covered(x0, torch.special.ndtr(flakes.to(x0)), severity, WHITE)


def _covered(x0, when, severity, colour):
    """Cover every pixel when the severity reaches `when` (b, 1, h, w), 0 to 1, with a soft edge."""
    covered = ((severity.to(x0) * (1 + SOFT) - when) / SOFT).clamp(0, 1)
    return torch.lerp(x0, torch.full_like(x0, colour), covered)


DEGRADATIONS: dict[str, Callable[..., Tensor]] = {
    "blur": blur,
    "pixelate": pixelate,
    "fade": fade,
    "desaturate": desaturate,
    "mask": mask,
    "snow": snow,
}
TO_ONE_COLOUR = ("blur", "pixelate")  # these leave the mean colour of an image, which can be sampled


@checked
def degrade_each(x0: Maps, index: Tensor, severity: OneFractionEach, noise: Maps) -> Tensor:
    """Degrade every image x0 (b, c, h, w) in its own way: index (b,) into DEGRADATIONS, severity (b,), noise (b, 1, h,
    w).
    """
    same_count(image=x0, index=index, severity=severity, noise=noise)
    if index.min() < 0 or index.max() >= len(DEGRADATIONS):
        raise ValueError(f"The degradations have the indices 0 to {len(DEGRADATIONS) - 1}, not {index.tolist()}.")
    x = torch.empty_like(x0)
    with torch.autocast(x0.device.type, enabled=False):  # the input of a restorer must be exact
        for number, degradation in enumerate(DEGRADATIONS.values()):
            rows = index == number
            if rows.any():
                x[rows] = degradation(x0[rows], severity[rows].view(-1, 1, 1, 1), noise[rows])
    return x


@checked
@dataclass(frozen=True)
class Degradation:
    """One of DEGRADATIONS on timesteps 0 to T, with one seed per image: `degrade(x0, t) -> x_t`.

    Timestep 0 returns x0 itself. Call it with x0 (b, c, h, w) and a timestep t; b must be the number of seeds. Raises
    ValueError for an unknown name and for another number of images, IndexError for a timestep outside 0..T.
    """

    name: str
    seeds: tuple[int, ...]
    T: Count = 100

    def __post_init__(self) -> None:
        if self.name not in DEGRADATIONS:
            raise ValueError(
                f"An image can be degraded in one of these ways: {', '.join(DEGRADATIONS)}; not {self.name!r}."
            )

    @checked
    def __call__(self, x0: Maps, t: int) -> Tensor:
        if not 0 <= t <= self.T:
            raise IndexError(f"This degradation has the timesteps 0 to {self.T}; there is no timestep {t}.")
        same_count(image=x0, seed=self.seeds)
        if t == 0:
            return x0
        noise = SeededNoise(self.seeds).sample((1, *x0.shape[2:])).to(x0)
        severity = torch.full((len(x0), 1, 1, 1), t / self.T, dtype=torch.float64).to(x0)
        return DEGRADATIONS[self.name](x0, severity, noise)


@checked
@dataclass(frozen=True)
class Restorer:
    """A network as the restorer of one degradation: `(x, t) -> x0_hat`, conditioned on the degradation's index and
    severity.

    The network's inputs are x (b, c, h, w), the severity as a noise level (1000 * pi / 2 at T, as for denoising
    networks) and the index; it predicts the residual: x0_hat = x + output.
    """

    net: Callable[..., Tensor]
    T: Count
    index: Index
    autocast: torch.dtype | None = None

    @checked
    def __call__(self, x: Tensor, t: int) -> Tensor:
        theta = torch.full((len(x),), math.pi / 2 * t / self.T, device=x.device)
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            residual = self.net(x, 1000 * theta, torch.full((len(x),), self.index, device=x.device))
        return x + residual.to(x.dtype)


@checked
def oracle(x0: Tensor) -> Denoiser:
    """Build the perfect restorer, which knows x0 (b, ...) and returns it for every x."""
    return lambda x, t: x0


@checked
def flawed(restore: Denoiser, error: NotNegative, seeds: Seeds) -> Denoiser:
    """Add clouds of coloured noise of standard deviation error to every prediction, new ones at every timestep.

    A seed per image.
    """

    def restore_badly(x, t):
        noise = SeededNoise([10_007 * seed + t + 1 for seed in seeds])(x)
        clouds = blur(noise, torch.full((len(x), 1, 1, 1), CLOUD), None)
        return restore(x, t) + error * clouds / clouds.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()

    return restore_badly


@dataclass(frozen=True)
class ColourDistribution:
    """The Gaussian distribution of the mean colours of an image set: mean (3,) and a root (3, 3) of the covariance,
    float64.
    """

    mean: Tensor
    root: Tensor

    @classmethod
    @checked
    def of(cls, colours: Numbers) -> Self:
        """Fit the distribution to colours (n, 3) in [-1, 1]."""
        if colours.ndim != 2 or colours.shape[1] != 3 or len(colours) < 2:
            raise ValueError(f"A distribution needs two or more colours (n, 3), not {tuple(colours.shape)}.")
        colours = colours.double()
        return cls(colours.mean(0), torch.linalg.cholesky(colours.T.cov() + 1e-9 * torch.eye(3)))

    @checked
    def sample(self, seeds: Seeds, size: Count) -> Tensor:
        """Sample one colour per seed and fill an image with it, float32 (b, 3, size, size) in [-1, 1]."""
        colours = self.mean + SeededNoise(seeds).sample((3,)).double() @ self.root.T
        return colours.clamp(-1, 1).float()[:, :, None, None].expand(-1, -1, size, size)


@checked
def fully_degraded(degrade: Degradation, x0: Maps) -> Tensor:
    """Degrade images x0 (b, c, h, w) to timestep T and add a little noise that breaks the symmetry: the start of
    generation.

    Bansal et al. 2022, sec. 5.2.
    """
    noise = SeededNoise(degrade.seeds)
    noise.sample((1, *x0.shape[2:]))  # skip the noise that the degradation itself uses
    return degrade(x0, degrade.T) + GRAIN * noise(x0)
