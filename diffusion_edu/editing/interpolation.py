"""Interpolation between two noises along the sphere, so that the result is as strong as noise is."""

import torch
from torch import Tensor

from diffusion_edu.checks import Numbers, checked


@checked
def slerp(a: Numbers, b: Numbers, fraction: float | Numbers) -> Tensor:
    """Spherical interpolation from a (b, ...) to b (b, ...) by a fraction of the angle between them (Shoemake 1985).

    Raises ValueError for zeros, which have no direction.
    """
    if a.shape != b.shape:
        raise ValueError(f"Two noises of one shape can be interpolated, not {tuple(a.shape)} and {tuple(b.shape)}.")
    u, v = a.flatten(1).double(), b.flatten(1).double()
    lengths = u.norm(dim=1, keepdim=True), v.norm(dim=1, keepdim=True)
    if not (lengths[0].all() and lengths[1].all()):
        raise ValueError("An image of zeros has no direction to interpolate from or to.")
    angle = torch.acos(((u / lengths[0]) * (v / lengths[1])).sum(1, keepdim=True).clamp(-1, 1))
    parallel = angle.sin().abs() < 1e-6
    first, second = torch.sin((1 - fraction) * angle) / angle.sin(), torch.sin(fraction * angle) / angle.sin()
    mixed = torch.where(parallel, (1 - fraction) * u + fraction * v, first * u + second * v)
    return mixed.view_as(a).to(a.dtype)
