"""Weight files of other programs' networks: read as numbers, and no network is built that is larger than its file.

A file of a few bytes can name a network of a million layers, or tensors that share one number among billions.
"""

import zipfile
from math import prod
from pathlib import Path

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from diffusion_edu.checkpoints import read_part

SPARE = 64_000_000  # bytes that a network may have beside its weights, such as masks
MOST_CALLS = 200_000  # of PyTorch, while a network is built
MADE = {torch.ops.aten.empty, torch.ops.aten.zeros, torch.ops.aten.ones, torch.ops.aten.rand, torch.ops.aten.randn}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a weight file by its suffix, without unpickling objects; ValueError if it is packed."""
    if path.suffix.lower() == ".safetensors":
        return read_part(path, "")
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > size:
                raise ValueError("its parts are larger than the file")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    if bytes_of(weights) > size:
        raise ValueError("its tensors are larger than the file")
    return weights


def bytes_of(weights) -> int:
    """Count the bytes that tensors would take each by itself; they may lie in dicts in a dict, but no deeper."""
    parts = weights.values() if isinstance(weights, dict) else ()
    tensors = [each for part in parts for each in (part.values() if isinstance(part, dict) else [part])]
    return sum(each.nelement() * each.element_size() for each in tensors if isinstance(each, Tensor))


class Bounded(TorchDispatchMode):
    """While this is entered, no more is built than a network of these weights can need: then ValueError is raised."""

    def __init__(self, weights):
        super().__init__()
        self.bytes, self.calls = 2 * bytes_of(weights) + SPARE, MOST_CALLS

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls -= 1
        if func.overloadpacket in MADE and isinstance(args[0], (list, tuple)):
            self.bytes -= 4 * prod(map(int, args[0]))
        if self.bytes < 0 or self.calls < 0:
            raise ValueError("its network would be larger than its weights")
        return func(*args, **(kwargs or {}))
