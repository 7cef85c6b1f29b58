"""Text conditioning: encoders of captions, and cross-attention from the positions of an image to the tokens.

A caption is token ids (b, n), 0 for padding; all zeros is the null condition, no caption at all. The first token is
never masked, so that attention always has a token to read.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from diffusion_edu.checks import checked
from diffusion_edu.networks.blocks import group_norm, zero_init


class TextEncoder(nn.Module):
    """Encode token ids (b, n), n at most `length`, as one vector per token that depends on the whole caption (b, n,
    width).

    A transformer encoder (Vaswani et al. 2017), trained together with the U-Net. Its attention has no causal mask,
    because it never generates text, and in a caption an adjective often stands before its noun.
    """

    def __init__(self, vocabulary: int, width: int = 192, depth: int = 4, head_width: int = 32, length: int = 77):
        super().__init__()
        self.width, self.length = width, length
        self.table = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        nn.init.normal_(self.table.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(
            width, max(1, width // head_width), 4 * width, 0.0, F.silu, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        for weight in (weight for each in self.layers.layers for weight in each.parameters() if weight.ndim == 2):
            nn.init.xavier_uniform_(weight)  # torch copies one layer: without this all layers would start equal

    def null_condition(self, batch: int) -> Tensor:
        """Build the null condition (batch, 1): no caption."""
        return torch.zeros(batch, 1, dtype=torch.int64, device=self.positions.device)

    @checked
    def forward(self, ids: Tensor) -> Tensor:
        if ids.ndim != 2 or ids.is_floating_point():
            raise ValueError(f"Captions are token ids (b, n), not {ids.dtype} of shape {tuple(ids.shape)}.")
        if ids.shape[1] > self.length:
            raise ValueError(f"A caption has at most {self.length} tokens, not {ids.shape[1]}: shorten it.")
        tokens = self.table(ids.long()) + self.positions[: ids.shape[1]]
        return self.layers(tokens, src_key_padding_mask=~token_mask(ids))


class TextProjection(nn.Module):
    """Project the outputs (b, n, features) of a frozen text encoder such as CLIP, zeros for
    padding, to (b, n, width).
    """

    def __init__(self, features: int, width: int = 192):
        super().__init__()
        self.width, self.features = width, features
        self.fit = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, width))
        self.start = nn.Parameter(0.02 * torch.randn(width))  # learned vector for padding

    def null_condition(self, batch: int) -> Tensor:
        """Build the null condition (batch, 1, features): no caption."""
        return torch.zeros(batch, 1, self.features, device=self.start.device)

    def forward(self, vectors: Tensor) -> Tensor:
        return torch.where(vectors.any(dim=2, keepdim=True), self.fit(vectors.to(self.start.dtype)), self.start)


def token_mask(condition: Tensor) -> Tensor:
    """Mark the tokens of a condition, ids (b, n) or vectors (b, n, features), that are not padding: bool (b, n).

    The first token always counts.
    """
    mask = condition != 0 if condition.ndim == 2 else condition.any(dim=2)
    return torch.cat([torch.ones_like(mask[:, :1]), mask[:, 1:]], dim=1)


class CrossAttention(nn.Module):
    """Let every position of a feature map (b, c, h, w) read from tokens (b, n, text_width) where mask (b, n) is true.

    Rombach et al. 2022, sec. 3.3.
    """

    def __init__(self, width: int, text_width: int, head_width: int = 32):
        super().__init__()
        self.heads = next(n for n in range(max(1, width // head_width), 0, -1) if width % n == 0)
        self.norm = group_norm(width)
        self.q = nn.Conv2d(width, width, 1)
        self.kv = nn.Linear(text_width, 2 * width)
        self.out = nn.Conv2d(width, width, 1)
        zero_init(self.out)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        q = rearrange(self.q(self.norm(x)), "b (n c) h w -> b n (h w) c", n=self.heads)
        k, v = rearrange(self.kv(tokens), "b w (two n c) -> two b n w c", two=2, n=self.heads)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(~mask[:, None, None], -math.inf)
        weights = scores.softmax(dim=-1, dtype=v.dtype)  # (b, n, positions, tokens)
        return x + self.out(rearrange(weights @ v, "b n (h w) c -> b (n c) h w", h=x.shape[2]))
