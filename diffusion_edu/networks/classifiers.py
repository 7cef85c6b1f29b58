"""Two classifiers of different architecture: one is the feature network of distances, the other
only evaluates samples.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from diffusion_edu.checks import checked
from diffusion_edu.networks.blocks import Down, check_input, group_norm


class Classifier(nn.Module):
    """Map images x (b, channels, h, w) to one score per class (b, classes), from features (b, width).

    The features are averages over all positions.
    """

    def __init__(self, body: nn.Sequential, width: int, classes: int, channels: int, patch: int):
        super().__init__()
        self.channels = channels
        self.patch, self.body, self.norm, self.head = patch, body, group_norm(width), nn.Linear(width, classes)

    @checked
    def features(self, x: Tensor) -> Tensor:
        """Compute the features (b, width) of images x (b, channels, h, w)."""
        check_input(x, self.channels, self.patch)
        return F.silu(self.norm(self.body(F.pixel_unshuffle(x, self.patch)))).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class PreActivationBlock(nn.Module):
    """A residual block without an embedding: two convolutions and a shortcut (He et al. 2016, fig. 4e)."""

    def __init__(self, width: int):
        super().__init__()
        self.inside = nn.Sequential(
            *(group_norm(width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)),
            *(group_norm(width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inside(x)


class ResidualClassifier(Classifier):
    """A small residual network (He et al. 2016, with GroupNorm); height and width halve from each width to the next."""

    def __init__(
        self,
        classes: int,
        channels: int = 3,
        widths: Sequence[int] = (48, 96, 128, 128),
        blocks: int = 1,
        patch: int = 2,
    ):
        layers: list[nn.Module] = [nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)]
        for k, width in enumerate(widths):
            layers += [Down(widths[k - 1], width)] if k else []
            layers += [PreActivationBlock(width) for _ in range(blocks)]
        super().__init__(nn.Sequential(*layers), widths[-1], classes, channels, patch)


class PlainClassifier(Classifier):
    """Convolutions in a row with 2x2 max pooling between widths (Simonyan & Zisserman 2015, with GroupNorm)."""

    def __init__(
        self,
        classes: int,
        channels: int = 3,
        widths: Sequence[int] = (48, 96, 128, 128),
        blocks: int = 2,
        patch: int = 2,
    ):
        layers: list[nn.Module] = []
        for inner, outer in pairwise([channels * patch**2, *widths]):
            layers += [nn.MaxPool2d(2)] if layers else []
            for k in range(blocks):
                layers += [nn.Conv2d(outer if k else inner, outer, 3, padding=1), group_norm(outer), nn.SiLU()]
        super().__init__(nn.Sequential(*layers), widths[-1], classes, channels, patch)
