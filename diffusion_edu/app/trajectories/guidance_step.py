"""One sampling step with classifier-free guidance: its three predictions, their difference, and the plane they span."""

from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.app.trajectories.comparison import GAINS


@dataclass(frozen=True, eq=False)
class GuidanceStep:
    """One sampling step, tensors (1, c, h, w): noisy image x, three predictions, and x0_hat, the prediction used.

    decoded holds images (1, 3, h, w) of x, unconditional, conditional and x0_hat if these are latents.
    """

    t: int
    x: Tensor
    unconditional: Tensor
    conditional: Tensor
    guided: Tensor
    x0_hat: Tensor
    decoded: tuple[Tensor, ...] = ()

    @property
    def images(self):
        """The noisy image and the three predictions as images."""
        return self.decoded or (self.x, self.unconditional, self.conditional, self.x0_hat)

    @property
    def difference(self):
        """The difference that the condition makes: conditional - unconditional."""
        return self.conditional - self.unconditional

    @property
    def clipped(self):
        """The fraction of values of the guided prediction outside [-1, 1], which were clipped."""
        return (self.guided.abs() > 1).double().mean().item()

    @property
    def gain(self):
        """The factor by which the difference is amplified so that it can be seen."""
        return next((gain for gain in GAINS if gain * self.visible_difference.abs().quantile(0.99) <= 1), 1)

    @property
    def visible_difference(self):
        """The difference that the condition makes in the images."""
        _, unconditional, conditional, _ = self.images
        return conditional - unconditional

    @property
    def plane(self):
        """Positions of the three predictions in the plane that they span, float64 (3, 2), in RMS.

        The first axis points along the unconditional prediction.
        """
        u, c, g = (v.double().flatten() / v.numel() ** 0.5 for v in (self.unconditional, self.conditional, self.guided))
        along = u / u.norm()
        across = c - (c @ along) * along
        across = across / across.norm().clamp(min=1e-12)
        return torch.tensor([[v @ along, v @ across] for v in (u, c, g)], dtype=torch.float64)
