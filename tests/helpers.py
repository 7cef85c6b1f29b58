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
