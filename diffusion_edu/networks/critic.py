"""A critic (discriminator): a network that tells real images from decoded ones, and the decoder that is trained against
it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from diffusion_edu.networks.autoencoder import Autoencoder


class Critic(nn.Module):
    """Score every patch of images x (b, channels, h, w), high for real and low for fake: (b, 1, h/8, w/8).

    A PatchGAN discriminator (Isola et al. 2017): a score sees about 40 x 40 pixels, so it sees textures and edges,
    not the content of the image. Spectral normalisation (Miyato et al. 2018) limits how fast the output of each layer
    can change, so that the critic always leaves a useful gradient for the decoder.
    """

    def __init__(self, channels: int = 3, widths: Sequence[int] = (32, 64, 128)):
        super().__init__()
        layers: list[nn.Module] = []
        for inner, outer in zip([channels, *widths], widths, strict=False):
            layers += [spectral_norm(nn.Conv2d(inner, outer, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class AutoencoderGAN(nn.Module):
    """An autoencoder with a frozen encoder, and a critic: decoder and critic learn in the same training step."""

    def __init__(self, autoencoder: Autoencoder):
        super().__init__()
        self.autoencoder, self.critic = autoencoder, Critic()
        self.autoencoder.up.requires_grad_(True)
        self.autoencoder.down.requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode images x (b, channels, h, w) to the mean of their latents, decode them, and score them with the
        critic.

        Returns the decoded images; their scores with gradients for the decoder only; their scores and the scores of x
        with gradients for the critic only.
        """
        with torch.no_grad():
            mean, _ = self.autoencoder.encode(x)
        x_hat = self.autoencoder.decode(mean)
        frozen = {name: weight.detach() for name, weight in self.critic.named_parameters()}
        return x_hat, functional_call(self.critic, frozen, x_hat), self.critic(x_hat.detach()), self.critic(x)
