"""The loss of a restorer, the network of cold diffusion (Bansal et al. 2022)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.degradations import DEGRADATIONS, degrade_each
from diffusion_edu.training.objectives.diffusion import drop_conditions, sample_noise_levels


@dataclass(frozen=True)
class Restoration:
    """The restoration loss: |x0_hat - x0| over all degradations, uniformly over their severity.

    Bansal et al. 2022, eq. 3. With probability drop the network gets the null label instead of the index of the
    degradation. A little noise on the network's input, `grain`, prepares it for its own earlier errors.
    """

    prediction_type: str = "restoration"
    null: int | None = None
    drop: float = 0.1
    grain: float = 0.02

    def __call__(self, net: Callable, x0: Tensor, condition: Tensor | None, generator: torch.Generator) -> Tensor:
        """Return one loss per image (b,) for clean images x0 (b, c, h, w); condition is not used."""
        theta, eps = sample_noise_levels(x0, generator)
        return self.at(net, x0, None, theta, eps, drop_conditions(_index(x0), self.null, self.drop, generator))

    def at(
        self,
        net: Callable,
        x0: Tensor,
        condition: Tensor | None,
        theta: Tensor,
        eps: Tensor,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Return one loss per image (b,) at severity theta / (pi/2), theta (b,).

        Eps (b, c, h, w) is the noise of the degradations. labels (b,) is what the network gets as the index of the
        degradation; None means the true one.
        """
        index = _index(x0)
        x = degrade_each(x0, index, theta * (2 / math.pi), eps[:, :1]) + self.grain * eps.flip(0)
        residual = net(x, 1000 * theta, index if labels is None else labels).float()
        return (x + residual - x0).abs().flatten(1).mean(1)


def _index(x0):
    """The degradations take turns: image i gets the one of index i modulo their number."""
    return torch.arange(len(x0), device=x0.device) % len(DEGRADATIONS)
