"""A U-Net with attention at its low resolutions, told the noise level and, if it has classes, what to draw."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from diffusion_edu.networks.blocks import (
    Attention,
    AttributeEmbedding,
    ClassEmbedding,
    Down,
    ResidualBlock,
    TimeEmbedding,
    Up,
    beside,
    group_norm,
)
from diffusion_edu.networks.text import GivenWords, TextEncoder, WordAttention, present


class Stage(nn.Module):
    """A residual block and, if wanted, attention behind it: to all other places, and to words of width told."""

    def __init__(self, inner, outer, embedding, self_attention, told=0):
        super().__init__()
        self.block = ResidualBlock(inner, outer, embedding)
        self.self_attention = Attention(outer) if self_attention else nn.Identity()
        self.cross_attention = WordAttention(outer, told) if told else None

    def forward(self, h, embedding, *words):
        h = self.self_attention(self.block(h, embedding))
        return self.cross_attention(h, *words) if words else h


class AttentionUNet(nn.Module):
    """Map an image y (b, channels, h, w), its level (b,) and a condition to an output shaped like y.

    The condition is what the network was built for: classes (b,), attributes (b, attributes), a guide, an image
    (b, conditioning_channels, h, w) laid behind y (Saharia et al. 2022, SR3, sec. 2), or a caption, ids (b, n), if text holds the sizes of a
    TextEncoder, or vectors (b, n, features), if it holds those of GivenWords; None asks for anything. All places look at the
    words of a caption, and what its first token says of the whole joins the level (Nichol et al. 2021, GLIDE, sec. 3).

    The image is first folded, patch x patch pixels into one place, which makes everything after it patch**2 times
    cheaper (Shi et al. 2016, sec. 2). Height and width must be divisible by size_multiple. Ronneberger et al. 2015, with
    attention at the levels that `attention` names (Ho et al. 2020, appendix B).
    """

    def __init__(
        self,
        channels=3,
        widths=(64, 128, 256),
        blocks=1,
        attention=(False, False, True),
        patch=2,
        classes=0,
        attributes=0,
        conditioning_channels=0,
        embedding=256,
        text=None,
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
        self.text = text and (GivenWords if "features" in text else TextEncoder)(**text)
        self.pooled_text = text and nn.Linear(self.text.width, embedding)
        told = text and self.text.width

        def stage(inner, outer, self_attention):
            return Stage(inner, outer, embedding, self_attention, told)

        levels, steps = list(zip(widths, attention, strict=True)), list(pairwise(widths))
        self.stem = nn.Conv2d((channels + conditioning_channels) * patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList([nn.ModuleList([stage(w, w, a) for _ in range(blocks)]) for w, a in levels])
        self.downsample = nn.ModuleList([*[Down(wide, narrow) for wide, narrow in steps], nn.Identity()])
        self.middle = stage(widths[-1], widths[-1], attention[-1])
        self.upsample = nn.ModuleList([nn.Identity(), *[Up(narrow, wide) for wide, narrow in steps]])
        self.up = nn.ModuleList([nn.ModuleList([stage(2 * w, w, a) for _ in range(blocks)]) for w, a in levels])
        self.out = nn.Sequential(
            group_norm(widths[0]), nn.SiLU(), nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)
        )

    def forward(self, y, noise_level, condition=None):
        embedding = self.time_embedding(noise_level)
        if tell := self.class_embedding or self.attribute_embedding:
            embedding = embedding + tell(condition, len(y))
        words = ()
        if self.text:
            condition = self.text.nothing(len(y)) if condition is None else condition
            words = self.text(condition), present(condition)
            embedding = embedding + self.pooled_text(words[0][:, 0])
        h, skips = self.stem(F.pixel_unshuffle(beside(y, condition, self.conditioning_channels), self.patch)), []
        for stages, downsample in zip(self.down, self.downsample, strict=True):
            for stage in stages:
                h = stage(h, embedding, *words)
                skips.append(h)
            h = downsample(h)
        h = self.middle(h, embedding, *words)
        for stages, upsample in zip(reversed(self.up), reversed(self.upsample), strict=True):
            for stage in stages:
                h = stage(torch.cat([h, skips.pop()], dim=1), embedding, *words)
            h = upsample(h)
        return F.pixel_shuffle(self.out(h), self.patch)
