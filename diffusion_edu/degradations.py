"""Six ways to lose an image other than noise, for cold diffusion (Bansal et al. 2022): nothing is done at timestep 0, nothing is left at T.

Every one is a function of images x0 (b, c, h, w), how far they have gone (b, 1, 1, 1) from 0 to 1, continuously, and chance
(b, 1, h, w): standard normal noise, one seed per image, for those that need some. `Degradation` puts timesteps on top. What undoes
them is a restorer, `(x, t) -> x0_hat`, like any denoiser: a network, one that knows the answer, or one that is flawed on purpose.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffusion_edu.randomness import SeededNoise

GREY, WHITE = 0.0, 1.0
SOFT = 0.15  # width of the edge between what is gone and what is there, as a fraction of the whole
CLOUD = 0.4  # how far the patterns of a flawed restorer are blurred: clouds of some four pixels in 64
GRAIN = 0.01  # of noise, in images of one colour that are to become different in every place


def blur(x0, fraction, chance):
    """Let the image spread like heat until one colour is left: Gaussian blur with mirrored edges (Rissanen et al. 2023, eq. 3)."""
    h, w = x0.shape[-2:]
    wide = fraction.to(x0) ** 3  # its cube, so that the eye sees even steps
    return _spread(h, wide) @ x0 @ _spread(w, wide)


def _spread(size, wide):
    """The matrix (b, 1, size, size) that blurs by wide * size pixels: every cosine fades by exp(-frequency^2 sigma^2 / 2)."""
    waves, sigma = _cosines(size).to(wide), wide * size
    fading = torch.exp(-((math.pi / size * torch.arange(size).to(wide)) ** 2) * sigma**2 / 2)
    return waves.T @ (fading.transpose(-1, -2) * waves)


@cache
def _cosines(size):
    places, frequencies = (
        torch.arange(size, dtype=torch.float64) + 0.5,
        torch.arange(size, dtype=torch.float64)[:, None],
    )
    waves = torch.cos(math.pi / size * frequencies * places) * math.sqrt(2 / size)
    waves[0] /= math.sqrt(2)
    return waves  # orthonormal rows: the discrete cosine transform


def pixelate(x0, fraction, chance):
    """Let blocks of 2x2, 4x4, ... pixels take their mean colour, one doubling melting into the next, until one block is left."""
    doublings = math.ceil(math.log2(max(x0.shape[-2:])))
    coarse = [x0] + [_blocks(x0, 2**k) for k in range(1, doublings + 1)]
    place = fraction.to(x0) * doublings
    return sum((1 - (place - k).abs()).clamp(min=0) * image for k, image in enumerate(coarse))


def _blocks(x0, side):
    h, w = x0.shape[-2:]
    means = F.avg_pool2d(x0, side, ceil_mode=True)  # blocks at the edge are the mean of what there is of them
    return means.repeat_interleave(side, 2).repeat_interleave(side, 3)[..., :h, :w]


def fade(x0, fraction, chance):
    """Let the image fade to grey."""
    return torch.lerp(x0, torch.full_like(x0, GREY), fraction.to(x0))


def desaturate(x0, fraction, chance):
    """Let the colours go and leave the brightness (ITU-R BT.601), for images of three channels."""
    brightness = (x0 * torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).to(x0).view(3, 1, 1)).sum(
        1, keepdim=True
    )
    return torch.lerp(x0, brightness.expand_as(x0), fraction.to(x0))


def mask(x0, fraction, chance):
    """Let a grey disc grow from a place that chance chooses until it covers everything."""
    h, w = x0.shape[-2:]
    place = chance.flatten(1).argmax(1)
    rows, columns = torch.arange(h).to(place).view(1, 1, h, 1), torch.arange(w).to(place).view(1, 1, 1, w)
    away = torch.hypot((rows - (place // w).view(-1, 1, 1, 1)).to(x0), (columns - (place % w).view(-1, 1, 1, 1)).to(x0))
    return _covered(x0, away / away.amax(dim=(2, 3), keepdim=True).clamp(min=1), fraction, GREY)


def snow(x0, fraction, chance):
    """Let flakes fall, each pixel at a time that chance chooses, until everything is white."""
    flakes = (
        F.avg_pool2d(F.pad(chance, (1, 1, 1, 1), mode="circular"), 3, stride=1) * 3
    )  # the mean of nine, as strong as one
    return _covered(x0, torch.special.ndtr(flakes.to(x0)), fraction, WHITE)


def _covered(x0, when, fraction, colour):
    """Cover every pixel when its time (b, 1, h, w), 0 to 1, has come, with a soft edge."""
    covered = ((fraction.to(x0) * (1 + SOFT) - when) / SOFT).clamp(0, 1)
    return torch.lerp(x0, torch.full_like(x0, colour), covered)


DEGRADATIONS = {"blur": blur, "pixelate": pixelate, "fade": fade, "desaturate": desaturate, "mask": mask, "snow": snow}
TO_ONE_COLOUR = (
    "blur",
    "pixelate",
)  # what these leave of an image in the end is its mean colour, and that can be sampled at random


def degrade_each(x0, which, fraction, chance):
    """Degrade every image x0 (b, c, h, w) in its own way, which (b,) counts in DEGRADATIONS, and as far as share (b,) says."""
    x = torch.empty_like(x0)
    with torch.autocast(x0.device.type, enabled=False):  # what is restored must be exact
        for number, degradation in enumerate(DEGRADATIONS.values()):
            rows = which == number
            x[rows] = degradation(x0[rows], fraction[rows].view(-1, 1, 1, 1), chance[rows])
    return x


@dataclass(frozen=True)
class Degradation:
    """One of DEGRADATIONS on timesteps 0 to T, with one seed per image: `degrade(x0, t) -> x_t`, and timestep 0 is x0 itself, bit for bit.

    Call it with x0 (b, c, h, w) and a timestep t; b must be the number of seeds. Raises ValueError for an unknown name and for
    another number of images, IndexError for a timestep outside 0..T.
    """

    name: str
    seeds: tuple[int, ...]
    T: int = 100

    def __post_init__(self):
        if self.name not in DEGRADATIONS:
            raise ValueError(
                f"An image can be degraded in one of these ways: {', '.join(DEGRADATIONS)}; not {self.name!r}."
            )

    def __call__(self, x0: Tensor, t: int):
        if not 0 <= t <= self.T:
            raise IndexError(f"This degradation has the timesteps 0 to {self.T}; there is no timestep {t}.")
        if len(x0) != len(self.seeds):
            raise ValueError(
                f"Every image needs a seed of its own: {len(x0)} images came with {len(self.seeds)} seeds."
            )
        if t == 0:
            return x0
        chance = SeededNoise(self.seeds).sample((1, *x0.shape[2:])).to(x0)
        return DEGRADATIONS[self.name](
            x0, torch.full((len(x0), 1, 1, 1), t / self.T, dtype=torch.float64).to(x0), chance
        )


@dataclass(frozen=True)
class Restorer:
    """A network as the restorer of one degradation: `(x, t) -> x0_hat`, told which degradation (a number) and how far it has gone.

    The network is handed x (b, c, h, w), the timestep as an angle (1000 * pi / 2 at T, like those that remove noise) and the number, and
    says what is missing: x0_hat = x + what it says.
    """

    net: nn.Module
    T: int
    which: int
    autocast: torch.dtype | None = None

    def __call__(self, x, t):
        theta = torch.full((len(x),), math.pi / 2 * t / self.T, device=x.device)
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            missing = self.net(x, 1000 * theta, torch.full((len(x),), self.which, device=x.device))
        return x + missing.to(x.dtype)


def oracle(x0):
    """Build the restorer that knows the answer: it says x0 (b, ...), whatever it is shown."""
    return lambda x, t: x0


def flawed(restore, error, seeds):
    """Let every prediction be wrong: add clouds of colour of strength error (their standard deviation), other ones at every timestep; a seed per image."""

    def restore_badly(x, t):
        noise = SeededNoise([10_007 * seed + t + 1 for seed in seeds])(x)
        clouds = blur(noise, torch.full((len(x), 1, 1, 1), CLOUD), None)
        return restore(x, t) + error * clouds / clouds.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()

    return restore_badly


@dataclass(frozen=True)
class ColourDistribution:
    """The normal distribution of the mean colours of a set of images: their mean (3,) and a root (3, 3) of their covariance, float64."""

    mean: Tensor
    root: Tensor

    @classmethod
    def of(cls, colours):
        """Fit the distribution to colours (n, 3) in [-1, 1]."""
        colours = colours.double()
        return cls(colours.mean(0), torch.linalg.cholesky(colours.T.cov() + 1e-9 * torch.eye(3)))

    def sample(self, seeds, size):
        """Draw one colour per seed and fill an image with it, float32 (b, 3, size, size) in [-1, 1]."""
        colours = self.mean + SeededNoise(seeds).sample((3,)).double() @ self.root.T
        return colours.clamp(-1, 1).float()[:, :, None, None].expand(-1, -1, size, size)


def fully_degraded(degrade, x0):
    """Take everything from images x0 (b, c, h, w) that a Degradation can take, and add a grain that breaks the symmetry: new ones grow from it.

    Bansal et al. 2022, sec. 5.2.
    """
    noise = SeededNoise(degrade.seeds)
    noise.sample((1, *x0.shape[2:]))  # what the degradation itself has sampled
    return degrade(x0, degrade.T) + GRAIN * noise(x0)
