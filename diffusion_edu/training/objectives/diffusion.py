"""The diffusion loss, at noise levels that are sampled anew for every image.

The noise level is an angle theta sampled continuously over (0, pi/2], pure noise included, never from one schedule's
table: that is why one trained network serves every noise schedule.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.denoisers import TARGETS

DISTANCES: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.smooth_l1_loss}


@dataclass(frozen=True)
class Objective:
    """The diffusion loss: prediction type, distance, fraction of dropped conditions, cap of the min-SNR weights (None:
    no weights).

    null is the null label: it replaces a dropped condition in every place, for classifier-free guidance (Ho & Salimans
    2022). angles is the range of theta that is trained, its upper end included: all of it, or the part of one expert.
    """

    prediction_type: str = "v"
    distance: str = "mse"
    null: int | None = None
    drop: float = 0.1
    min_snr: float | None = None
    angles: tuple[float, float] = (0.0, math.pi / 2)

    def __call__(self, net: Callable, x0: Tensor, condition: Tensor | None, generator: torch.Generator) -> Tensor:
        """Return one loss per image (b,) at random angles, for x0 (b, c, h, w) or points (b, d), and condition (b, ...)
        or None.
        """
        condition = drop_conditions(condition, self.null, self.drop, generator)
        return self.at(net, x0, condition, *sample_noise_levels(x0, generator))

    def at(self, net: Callable, x0: Tensor, condition: Tensor | None, theta: Tensor, eps: Tensor) -> Tensor:
        """Return one loss per image (b,) at angles theta (b,) of 0..pi/2, mapped to the range, with noise eps shaped
        like x0.
        """
        theta, c, s = self.rates(x0, theta)
        return self.error(net(c * x0 + s * eps, 1000 * theta, condition).float(), x0, eps, theta)

    def rates(self, x0: Tensor, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map angles theta (b,) of 0..pi/2 to the trained range.

        Return theta, and its cosine and sine, shaped to multiply x0.
        """
        low, high = self.angles
        theta = low + theta * ((high - low) / (math.pi / 2))
        return theta, *_cos_sin(theta, x0)

    def error(self, output: Tensor, x0: Tensor, eps: Tensor, theta: Tensor) -> Tensor:
        """Return one loss per image (b,) for the network's output at angles theta (b,) of the trained range."""
        target = TARGETS[self.prediction_type].of(x0, eps, *_cos_sin(theta, x0))
        loss = DISTANCES[self.distance](output, target, reduction="none").flatten(1).mean(1)
        return loss if self.min_snr is None else loss * min_snr_weight(self.prediction_type, theta, self.min_snr)


def _cos_sin(theta, x0):
    shape = (-1, *[1] * (x0.ndim - 1))
    return theta.cos().view(shape), theta.sin().view(shape)


def sample_noise_levels(x0: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sample angles theta (b,), uniform over (0, pi/2], and Gaussian noise shaped like x0."""
    uniform = torch.rand(len(x0), generator=generator, device=x0.device)  # [0, 1)
    return (1 - uniform) * (math.pi / 2), torch.randn(x0.shape, generator=generator, device=x0.device)


def drop_conditions(
    condition: Tensor | None, null: int | None, fraction: float, generator: torch.Generator
) -> Tensor | None:
    """Replace each condition (b, ...) by null with probability fraction, image by image, so that the network also
    learns without one.
    """
    if condition is None or null is None or not fraction:
        return condition
    dropped = torch.rand(len(condition), generator=generator, device=condition.device) < fraction
    return torch.where(dropped.view(-1, *[1] * (condition.ndim - 1)), null, condition)


def min_snr_weight(prediction_type: str, theta: Tensor, gamma: float = 5.0) -> Tensor:
    """Weigh every angle as an x0 loss with weight min(SNR, gamma) would (Hang et al. 2023, eq. 8).

    SNR = cot^2 theta, finite at pure noise.
    """
    theta = theta.double()
    c, s = theta.cos(), theta.sin()
    return (torch.minimum(c**2, gamma * s**2) * (TARGETS[prediction_type].slope(c, s) / s) ** 2).float()
