"""Reproducible Gaussian noise, and the one place that chooses the device and the precision of computations."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import torch
from torch import Tensor

from diffusion_edu.checks import Count, Rule, Seeds, checked, same_count


class SeededNoise:
    """Standard Gaussian noise, one seed per image: an image's noise does not depend on the rest of the batch or the
    device.

    Call it with x (b, ...) to sample noise shaped like x; b must be the number of seeds. Only 32 bits of a seed are
    used. Raises ValueError for another number of images.
    """

    @checked
    def __init__(self, seeds: Seeds):
        self.generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]

    @checked
    def __call__(self, x: Tensor) -> Tensor:
        same_count(image=x, seed=self.generators)
        return self.sample(x.shape[1:]).to(x)

    @checked
    def sample(self, shape: Sequence[Count]) -> Tensor:
        """Sample the next noise of every image, float32 (b, *shape)."""
        return torch.stack([torch.randn(tuple(shape), generator=g) for g in self.generators])


@dataclass(frozen=True)
class Compute:
    """Where and how to compute: a device, the dtype of autocast (None: float32 throughout) and a memory layout."""

    device: torch.device
    autocast: torch.dtype | None = None
    layout: torch.memory_format = torch.contiguous_format

    def place(self, module_or_images: Any) -> Any:
        """Put a network or images (b, c, h, w) on the device in the memory layout that is fastest there."""
        return module_or_images.to(device=self.device, memory_format=self.layout)

    def __str__(self) -> str:
        return f"{self.device.type}, {'bfloat16' if self.autocast else 'float32'}"


Device = Annotated[str, Rule("auto, cpu, cuda or mps", lambda name: name in ("auto", "cpu", "cuda", "mps"))]


@checked
@cache
def choose(device: Device = "auto") -> Compute:
    """Choose a `Compute` for "auto", "cpu", "cuda" or "mps": bfloat16 and channels-last where the hardware is fast at
    them.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    fast = {"cuda": _gpu_has_bf16, "cpu": _cpu_has_bf16, "mps": _mps_has_bf16}
    if fast[device]():
        return Compute(torch.device(device), torch.bfloat16, torch.channels_last)
    return Compute(torch.device(device), None, torch.channels_last if device != "mps" else torch.contiguous_format)


def _gpu_has_bf16():
    if not torch.cuda.is_available():
        raise ValueError("No CUDA GPU was found: use --device auto or --device cpu.")
    return torch.cuda.get_device_capability() >= (8, 0)


def _mps_has_bf16():
    if not torch.backends.mps.is_available():
        raise ValueError("No Apple GPU was found: use --device auto or --device cpu.")
    return False


def _cpu_has_bf16():
    return any(
        getattr(torch.cpu, probe, lambda: False)() for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
