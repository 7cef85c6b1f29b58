"""An autoencoder for latent diffusion: large images become small maps of few channels, in which diffusion is cheap, and come back."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from diffusion_edu.networks.blocks import Down, Up, group_norm
from diffusion_edu.networks.classifiers import Residual


class Autoencoder(nn.Module):
    """Code images x (b, channels, h, w) as a normal distribution over latents (b, latent, h/f, w/f), and back (Rombach et al. 2022, sec. 3.1).

    f is size_multiple: every patch of pixels becomes one place, and height and width halve from each of the widths to the
    next. There is no linear layer and no attention, so that h and w may be any multiples of f. blocks are how many
    residual blocks the encoder and the decoder have per width; most of the work is done where places are few, which is cheap on a CPU.
    """

    def __init__(self, channels=3, latent=4, widths=(128, 224), blocks=(1, 2), patch=4):
        super().__init__()
        self.latent, self.patch, self.size_multiple = latent, patch, patch * 2 ** (len(widths) - 1)
        code, draw = blocks
        down = [nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)]
        for inner, outer in pairwise([*widths, None]):
            down += [Residual(inner) for _ in range(code)] + ([Down(inner, outer)] if outer else [])
        up = [nn.Conv2d(latent, widths[-1], 3, padding=1)]
        for inner, outer in pairwise([*reversed(widths), None]):
            up += [Residual(inner) for _ in range(draw)] + ([Up(inner, outer)] if outer else [])
        self.down = nn.Sequential(*down, *ended(widths[-1], 2 * latent))
        self.up = nn.Sequential(*up, *ended(widths[0], channels * patch**2))

    def encode(self, x):
        """Say which latents may stand for images x (b, channels, h, w): mean and log variance, each (b, latent, h/f, w/f).

        Raises ValueError if height or width is no multiple of f.
        """
        if x.shape[-2] % self.size_multiple or x.shape[-1] % self.size_multiple:
            h, w = x.shape[-2:]
            raise ValueError(
                f"Height and width of images for this autoencoder are divisible by {self.size_multiple}, not {h} x {w}: cut or scale them."
            )
        mean, log_variance = self.down(F.pixel_unshuffle(x, self.patch)).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)  # its exponential stays finite in every precision

    def decode(self, z):
        """Turn latents z (b, latent, h/f, w/f) into images (b, channels, h, w)."""
        return F.pixel_shuffle(self.up(z), self.patch)

    def forward(self, x, eps):
        """Code and decode images x, with eps normal and shaped like the latents: returns the images, mean and log variance of their latents."""
        mean, log_variance = self.encode(x)
        return self.decode(mean + torch.exp(log_variance / 2) * eps), mean, log_variance


def ended(inner, outer):
    """Make the end of a coder: features in groups of even strength, and what is read off them."""
    return group_norm(inner), nn.SiLU(), nn.Conv2d(inner, outer, 3, padding=1)
