"""Interpolation between two noises along the sphere, so that the result is as strong as noise is."""

import torch


def slerp(a, b, fraction):
    """Spherical interpolation from a (b, ...) to b (b, ...) by a fraction of the angle between them (Shoemake 1985)."""
    u, v = a.flatten(1).double(), b.flatten(1).double()
    lengths = u.norm(dim=1, keepdim=True), v.norm(dim=1, keepdim=True)
    angle = torch.acos(((u / lengths[0]) * (v / lengths[1])).sum(1, keepdim=True).clamp(-1, 1))
    parallel = angle.sin().abs() < 1e-6
    first, second = torch.sin((1 - fraction) * angle) / angle.sin(), torch.sin(fraction * angle) / angle.sin()
    mixed = torch.where(parallel, (1 - fraction) * u + fraction * v, first * u + second * v)
    return mixed.view_as(a).to(a.dtype)
