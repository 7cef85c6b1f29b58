"""The plainest U-Net that draws: convolutions down, convolutions up, and skips between; no attention, no short cuts."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from diffusion_edu.networks.blocks import AttributeEmbedding, ClassEmbedding, LevelEmbedding, beside, group_norm


class Convolutions(nn.Module):
    """Two convolutions; between them every channel is told the noise level and the class, as a number that is added to it."""

    def __init__(self, inner, outer, embedding):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inner, outer, 3, padding=1), group_norm(outer)
        self.conv2, self.norm2 = nn.Conv2d(outer, outer, 3, padding=1), group_norm(outer)
        self.tell = nn.Linear(embedding, outer)

    def forward(self, x, embedding):
        h = self.norm1(self.conv1(x)) + self.tell(embedding)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(F.silu(h))))


class SimpleUNet(nn.Module):
    """Map a picture y (b, channels, h, w), its level (b,) and a condition to an output shaped like y.

    The picture is folded, and the condition is told, like those of AttentionUNet. Height and width must be divisible by size_multiple. Ronneberger et
    al. 2015, fig. 1, with padding, and told the level as in Ho et al. 2020, appendix B.
    """

    def __init__(self, channels=3, widths=(64, 128, 192), patch=2, classes=0, attributes=0, guide=0, embedding=256):
        super().__init__()
        self.patch, self.guide, self.size_multiple = patch, guide, patch * 2 ** (len(widths) - 1)
        self.level = LevelEmbedding(embedding)
        self.classes = ClassEmbedding(classes, embedding) if classes else None
        self.attributes = AttributeEmbedding(attributes, embedding) if attributes else None
        self.stem = nn.Conv2d((channels + guide) * patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList([Convolutions(a, b, embedding) for a, b in pairwise([widths[0], *widths])])
        self.up = nn.ModuleList([Convolutions(below + here, here, embedding) for here, below in pairwise(widths)])
        self.out = nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)

    def forward(self, y, level, cond=None):
        embedding = self.level(level)
        if tell := self.classes or self.attributes:
            embedding = embedding + tell(cond, len(y))
        embedding = F.silu(embedding)
        h, skips = self.stem(F.pixel_unshuffle(beside(y, cond, self.guide), self.patch)), []
        for block in self.down:
            h = block(F.avg_pool2d(h, 2) if skips else h, embedding)
            skips.append(h)
        h = skips.pop()  # the lowest level has nothing below it
        for block in reversed(self.up):
            h = block(torch.cat([F.interpolate(h, scale_factor=2), skips.pop()], dim=1), embedding)
        return F.pixel_shuffle(self.out(h), self.patch)
