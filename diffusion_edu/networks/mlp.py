"""A network for points instead of images: small enough to learn in seconds."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffusion_edu.checks import checked, same_count
from diffusion_edu.networks.blocks import ClassEmbedding, TimeEmbedding


class MLP(nn.Module):
    """Map points y (b, d), their noise level (b,) and class labels (b,) or None to an output shaped like y.

    The embedding of noise level and label scales and shifts every layer.
    """

    def __init__(self, channels: int = 2, width: int = 128, blocks: int = 3, classes: int = 0, embedding: int = 64):
        super().__init__()
        self.time_embedding = TimeEmbedding(embedding)
        self.class_embedding = ClassEmbedding(classes, embedding) if classes else None
        self.stem = nn.Linear(channels, width)
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(blocks)])
        self.modulate = nn.ModuleList([nn.Linear(embedding, 2 * width) for _ in range(blocks)])
        self.out = nn.Linear(width, channels)

    @checked
    def forward(self, y: Tensor, noise_level: Tensor, condition: Tensor | None = None) -> Tensor:
        same_count(point=y, noise_level=noise_level)
        embedding = self.time_embedding(noise_level)
        if self.class_embedding:
            embedding = embedding + self.class_embedding(condition, len(y))
        embedding = F.silu(embedding)
        h = self.stem(y)
        for layer, modulate in zip(self.layers, self.modulate, strict=True):
            scale, shift = modulate(embedding).chunk(2, dim=1)
            h = h + F.silu(torch.addcmul(shift, layer(h), 1 + scale))
        return self.out(h)
