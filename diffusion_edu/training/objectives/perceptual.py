"""The diffusion loss of a latent model with a perceptual distance added."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.perceptual import decoder_features, perceptual_distance


@dataclass(frozen=True)
class Hybrid(Objective):
    """A hybrid loss for latent models: diffusion_weight times the diffusion loss, perceptual_weight times a perceptual
    distance.

    The distance is measured in the first layers of the autoencoder's decoder (`training.perceptual.decoder_features`);
    decoding in full would take several times as long. It is weighted by cos(theta)^2: at high noise levels the best
    prediction is an average of many images and should look like none of them.
    """

    diffusion_weight: float = 1.0
    perceptual_weight: float = 0.25
    autoencoder: str = "autoencoder"

    def at(self, net: Callable, x0: Tensor, condition: Tensor | None, theta: Tensor, eps: Tensor) -> Tensor:
        """Return one loss per image (b,), as in Objective."""
        theta, c, s = self.rates(x0, theta)
        y = c * x0 + s * eps
        output = net(y, 1000 * theta, condition).float()
        x0_hat = TARGETS[self.prediction_type].x0_hat(y, output, c, s)
        distance = perceptual_distance(decoder_features(self.autoencoder, x0.device), x0_hat, x0)
        error = self.error(output, x0, eps, theta)
        return self.diffusion_weight * error + self.perceptual_weight * c.flatten() ** 2 * distance
