"""The parts that our U-Nets are made of."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

GROUPS = 8  # with few channels, eight groups draw better flowers than the usual 32


def sinusoid(noise_level, width):
    """Embed a level (b,) as sines and cosines of falling frequency (b, width), in float32 (Vaswani et al. 2017, sec. 3.5)."""
    frequencies = torch.exp(-math.log(10000) * torch.arange(width // 2, device=noise_level.device) / (width // 2))
    phase = noise_level.float()[:, None] * frequencies
    return torch.cat([phase.sin(), phase.cos()], dim=1)


def group_norm(width):
    """Normalise in groups: GROUPS of them, or the largest number below that divides the width."""
    return nn.GroupNorm(math.gcd(GROUPS, width), width)


class TimeEmbedding(nn.Module):
    """Tell the network how noisy its input is: level (b,) -> embedding (b, width)."""

    def __init__(self, width):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.width = width

    def forward(self, noise_level):
        with torch.autocast(noise_level.device.type, enabled=False):  # bf16 cannot tell level 999 from level 1000
            waves = sinusoid(noise_level, self.width)
        return self.mlp(waves.to(self.mlp[0].weight.dtype))


class ClassEmbedding(nn.Module):
    """Tell the network what to draw: labels (b,) or None -> embedding (b, width); one label more than there are classes means "anything"."""

    def __init__(self, classes, width):
        super().__init__()
        self.table = nn.Embedding(classes + 1, width)
        self.null = classes

    def forward(self, labels, batch):
        if labels is None:
            labels = torch.full((batch,), self.null, device=self.table.weight.device)
        return self.table(labels)


class AttributeEmbedding(nn.Module):
    """Tell the network what an image has: conditions (b, attributes), 1 yes, -1 no, 0 either way, or None (all either way) -> embedding (b, width)."""

    def __init__(self, attributes, width):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(attributes, width), nn.SiLU(), nn.Linear(width, width))
        nn.init.zeros_(self.mlp[-1].weight)  # nothing is told at first
        nn.init.zeros_(self.mlp[-1].bias)

    def forward(self, conditions, batch):
        weight = self.mlp[0].weight
        if conditions is None:
            conditions = torch.zeros(batch, weight.shape[1], device=weight.device)
        return self.mlp(conditions.to(weight.dtype))


def beside(y, conditioning_image, channels):
    """Lay an image that guides the network (b, channels, h, w) behind its input y; None means a guide of zeros, which says nothing."""
    if not channels:
        return y
    return torch.cat(
        [
            y,
            y.new_zeros(len(y), channels, *y.shape[2:])
            if conditioning_image is None
            else conditioning_image.to(y.dtype),
        ],
        dim=1,
    )


class ResidualBlock(nn.Module):
    """Two convolutions beside a short cut; the embedding scales and shifts the features in between (Dhariwal & Nichol 2021, AdaGN)."""

    def __init__(self, inner, outer, embedding):
        super().__init__()
        self.norm1 = group_norm(inner)
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1)
        self.modulate = nn.Linear(embedding, 2 * outer)
        self.norm2 = group_norm(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1)
        self.shortcut = nn.Conv2d(inner, outer, 1) if inner != outer else nn.Identity()
        nn.init.zeros_(self.conv2.weight)  # every block begins as its short cut
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x, embedding):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = rearrange(self.modulate(F.silu(embedding)), "b (two c) -> two b c 1 1", two=2)
        h = self.conv2(F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale)))
        return self.shortcut(x) + h


class Attention(nn.Module):
    """Let every place of a feature map (b, c, h, w) look at every other (Vaswani et al. 2017, eq. 1)."""

    def __init__(self, width, head_width=32):
        super().__init__()
        self.heads = next(n for n in range(max(1, width // head_width), 0, -1) if width % n == 0)
        self.norm = group_norm(width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x):
        q, k, v = rearrange(self.qkv(self.norm(x)), "b (three n c) h w -> three b n (h w) c", three=3, n=self.heads)
        looks = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(
            dim=-1, dtype=v.dtype
        )  # (b, n, places, places)
        return x + self.out(rearrange(looks @ v, "b n (h w) c -> b (n c) h w", h=x.shape[2]))


class Down(nn.Conv2d):
    """Halve height and width: every 2x2 patch becomes one place."""

    def __init__(self, inner, outer):
        super().__init__(inner, outer, 2, stride=2)


class Up(nn.Conv2d):
    """Double height and width: change the number of channels first, where it is cheap, then repeat every place 2x2."""

    def __init__(self, inner, outer):
        super().__init__(inner, outer, 1)

    def forward(self, x):
        return F.interpolate(super().forward(x), scale_factor=2, mode="nearest")
