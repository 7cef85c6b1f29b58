"""The losses of a decoder and its critic (also called discriminator), trained against each other in one step."""

from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.training.objectives.autoencoding import Reconstruction


@dataclass(frozen=True)
class Adversarial(Reconstruction):
    """The loss of a decoder with a critic: |x0_hat - x0|, a perceptual distance, the generator loss, and the critic's
    own hinge loss.

    The mean of all images that latents may stand for has the smallest pixel error, but it is blurred; the critic
    rewards one sharp image among them (Esser, Rombach & Ommer 2021, VQGAN, sec. 3.1). See
    networks.critic.AutoencoderGAN for who learns from which term.
    """

    perceptual_weight: float = 0.3
    kl_weight: float = 0.0  # the encoder does not learn
    adversarial_weight: float = 0.05

    def at(self, net: Any, x0: Tensor, condition: Tensor | None, theta: Tensor, eps: Tensor) -> Tensor:
        """Return one loss per image (b,) of an AutoencoderGAN, for clean images x0 (b, 3, h, w)."""
        x0_hat, generator_scores, fake, real = (output.float() for output in net(x0))
        generator_loss = -generator_scores.flatten(1).mean(1)
        loss = (
            (x0_hat - x0).abs().flatten(1).mean(1) + self.adversarial_weight * generator_loss + hinge_loss(fake, real)
        )
        return loss + self.perceptual_weight * self.perceptual(x0_hat, x0, theta)


def hinge_loss(fake: Tensor, real: Tensor) -> Tensor:
    """Return the critic's hinge loss (b,) for its scores of fake and real images: 0 where real >= 1 and fake <= -1.

    Lim & Ye 2017.
    """
    return (F.relu(1 + fake) + F.relu(1 - real)).flatten(1).mean(1)
