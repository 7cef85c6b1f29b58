"""A U-Net with attention at its low resolutions, told the noise level and, if it has classes, what to draw."""

import torch
import torch.nn.functional as F
from torch import nn

from diffusion_edu.networks.blocks import Attention, ClassEmbedding, Down, LevelEmbedding, ResidualBlock, Up, group_norm


class AttentionUNet(nn.Module):
    """Map a picture y (b, channels, h, w), its level (b,) and labels (b,) or None to an output shaped like y.

    The picture is first folded, patch x patch pixels into one place, which makes everything after it patch**2 times
    cheaper (Shi et al. 2016, sec. 2). Height and width must be divisible by patch * 2**(len(widths) - 1). Ronneberger et al. 2015;
    attention after Ho et al. 2020, appendix B.
    """

    def __init__(self, channels=3, widths=(128, 192, 256), blocks=1, attention=(False, True, True), patch=2, classes=0, embedding=256):
        super().__init__()
        self.patch, self.size_multiple = patch, patch * 2 ** (len(widths) - 1)
        self.level = LevelEmbedding(embedding)
        self.classes = ClassEmbedding(classes, embedding) if classes else None
        self.stem = nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)

        def stage(inner, outer, attend):
            return nn.ModuleList([ResidualBlock(inner, outer, embedding), Attention(outer) if attend else nn.Identity()])

        levels = list(zip(widths, attention, strict=True))
        self.down = nn.ModuleList([nn.ModuleList([stage(w, w, a) for _ in range(blocks)]) for w, a in levels])
        self.shrink = nn.ModuleList([Down(a, b) for a, b in zip(widths, widths[1:], strict=False)])
        self.middle = stage(widths[-1], widths[-1], attention[-1])
        self.grow = nn.ModuleList([Up(b, a) for a, b in zip(widths, widths[1:], strict=False)])
        self.up = nn.ModuleList([nn.ModuleList([stage(2 * w, w, a) for _ in range(blocks)]) for w, a in levels])
        self.out = nn.Sequential(group_norm(widths[0]), nn.SiLU(), nn.Conv2d(widths[0], channels * patch**2, 3, padding=1))

    def forward(self, y, level, labels=None):
        embedding = self.level(level)
        if self.classes:
            null = torch.full(level.shape, self.classes.null, device=y.device)
            embedding = embedding + self.classes(null if labels is None else labels)

        def run(stages, h, skips=None):
            for block, attend in stages:
                h = attend(block(h if skips is None else torch.cat([h, skips.pop()], dim=1), embedding))
                yield h

        h, skips = self.stem(F.pixel_unshuffle(y, self.patch)), []
        for depth, stages in enumerate(self.down):
            for h in run(stages, h):
                skips.append(h)
            if depth < len(self.shrink):
                h = self.shrink[depth](h)
        for h in run([self.middle], h):
            pass
        for depth in reversed(range(len(self.up))):
            for h in run(self.up[depth], h, skips):
                pass
            if depth:
                h = self.grow[depth - 1](h)
        return F.pixel_shuffle(self.out(h), self.patch)
