"""Small things that many tests use."""

import torch

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
