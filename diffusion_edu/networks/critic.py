"""A critic: a network that tells true images from made ones, and the one that learns to please it."""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm


class Critic(nn.Module):
    """Say of every place of images x (b, channels, h, w) how true it looks, above 0 true and below made, (b, 1, h/8, w/8) (Isola et al. 2017).

    It looks at each place for itself, about 40 pixels of it, so that it judges textures and edges and not what an image shows. No layer
    changes its output by more than its input changed (Miyato et al. 2018), so that it is never so sure that nothing is to be learned from it.
    """

    def __init__(self, channels=3, widths=(32, 64, 128)):
        super().__init__()
        layers, inner = [], channels
        for outer in widths:
            layers += [spectral_norm(nn.Conv2d(inner, outer, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
            inner = outer
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(inner, 1, 3, padding=1)))

    def forward(self, x):
        return self.layers(x)


class Judged(nn.Module):
    """An autoencoder whose encoder stays as it is, and the critic whom its decoder learns to please: both learn in one step."""

    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder, self.critic = autoencoder, Critic()
        self.autoencoder.up.requires_grad_(True)
        self.autoencoder.down.requires_grad_(False)

    def forward(self, x):
        """Bring images x (b, channels, h, w) to latents, without chance, and back; let the critic judge.

        Returns the images; how true they look, for the decoder to learn from, and again for the critic; and how true x looks.
        """
        with torch.no_grad():
            mean, _ = self.autoencoder.encode(x)
        x_hat = self.autoencoder.decode(mean)
        as_it_is = {
            name: weight.detach() for name, weight in self.critic.named_parameters()
        }  # it does not learn from who pleases it
        return x_hat, functional_call(self.critic, as_it_is, x_hat), self.critic(x_hat.detach()), self.critic(x)
