"""The building blocks of our U-Nets: embeddings, residual blocks, self-attention, down- and upsampling."""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from diffusion_edu.checks import checked, same_count

GROUPS = 8  # with few channels, samples of flowers are better with 8 groups than with the usual 32


def check_input(y: Tensor, channels: int, multiple: int) -> None:
    """Raise ValueError unless y is images (b, channels, h, w) whose height and width are divisible by multiple."""
    if y.ndim != 4 or y.shape[1] != channels or y.shape[2] % multiple or y.shape[3] % multiple:
        wanted = f"(b, {channels}, h, w), h and w divisible by {multiple}"
        raise ValueError(f"This network takes images {wanted}, not {tuple(y.shape)}: crop or scale them.")


@checked
def sinusoid(noise_level: Tensor, width: int) -> Tensor:
    """Embed a noise level (b,) as sines and cosines of falling frequency (b, width), in float32.

    Vaswani et al. 2017, sec. 3.5.
    """
    frequencies = torch.exp(-math.log(10000) * torch.arange(width // 2, device=noise_level.device) / (width // 2))
    phase = noise_level.float()[:, None] * frequencies
    return torch.cat([phase.sin(), phase.cos()], dim=1)


def group_norm(width: int) -> nn.GroupNorm:
    """Build a GroupNorm with GROUPS groups, or the largest number below that divides the width."""
    return nn.GroupNorm(math.gcd(GROUPS, width), width)


def zero_init(layer: nn.Linear | nn.Conv2d) -> None:
    """Set weight and bias of a layer to zero, so that its branch starts without effect."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class TimeEmbedding(nn.Module):
    """Embed the noise level (b,) of the input for the network: (b, width)."""

    def __init__(self, width: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.width = width

    def forward(self, noise_level: Tensor) -> Tensor:
        with torch.autocast(noise_level.device.type, enabled=False):  # bf16 rounds 999 and 1000 to the same number
            waves = sinusoid(noise_level, self.width)
        return self.mlp(waves.to(next(self.mlp.parameters()).dtype))


class ClassEmbedding(nn.Module):
    """Embed class labels (b,) as (b, width); None, or the null label after the last class, means unconditional."""

    def __init__(self, classes: int, width: int):
        super().__init__()
        self.table = nn.Embedding(classes + 1, width)
        self.null = classes

    def forward(self, labels: Tensor | None, batch: int) -> Tensor:
        if labels is None:
            labels = torch.full((batch,), self.null, device=self.table.weight.device)
        same_count(image=range(batch), label=labels)
        return self.table(labels)


class AttributeEmbedding(nn.Module):
    """Embed attributes (b, attributes) as (b, width): 1 with, -1 without, 0 any; None means 0 for all of them."""

    def __init__(self, attributes: int, width: int):
        super().__init__()
        first, last = nn.Linear(attributes, width), nn.Linear(width, width)
        self.mlp = nn.Sequential(first, nn.SiLU(), last)
        zero_init(last)  # the embedding starts at zero

    def forward(self, attributes: Tensor | None, batch: int) -> Tensor:
        weight = next(self.mlp.parameters())
        if attributes is None:
            attributes = torch.zeros(batch, weight.shape[1], device=weight.device)
        if attributes.shape != (batch, weight.shape[1]):
            wanted = (batch, weight.shape[1])
            raise ValueError(f"The attributes of these images have the shape {wanted}, not {tuple(attributes.shape)}.")
        return self.mlp(attributes.to(weight.dtype))


def concatenate_image(y: Tensor, conditioning_image: Tensor | None, channels: int) -> Tensor:
    """Concatenate a conditioning image (b, channels, h, w) with the input y (b, ..., h, w); None means zeros."""
    if not channels:
        return y
    if conditioning_image is None:
        conditioning_image = y.new_zeros(len(y), channels, *y.shape[2:])
    wanted = (len(y), channels, *y.shape[2:])
    if conditioning_image.shape != wanted:
        raise ValueError(f"The conditioning image has the shape {wanted}, not {tuple(conditioning_image.shape)}.")
    return torch.cat([y, conditioning_image.to(y.dtype)], dim=1)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut; the embedding scales and shifts the features between the convolutions.

    Adaptive group normalisation (Dhariwal & Nichol 2021, AdaGN).
    """

    def __init__(self, inner: int, outer: int, embedding: int):
        super().__init__()
        self.norm1 = group_norm(inner)
        self.conv1 = nn.Conv2d(inner, outer, 3, padding=1)
        self.modulate = nn.Linear(embedding, 2 * outer)
        self.norm2 = group_norm(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1)
        self.shortcut = nn.Conv2d(inner, outer, 1) if inner != outer else nn.Identity()
        zero_init(self.conv2)  # every block starts as its shortcut

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = rearrange(self.modulate(F.silu(embedding)), "b (two c) -> two b c 1 1", two=2)
        h = self.conv2(F.silu(torch.addcmul(shift, self.norm2(h), 1 + scale)))
        return self.shortcut(x) + h


class SelfAttention(nn.Module):
    """Let every position of a feature map (b, c, h, w) read from all positions (Vaswani et al. 2017, eq. 1)."""

    def __init__(self, width: int, head_width: int = 32):
        super().__init__()
        self.heads = next(n for n in range(max(1, width // head_width), 0, -1) if width % n == 0)
        self.norm = group_norm(width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        zero_init(self.out)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = rearrange(self.qkv(self.norm(x)), "b (three n c) h w -> three b n (h w) c", three=3, n=self.heads)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        weights = scores.softmax(dim=-1, dtype=v.dtype)  # (b, n, positions, positions)
        return x + self.out(rearrange(weights @ v, "b n (h w) c -> b (n c) h w", h=x.shape[2]))


class Down(nn.Conv2d):
    """Halve height and width: every 2x2 patch becomes one position."""

    def __init__(self, inner: int, outer: int):
        super().__init__(inner, outer, 2, stride=2)


class Up(nn.Conv2d):
    """Double height and width: change the number of channels first, where it is cheap, then repeat
    every position 2x2.
    """

    def __init__(self, inner: int, outer: int):
        super().__init__(inner, outer, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(super().forward(x), scale_factor=2, mode="nearest")
