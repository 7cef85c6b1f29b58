"""An autoencoder for latent diffusion: it compresses large images to small latents of few
channels, and decodes them.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffusion_edu.checks import checked
from diffusion_edu.networks.blocks import Down, Up, check_input, group_norm
from diffusion_edu.networks.classifiers import PreActivationBlock


class Autoencoder(nn.Module):
    """Encode images x (b, channels, h, w) as a Gaussian over latents (b, latent, h/f, w/f), and decode latents.

    Rombach et al. 2022, sec. 3.1. f is size_multiple: every patch of pixels becomes one position, and height and width
    halve from each of the widths to the next. There is no linear layer and no attention, so h and w may be any
    multiples of f. blocks: how many residual blocks the encoder and the decoder have per width; most of the work is
    done at low resolution, which is cheap on a CPU.
    """

    def __init__(
        self,
        channels: int = 3,
        latent: int = 4,
        widths: Sequence[int] = (128, 224),
        blocks: Sequence[int] = (1, 2),
        patch: int = 4,
    ):
        super().__init__()
        self.channels, self.latent, self.patch, self.size_multiple = (
            channels,
            latent,
            patch,
            patch * 2 ** (len(widths) - 1),
        )
        encoder_blocks, decoder_blocks = blocks
        down: list[nn.Module] = [nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)]
        for k, width in enumerate(widths):
            down += [Down(widths[k - 1], width)] if k else []
            down += [PreActivationBlock(width) for _ in range(encoder_blocks)]
        up: list[nn.Module] = [nn.Conv2d(latent, widths[-1], 3, padding=1)]
        for k, width in enumerate(reversed(widths)):
            up += [Up(widths[-k], width)] if k else []
            up += [PreActivationBlock(width) for _ in range(decoder_blocks)]
        self.down = nn.Sequential(*down, *output_layers(widths[-1], 2 * latent))
        self.up = nn.Sequential(*up, *output_layers(widths[0], channels * patch**2))

    @checked
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and log variance of the latents of x (b, channels, h, w), each (b, latent, h/f, w/f).

        Raises ValueError if height or width is no multiple of f.
        """
        check_input(x, self.channels, self.size_multiple)
        mean, log_variance = self.down(F.pixel_unshuffle(x, self.patch)).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 10)  # its exponential stays finite in every precision

    @checked
    def decode(self, z: Tensor) -> Tensor:
        """Decode latents z (b, latent, h/f, w/f) to images (b, channels, h, w)."""
        check_input(z, self.latent, 1)
        return F.pixel_shuffle(self.up(z), self.patch)

    def forward(self, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode and decode x, with Gaussian noise eps shaped like the latents.

        Return images, mean and log variance.
        """
        mean, log_variance = self.encode(x)
        return self.decode(mean + torch.exp(log_variance / 2) * eps), mean, log_variance


def output_layers(inner: int, outer: int) -> tuple[nn.Module, ...]:
    """Build the last layers of the encoder or decoder: normalise, activate, and map to the output channels."""
    return group_norm(inner), nn.SiLU(), nn.Conv2d(inner, outer, 3, padding=1)
