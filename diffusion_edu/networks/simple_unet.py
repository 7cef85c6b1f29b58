"""The plainest U-Net that draws: convolutions down, convolutions up, and skips between; no attention, no short cuts."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from diffusion_edu.networks.blocks import AttributeEmbedding, ClassEmbedding, TimeEmbedding, beside, group_norm


class Convolutions(nn.Module):
    """Two convolutions; between them every channel is told the noise level and the class, as a number that is added to it."""

    def __init__(self, inner, outer, embedding):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inner, outer, 3, padding=1), group_norm(outer)
        self.conv2, self.norm2 = nn.Conv2d(outer, outer, 3, padding=1), group_norm(outer)
        self.modulate = nn.Linear(embedding, outer)

    def forward(self, x, embedding):
        h = self.norm1(self.conv1(x)) + self.modulate(embedding)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(F.silu(h))))


class SimpleUNet(nn.Module):
    """Map an image y (b, channels, h, w), its level (b,) and a condition to an output shaped like y.

    The image is folded, and the condition is told, like those of AttentionUNet. Height and width must be divisible by size_multiple. Ronneberger et
    al. 2015, fig. 1, with padding, and told the level as in Ho et al. 2020, appendix B.
    """

    def __init__(
        self,
        channels=3,
        widths=(64, 128, 192),
        patch=2,
        classes=0,
        attributes=0,
        conditioning_channels=0,
        embedding=256,
    ):
        super().__init__()
        self.patch, self.conditioning_channels, self.size_multiple = (
            patch,
            conditioning_channels,
            patch * 2 ** (len(widths) - 1),
        )
        self.time_embedding = TimeEmbedding(embedding)
        self.class_embedding = ClassEmbedding(classes, embedding) if classes else None
        self.attribute_embedding = AttributeEmbedding(attributes, embedding) if attributes else None
        self.stem = nn.Conv2d((channels + conditioning_channels) * patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList([Convolutions(a, b, embedding) for a, b in pairwise([widths[0], *widths])])
        self.up = nn.ModuleList([Convolutions(below + here, here, embedding) for here, below in pairwise(widths)])
        self.out = nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)

    def forward(self, y, noise_level, condition=None):
        embedding = self.time_embedding(noise_level)
        if modulate := self.class_embedding or self.attribute_embedding:
            embedding = embedding + modulate(condition, len(y))
        embedding = F.silu(embedding)
        h, skips = self.stem(F.pixel_unshuffle(beside(y, condition, self.conditioning_channels), self.patch)), []
        for block in self.down:
            h = block(F.avg_pool2d(h, 2) if skips else h, embedding)
            skips.append(h)
        h = skips.pop()  # the lowest level has nothing below it
        for block in reversed(self.up):
            h = block(torch.cat([F.interpolate(h, scale_factor=2), skips.pop()], dim=1), embedding)
        return F.pixel_shuffle(self.out(h), self.patch)
