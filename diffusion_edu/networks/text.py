"""What tells a network words: encoders of captions, and attention from the places of an image to the words.

A caption is token ids (b, n), 0 wherever there is none; all zeros is no caption at all, and asks for anything. The first
token is always looked at, so that there is something to look at even then.
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from diffusion_edu.networks.blocks import group_norm


class TextEncoder(nn.Module):
    """Turn token ids (b, n), n at most `length`, into one vector per token that knows the whole caption (b, n, width).

    A transformer (Vaswani et al. 2017) that looks in both directions: nothing here is ever written on, and in a caption
    an adjective often stands before what it is about. It learns together with the network that it tells.
    """

    def __init__(self, vocabulary, width=192, depth=4, head_width=32, length=77):
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
            nn.init.xavier_uniform_(weight)  # the layers are copies of one: without this they would begin equal

    def nothing(self, batch):
        """Ask for anything: the condition without a caption (batch, 1)."""
        return torch.zeros(batch, 1, dtype=torch.int64, device=self.positions.device)

    def forward(self, ids):
        if ids.shape[1] > self.length:
            raise ValueError(f"A caption has at most {self.length} tokens, not {ids.shape[1]}: cut it.")
        words = self.table(ids.long()) + self.positions[: ids.shape[1]]
        return self.layers(words, src_key_padding_mask=~present(ids))


class GivenWords(nn.Module):
    """Take words that a frozen encoder, for example CLIP's, has turned into vectors (b, n, features), zeros where there is none: (b, n, width)."""

    def __init__(self, features, width=192):
        super().__init__()
        self.width, self.features = width, features
        self.fit = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, width))
        self.start = nn.Parameter(0.02 * torch.randn(width))  # what is said where nothing is

    def nothing(self, batch):
        """Ask for anything: the condition without a caption (batch, 1, features)."""
        return torch.zeros(batch, 1, self.features, device=self.start.device)

    def forward(self, words):
        return torch.where(words.any(dim=2, keepdim=True), self.fit(words.to(self.start.dtype)), self.start)


def present(condition):
    """Say which places of a condition, ids (b, n) or vectors (b, n, features), hold a word, bool (b, n); the first always counts."""
    there = condition != 0 if condition.ndim == 2 else condition.any(dim=2)
    return torch.cat([torch.ones_like(there[:, :1]), there[:, 1:]], dim=1)


class WordAttention(nn.Module):
    """Let every place of a feature map (b, c, h, w) look at the words (b, n, told) that are there (b, n) (Rombach et al. 2022, sec. 3.3)."""

    def __init__(self, width, told, head_width=32):
        super().__init__()
        self.heads = next(n for n in range(max(1, width // head_width), 0, -1) if width % n == 0)
        self.norm = group_norm(width)
        self.q = nn.Conv2d(width, width, 1)
        self.kv = nn.Linear(told, 2 * width)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)  # nothing is heard at first
        nn.init.zeros_(self.out.bias)

    def forward(self, x, words, there):
        q = rearrange(self.q(self.norm(x)), "b (n c) h w -> b n (h w) c", n=self.heads)
        k, v = rearrange(self.kv(words), "b w (two n c) -> two b n w c", two=2, n=self.heads)
        fits = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(~there[:, None, None], -math.inf)
        looks = fits.softmax(dim=-1, dtype=v.dtype)  # (b, n, places, words)
        return x + self.out(rearrange(looks @ v, "b n (h w) c -> b (n c) h w", h=x.shape[2]))
