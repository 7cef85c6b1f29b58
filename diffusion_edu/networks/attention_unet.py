"""A U-Net with self-attention at its low resolutions and, for captions, cross-attention to their tokens."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffusion_edu.checks import checked, same_count
from diffusion_edu.networks.blocks import (
    AttributeEmbedding,
    ClassEmbedding,
    Down,
    ResidualBlock,
    SelfAttention,
    TimeEmbedding,
    Up,
    check_input,
    concatenate_image,
    group_norm,
)
from diffusion_edu.networks.text import CrossAttention, TextEncoder, TextProjection, token_mask


class Stage(nn.Module):
    """A residual block and, if wanted, self-attention and cross-attention to tokens of width text_width behind it."""

    def __init__(self, inner: int, outer: int, embedding: int, self_attention: bool, text_width: int | None = None):
        super().__init__()
        self.block = ResidualBlock(inner, outer, embedding)
        self.self_attention = SelfAttention(outer) if self_attention else nn.Identity()
        self.cross_attention = CrossAttention(outer, text_width) if text_width else None

    def forward(self, h: Tensor, embedding: Tensor, *tokens: Tensor) -> Tensor:
        h = self.self_attention(self.block(h, embedding))
        return self.cross_attention(h, *tokens) if self.cross_attention and tokens else h


class AttentionUNet(nn.Module):
    """Map an image y (b, channels, h, w), its noise level (b,) and a condition to an output shaped like y.

    The condition is what the network was built for: class labels (b,), attributes (b, attributes), a conditioning image
    (b, conditioning_channels, h, w), concatenated with y (Saharia et al. 2022, SR3, sec. 2), or a caption: token ids
    (b, n) if text is the config of a TextEncoder, vectors (b, n, features) if it is that of a TextProjection. None
    means unconditional. Cross-attention reads the caption's tokens; its first token is added to the time embedding as a
    summary of the whole caption (Nichol et al. 2021, GLIDE, sec. 3).

    The image is first folded, patch x patch pixels into one position, which makes everything after it patch**2 times
    cheaper (Shi et al. 2016, sec. 2). Height and width must be divisible by size_multiple. Ronneberger et al. 2015,
    with self-attention at the resolutions that `attention` names (Ho et al. 2020, appendix B).
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (64, 128, 256),
        blocks: int = 1,
        attention: Sequence[bool] = (False, False, True),
        patch: int = 2,
        classes: int = 0,
        attributes: int = 0,
        conditioning_channels: int = 0,
        embedding: int = 256,
        text: dict[str, Any] | None = None,
    ):
        super().__init__()
        self.channels, self.patch, self.conditioning_channels = channels, patch, conditioning_channels
        self.size_multiple = patch * 2 ** (len(widths) - 1)
        self.time_embedding = TimeEmbedding(embedding)
        self.class_embedding = ClassEmbedding(classes, embedding) if classes else None
        self.attribute_embedding = AttributeEmbedding(attributes, embedding) if attributes else None
        self.text = (TextProjection if "features" in text else TextEncoder)(**text) if text else None
        self.pooled_text = nn.Linear(self.text.width, embedding) if self.text else None
        text_width = self.text.width if self.text else None

        def stage(inner, outer, self_attention):
            return Stage(inner, outer, embedding, self_attention, text_width)

        resolutions, steps = list(zip(widths, attention, strict=True)), list(pairwise(widths))
        self.stem = nn.Conv2d((channels + conditioning_channels) * patch**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList([nn.ModuleList([stage(w, w, a) for _ in range(blocks)]) for w, a in resolutions])
        self.downsample = nn.ModuleList([*[Down(wide, narrow) for wide, narrow in steps], nn.Identity()])
        self.middle = stage(widths[-1], widths[-1], attention[-1])
        self.upsample = nn.ModuleList([nn.Identity(), *[Up(narrow, wide) for wide, narrow in steps]])
        self.up = nn.ModuleList([nn.ModuleList([stage(2 * w, w, a) for _ in range(blocks)]) for w, a in resolutions])
        self.out = nn.Sequential(
            group_norm(widths[0]), nn.SiLU(), nn.Conv2d(widths[0], channels * patch**2, 3, padding=1)
        )

    @checked
    def forward(self, y: Tensor, noise_level: Tensor, condition: Tensor | None = None) -> Tensor:
        check_input(y, self.channels, self.size_multiple)
        same_count(image=y, noise_level=noise_level)
        embedding = self.time_embedding(noise_level)
        if embed := self.class_embedding or self.attribute_embedding:
            embedding = embedding + embed(condition, len(y))
        tokens: tuple[Tensor, ...] = ()
        if self.text and self.pooled_text:
            condition = self.text.null_condition(len(y)) if condition is None else condition
            tokens = self.text(condition), token_mask(condition)
            embedding = embedding + self.pooled_text(tokens[0][:, 0])
        y = concatenate_image(y, condition, self.conditioning_channels)
        h = self.stem(F.pixel_unshuffle(y, self.patch))
        skips: list[Tensor] = []
        for stages, downsample in zip(self.down, self.downsample, strict=True):
            for stage in stages:  # type: ignore[attr-defined]
                h = stage(h, embedding, *tokens)
                skips.append(h)
            h = downsample(h)
        h = self.middle(h, embedding, *tokens)
        for stages, upsample in zip(reversed(self.up), reversed(self.upsample), strict=True):
            for stage in stages:  # type: ignore[attr-defined]
                h = stage(torch.cat([h, skips.pop()], dim=1), embedding, *tokens)  # skip connection
            h = upsample(h)
        return F.pixel_shuffle(self.out(h), self.patch)
