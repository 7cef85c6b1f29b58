"""The losses of the VAE and of the autoencoder of latent diffusion."""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.training.objectives.diffusion import sample_noise_levels
from diffusion_edu.training.perceptual import feature_network, perceptual_distance


@dataclass(frozen=True)
class Variational:
    """The loss of a VAE: the negative ELBO (Kingma & Welling 2014, eq. 8) for Gaussian errors of a given standard
    deviation.

    It is scaled to the unit of a squared error: times 2 std^2, per number of an image, without the constant terms.
    """

    prediction_type: str = "vae"
    null: int | None = None
    std: float = 0.2

    def __call__(self, net: Any, x0: Tensor, condition: Tensor | None, generator: torch.Generator) -> Tensor:
        """Return one loss per image (b,) for clean images x0 (b, c, h, w); condition is not used."""
        return self.at(net, x0, None, *sample_noise_levels(x0, generator))

    def at(self, net: Any, x0: Tensor, condition: Tensor | None, theta: Tensor, eps: Tensor) -> Tensor:
        """Return one loss per image (b,); the first numbers of eps (b, c, h, w) are the noise of the codes.

        Theta is not used.
        """
        x0_hat, mean, log_variance = (output.float() for output in net(x0, eps.flatten(1)[:, : net.code]))
        error = (x0_hat - x0).square().flatten(1).mean(1)
        kl = kl_per_number(mean, log_variance).sum(1) / 2
        return error + 2 * self.std**2 * kl / x0[0].numel()


@dataclass(frozen=True)
class Reconstruction:
    """The loss of the autoencoder: |x0_hat - x0|, a perceptual distance, and a small KL divergence of the latents from
    Gaussian noise.

    Rombach et al. 2022, sec. 3.1 and appendix G, without the adversarial loss. The perceptual distance is measured in
    the network named feature_network; kl_weight is the weight of the KL divergence per number of the latents.
    """

    prediction_type: str = "autoencoder"
    null: int | None = None
    perceptual_weight: float = 0.2
    kl_weight: float = 3e-4
    feature_network: str = "flower_features"

    def __call__(self, net: Any, x0: Tensor, condition: Tensor | None, generator: torch.Generator) -> Tensor:
        """Return one loss per image (b,) for clean images x0 (b, 3, h, w); condition is not used."""
        return self.at(net, x0, None, *sample_noise_levels(x0, generator))

    def at(self, net: Any, x0: Tensor, condition: Tensor | None, theta: Tensor, eps: Tensor) -> Tensor:
        """Return one loss per image (b,).

        The first numbers of each patch of eps (b, 3, h, w) are the noise of the latents. theta (b,) of 0..pi/2 chooses
        how far the images are shifted before the perceptual distance is measured.
        """
        noise = F.pixel_unshuffle(eps, net.size_multiple)[:, : net.latent]
        x0_hat, mean, log_variance = (output.float() for output in net(x0, noise))
        error = (x0_hat - x0).abs().flatten(1).mean(1)
        kl = kl_per_number(mean, log_variance).flatten(1).mean(1) / 2
        loss = error + self.kl_weight * kl
        return loss + self.perceptual_weight * self.perceptual(x0_hat, x0, theta) if self.perceptual_weight else loss

    def perceptual(self, x0_hat: Tensor, x0: Tensor, theta: Tensor) -> Tensor:
        """Return the perceptual distance (b,) of the images, both shifted as theta (b,) says."""
        layers = feature_network(self.feature_network, x0.device)
        return perceptual_distance(layers, shifted(x0_hat, theta), shifted(x0, theta))


def kl_per_number(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return twice the KL divergence of N(mean, variance) from N(0, 1), number by number.

    Kingma & Welling 2014, appendix B.
    """
    return mean.square() + log_variance.exp() - 1 - log_variance


def shifted(x: Tensor, theta: Tensor, most: int = 16) -> Tensor:
    """Roll each image x (b, c, h, w) down and to the right by 0 to most - 1 pixels, chosen by theta (b,) of 0..pi/2.

    Networks with strides see images in fixed patches: an error that they miss at every second pixel would become a
    pattern.
    """
    steps = (theta * (2 / math.pi) * most**2).long().clamp(0, most**2 - 1).tolist()
    return torch.stack([image.roll((n // most, n % most), dims=(1, 2)) for image, n in zip(x, steps, strict=True)])
