"""What several tests share: one small network with every weight awake, and one thread, which is fastest for small tensors."""

import pytest
import torch
from torch import nn

from diffusion_edu.networks import NETWORKS

torch.set_num_threads(1)


@pytest.fixture
def tiny():
    """A function that builds a small network: the same weights for the same seed, none of them zero."""

    def build(seed=0, network="attention_unet", **sizes):
        sizes = {"widths": (16, 32), "embedding": 16, **sizes}
        if network == "attention_unet":
            sizes = {"attention": (False, True), **sizes}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = NETWORKS[network](**sizes)
            with torch.no_grad():
                for weight in net.parameters():
                    weight.add_(0.05 * torch.randn_like(weight))  # blocks begin as their short cuts: wake them
        return net

    return build


class Says(nn.Module):
    """A network that says one number, and notes the level."""

    def __init__(self, number=0.0):
        super().__init__()
        self.number = nn.Parameter(torch.tensor(number))

    def forward(self, y, level, cond):
        self.level = level
        return self.number.expand_as(y)
