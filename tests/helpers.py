"""Small things that many tests use."""

from functools import cache

import torch

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.networks import NETWORKS
from diffusion_edu.randomness import Compute

CPU = Compute(torch.device("cpu"))  # float32, as opposed to what this machine is fastest at


def seeded(seed=0):
    """Make a random generator."""
    return torch.Generator().manual_seed(seed)


def seeded_noise(*shape, seed=0):
    """Sample standard normal noise of this shape."""
    return torch.randn(*shape, generator=seeded(seed))


def tiny_upscaler(scale=4, colours=3):
    """A tiny network like the small ones of Real-ESRGAN, with random weights."""
    from spandrel.architectures.Compact import CompactArch
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    assert CompactArch
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SRVGGNetCompact(num_in_ch=colours, num_out_ch=colours, num_feat=8, num_conv=2, upscale=scale).eval()


@cache
def museum_model():
    """A small network with as many classes as the real one, for images of 64 x 64; none of its weights is zero."""
    config = {"widths": (8, 16), "embedding": 16, "attention": (False, True), "classes": 102}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = NETWORKS["attention_unet"](**config).requires_grad_(False)
        for weight in net.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    card = Card("m", "M", "attention_unet", config, "v", size=64, classes=[str(k) for k in range(102)])
    return Model(card, net, CPU)
