"""The simplest U-Net: convolutions down, convolutions up, and skip connections; no attention, no residual blocks."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffusion_edu.checks import checked, same_count
from diffusion_edu.networks.blocks import (
    AttributeEmbedding,
    ClassEmbedding,
    TimeEmbedding,
    check_input,
    concatenate_image,
    group_norm,
)


class DoubleConv(nn.Module):
    """Two convolutions; between them the embedding of noise level and condition is added to every channel."""

    def __init__(self, inner: int, outer: int, embedding: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inner, outer, 3, padding=1), group_norm(outer)
        self.conv2, self.norm2 = nn.Conv2d(outer, outer, 3, padding=1), group_norm(outer)
        self.modulate = nn.Linear(embedding, outer)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.norm1(self.conv1(x)) + self.modulate(embedding)[:, :, None, None]
        return F.silu(self.norm2(self.conv2(F.silu(h))))


class SimpleUNet(nn.Module):
    """Map an image y (b, channels, h, w), its noise level (b,) and a condition to an output shaped like y.

    The image is folded, and the condition is embedded or concatenated, as in AttentionUNet. Height and width must be
    divisible by size_multiple. Ronneberger et al. 2015, fig. 1, with padding; time embedding as in Ho et al. 2020,
    appendix B.
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (64, 128, 192),
        patch: int = 2,
        classes: int = 0,
        attributes: int = 0,
        conditioning_channels: int = 0,
        embedding: int = 256,
    ):
        super().__init__()
        self.channels, self.patch, self.conditioning_channels = channels, patch, conditioning_channels
        self.size_multiple = patch * 2 ** (len(widths) - 1)
        self.time_embedding = TimeEmbedding(embedding)
        self.class_embedding = ClassEmbedding(classes, embedding) if classes else None
        self.attribute_embedding = AttributeEmbedding(attributes, embedding) if attributes else None
        self.stem = nn.Conv2d((channels + conditioning_channels) * patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList([DoubleConv(a, b, embedding) for a, b in pairwise([widths[0], *widths])])
        self.up = nn.ModuleList([DoubleConv(below + here, here, embedding) for here, below in pairwise(widths)])
        self.out = nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)

    @checked
    def forward(self, y: Tensor, noise_level: Tensor, condition: Tensor | None = None) -> Tensor:
        check_input(y, self.channels, self.size_multiple)
        same_count(image=y, noise_level=noise_level)
        embedding = self.time_embedding(noise_level)
        if embed := self.class_embedding or self.attribute_embedding:
            embedding = embedding + embed(condition, len(y))
        embedding = F.silu(embedding)
        y = concatenate_image(y, condition, self.conditioning_channels)
        h = self.stem(F.pixel_unshuffle(y, self.patch))
        skips: list[Tensor] = []
        for block in self.down:
            h = block(F.avg_pool2d(h, 2) if skips else h, embedding)
            skips.append(h)
        h = skips.pop()  # the lowest resolution has no skip connection
        for block in reversed(self.up):
            h = block(torch.cat([F.interpolate(h, scale_factor=2), skips.pop()], dim=1), embedding)
        return F.pixel_shuffle(self.out(h), self.patch)
