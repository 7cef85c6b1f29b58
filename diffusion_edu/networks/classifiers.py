"""Two classifiers of different build: one lends its features to the distances, the other only judges what was sampled."""

from itertools import pairwise

import torch.nn.functional as F
from torch import nn

from diffusion_edu.networks.blocks import Down, group_norm


class Classifier(nn.Module):
    """Map images x (b, channels, h, w) to one score per class (b, classes), by way of features (b, width) averaged over all places."""

    def __init__(self, body, width, classes, patch):
        super().__init__()
        self.patch, self.body, self.norm, self.head = patch, body, group_norm(width), nn.Linear(width, classes)

    def features(self, x):
        """Describe images x (b, channels, h, w) by features (b, width)."""
        return F.silu(self.norm(self.body(F.pixel_unshuffle(x, self.patch)))).mean(dim=(2, 3))

    def forward(self, x):
        return self.head(self.features(x))


class Residual(nn.Module):
    """Two convolutions beside a short cut (He et al. 2016, fig. 4e)."""

    def __init__(self, width):
        super().__init__()
        self.inside = nn.Sequential(
            *(group_norm(width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)),
            *(group_norm(width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)),
        )

    def forward(self, x):
        return x + self.inside(x)


class ResidualClassifier(Classifier):
    """A small residual network (He et al. 2016, with GroupNorm); height and width halve from each of the widths to the next."""

    def __init__(self, classes, channels=3, widths=(48, 96, 128, 128), blocks=1, patch=2):
        layers = [nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)]
        for inner, outer in pairwise([*widths, None]):
            layers += [Residual(inner) for _ in range(blocks)] + ([Down(inner, outer)] if outer else [])
        super().__init__(nn.Sequential(*layers), widths[-1], classes, patch)


class PlainClassifier(Classifier):
    """Convolutions in a row, halved by taking the largest of every 2x2 places (Simonyan & Zisserman 2015, with GroupNorm)."""

    def __init__(self, classes, channels=3, widths=(48, 96, 128, 128), blocks=2, patch=2):
        layers = []
        for inner, outer in pairwise([channels * patch**2, *widths]):
            layers += [nn.MaxPool2d(2)] if layers else []
            for k in range(blocks):
                layers += [nn.Conv2d(outer if k else inner, outer, 3, padding=1), group_norm(outer), nn.SiLU()]
        super().__init__(nn.Sequential(*layers), widths[-1], classes, patch)
