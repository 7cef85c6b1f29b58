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
    LevelEmbedding,
    ResidualBlock,
    Up,
    beside,
    group_norm,
)
from diffusion_edu.networks.text import GivenWords, TextEncoder, WordAttention, present


class Stage(nn.Module):
    """A residual block and, if wanted, attention behind it: to all other places, and to words of width told."""

    def __init__(self, inner, outer, embedding, attend, told=0):
        super().__init__()
        self.block = ResidualBlock(inner, outer, embedding)
        self.attend = Attention(outer) if attend else nn.Identity()
        self.listen = WordAttention(outer, told) if told else None

    def forward(self, h, embedding, *words):
        h = self.attend(self.block(h, embedding))
        return self.listen(h, *words) if words else h


class AttentionUNet(nn.Module):
    """Map a picture y (b, channels, h, w), its level (b,) and a condition to an output shaped like y.

    The condition is what the network was built for: classes (b,), attributes (b, attributes), a guide, a picture
    (b, guide, h, w) laid behind y (Saharia et al. 2022, SR3, sec. 2), or a caption, ids (b, n), if text holds the sizes of a
    TextEncoder, or vectors (b, n, features), if it holds those of GivenWords; None asks for anything. All places look at the
    words of a caption, and what its first token says of the whole joins the level (Nichol et al. 2021, GLIDE, sec. 3).

    The picture is first folded, patch x patch pixels into one place, which makes everything after it patch**2 times
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
        guide=0,
        embedding=256,
        text=None,
    ):
        super().__init__()
        self.patch, self.guide, self.size_multiple = patch, guide, patch * 2 ** (len(widths) - 1)
        self.level = LevelEmbedding(embedding)
        self.classes = ClassEmbedding(classes, embedding) if classes else None
        self.attributes = AttributeEmbedding(attributes, embedding) if attributes else None
        self.text = text and (GivenWords if "features" in text else TextEncoder)(**text)
        self.gist = text and nn.Linear(self.text.width, embedding)
        told = text and self.text.width

        def stage(inner, outer, attend):
            return Stage(inner, outer, embedding, attend, told)

        levels, steps = list(zip(widths, attention, strict=True)), list(pairwise(widths))
        self.stem = nn.Conv2d((channels + guide) * patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList([nn.ModuleList([stage(w, w, a) for _ in range(blocks)]) for w, a in levels])
        self.shrink = nn.ModuleList([*[Down(wide, narrow) for wide, narrow in steps], nn.Identity()])
        self.middle = stage(widths[-1], widths[-1], attention[-1])
        self.grow = nn.ModuleList([nn.Identity(), *[Up(narrow, wide) for wide, narrow in steps]])
        self.up = nn.ModuleList([nn.ModuleList([stage(2 * w, w, a) for _ in range(blocks)]) for w, a in levels])
        self.out = nn.Sequential(
            group_norm(widths[0]), nn.SiLU(), nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)
        )

    def forward(self, y, level, cond=None):
        embedding = self.level(level)
        if tell := self.classes or self.attributes:
            embedding = embedding + tell(cond, len(y))
        words = ()
        if self.text:
            cond = self.text.nothing(len(y)) if cond is None else cond
            words = self.text(cond), present(cond)
            embedding = embedding + self.gist(words[0][:, 0])
        h, skips = self.stem(F.pixel_unshuffle(beside(y, cond, self.guide), self.patch)), []
        for stages, shrink in zip(self.down, self.shrink, strict=True):
            for stage in stages:
                h = stage(h, embedding, *words)
                skips.append(h)
            h = shrink(h)
        h = self.middle(h, embedding, *words)
        for stages, grow in zip(reversed(self.up), reversed(self.grow), strict=True):
            for stage in stages:
                h = stage(torch.cat([h, skips.pop()], dim=1), embedding, *words)
            h = grow(h)
        return F.pixel_shuffle(self.out(h), self.patch)
