"""A variational autoencoder, the plainest model that draws: one step from a code of normal numbers to an image."""

from itertools import pairwise

import torch
from torch import nn

from diffusion_edu.networks.blocks import Down, group_norm


def convolved(inner, outer):
    """Make one layer of the coder: a convolution that keeps height and width, in groups of even strength."""
    return nn.Sequential(nn.Conv2d(inner, outer, 3, padding=1), group_norm(outer), nn.SiLU())


class VAE(nn.Module):
    """Code images x (b, channels, size, size) as a normal distribution over codes (b, code), and back (Kingma & Welling 2014).

    Height and width halve from each of the widths to the next.
    """

    def __init__(self, channels=3, size=64, widths=(32, 64, 96, 128, 128), code=128):
        super().__init__()
        self.code, self.size_multiple = code, 2 ** (len(widths) - 1)
        places = size // self.size_multiple
        down = [convolved(channels, widths[0])]
        for inner, outer in pairwise(widths):
            down += [Down(inner, outer), convolved(outer, outer)]
        up = [convolved(widths[-1], widths[-1])]
        for inner, outer in pairwise(reversed(widths)):
            up += [nn.Upsample(scale_factor=2), convolved(inner, outer), convolved(outer, outer)]
        self.down = nn.Sequential(*down, nn.Flatten(), nn.Linear(widths[-1] * places**2, 2 * code))
        self.up = nn.Sequential(
            nn.Linear(code, widths[-1] * places**2), nn.Unflatten(1, (widths[-1], places, places)), *up
        )
        self.out = nn.Conv2d(widths[0], channels, 3, padding=1)

    def encode(self, x):
        """Say which codes may stand for images x (b, channels, size, size): mean and log variance, each (b, code)."""
        return self.down(x).chunk(2, dim=1)

    def decode(self, codes):
        """Turn codes (b, code), for example normal noise, into images (b, channels, size, size)."""
        return self.out(self.up(codes))

    def forward(self, x, eps):
        """Code and decode images x, with eps (b, code) normal: returns the images, and the mean and log variance of their codes."""
        mean, log_variance = self.encode(x)
        return self.decode(mean + torch.exp(log_variance / 2) * eps), mean, log_variance
