"""A variational autoencoder (VAE), the simplest generative model: it decodes a Gaussian code to an
image in one step.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from diffusion_edu.checks import checked
from diffusion_edu.networks.blocks import Down, check_input, group_norm


def conv_block(inner: int, outer: int) -> nn.Sequential:
    """Build a convolution that keeps height and width, with normalisation and activation."""
    return nn.Sequential(nn.Conv2d(inner, outer, 3, padding=1), group_norm(outer), nn.SiLU())


class VAE(nn.Module):
    """Encode images x (b, channels, size, size) as a Gaussian over codes (b, code), and decode codes.

    Kingma & Welling 2014. Height and width halve from each of the widths to the next.
    """

    def __init__(
        self,
        channels: int = 3,
        size: int = 64,
        widths: Sequence[int] = (32, 64, 96, 128, 128),
        code: int = 128,
    ):
        super().__init__()
        self.channels, self.size, self.code, self.size_multiple = channels, size, code, 2 ** (len(widths) - 1)
        side = size // self.size_multiple
        down: list[nn.Module] = [conv_block(channels, widths[0])]
        for inner, outer in pairwise(widths):
            down += [Down(inner, outer), conv_block(outer, outer)]
        up: list[nn.Module] = [conv_block(widths[-1], widths[-1])]
        for inner, outer in pairwise(reversed(widths)):
            up += [nn.Upsample(scale_factor=2), conv_block(inner, outer), conv_block(outer, outer)]
        self.down = nn.Sequential(*down, nn.Flatten(), nn.Linear(widths[-1] * side**2, 2 * code))
        self.up = nn.Sequential(nn.Linear(code, widths[-1] * side**2), nn.Unflatten(1, (widths[-1], side, side)), *up)
        self.out = nn.Conv2d(widths[0], channels, 3, padding=1)

    @checked
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and log variance of the codes of x (b, channels, size, size), each (b, code)."""
        check_input(x, self.channels, self.size)
        mean, log_variance = self.down(x).chunk(2, dim=1)
        return mean, log_variance

    @checked
    def decode(self, codes: Tensor) -> Tensor:
        """Decode codes (b, code), for example Gaussian noise, to images (b, channels, size, size)."""
        if codes.ndim != 2 or codes.shape[1] != self.code:
            raise ValueError(f"The codes of this VAE are (b, {self.code}), not {tuple(codes.shape)}.")
        return self.out(self.up(codes))

    def forward(self, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode and decode x, with Gaussian noise eps (b, code); return images, mean and log variance of the codes."""
        mean, log_variance = self.encode(x)
        return self.decode(mean + torch.exp(log_variance / 2) * eps), mean, log_variance
