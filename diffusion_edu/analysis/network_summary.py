"""The layers of a network as one real forward pass uses them: order, shapes, parameters, operations and skip
connections.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from diffusion_edu.analysis.hooks import hooked
from diffusion_edu.networks.attention_unet import Stage
from diffusion_edu.networks.experts import MEMBERS

CONTAINERS = (nn.ModuleList, Stage, *MEMBERS.values())  # modules that only hold other modules


@dataclass(frozen=True)
class Part:
    """One part of a network in a forward pass of one image; shapes are without the batch axis.

    flops: operations, where a multiplication and an addition count as two.
    """

    name: str  # its path in the network, for example "down.0.0.block"
    type_name: str  # the name of its class
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    flops: int
    conditioned: bool  # whether the embedding of the timestep and of the condition is an input


@dataclass(frozen=True)
class NetworkSummary:
    """All parts in the order in which they ran, and the skip connections as pairs of part names (from, to)."""

    parts: tuple[Part, ...]
    skips: tuple[tuple[str, str], ...]

    @property
    def parameters(self):
        """The number of parameters of all parts."""
        return sum(part.parameters for part in self.parts)

    @property
    def flops(self):
        """The number of operations for one image."""
        return sum(part.flops for part in self.parts)

    def part(self, name):
        """Return the part of this name."""
        return next(part for part in self.parts if part.name == name)

    def fraction(self, part):
        """Return the fraction of all operations that a part takes, 0 to 1."""
        return part.flops / self.flops


def parts_of(module, prefix=""):
    """Return the parts of a network, {name: module}: the submodules that do more than hold other modules."""
    found = {}
    for name, child in module.named_children():
        if isinstance(child, CONTAINERS):
            found |= parts_of(child, f"{prefix}{name}.")
        elif not isinstance(child, nn.Identity):
            found[prefix + name] = child
    return found


FLOPS = {  # operations of a function, from its result and arguments: two for every product with a weight
    torch.conv2d: lambda result, x, weight: 2 * result.numel() * weight[0].numel(),
    nn.functional.linear: lambda result, x, weight: 2 * result.numel() * weight.shape[1],
    Tensor.matmul: lambda result, a, b: 2 * result.numel() * a.shape[-1],
}


class _CountFlops(TorchFunctionMode):
    """Run every operation as it is, count its cost, and keep what torch.cat joined: {id of the result: (result,
    parts)}.
    """

    def __init__(self):
        super().__init__()
        self.flops, self.joined = 0, {}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function in FLOPS:
            self.flops += FLOPS[function](result, *args[:2])
        if function is torch.cat:
            self.joined[id(result)] = result, args[0]  # kept alive, so that no other tensor takes its id
        return result


@torch.no_grad()
def summarize(denoise, x, t):
    """Run one forward pass of a NeuralDenoiser on x (1, c, h, w) at timestep t and return its NetworkSummary.

    A skip connection is found, not assumed: the input of a part was made by torch.cat, and one of its halves is the
    output of an earlier part.
    """
    modules, parts, skips, outputs = parts_of(denoise.net), [], [], []
    count, flops_before = _CountFlops(), {}

    def before(name, inputs):
        flops_before[name] = count.flops
        for half in count.joined.get(id(inputs[0]), (None, ()))[1]:
            skips.extend((source, name) for source, output in outputs[:-1] if output is half)

    def after(name, inputs, output):
        flops = count.flops - flops_before[name]
        parts.append(_part(name, modules[name], inputs, output, flops))
        outputs.append((name, output))

    with count, hooked(modules, before, after):
        denoise(x, t)
    return NetworkSummary(tuple(parts), tuple(skips))


def _part(name, module, inputs, output, flops):
    tensors = [value for value in inputs if isinstance(value, Tensor)]
    shape = tuple(tensors[0].shape[1:]) if tensors else ()
    parameters = sum(weight.numel() for weight in module.parameters())
    conditioned = len(tensors) == 2 and tensors[0].ndim == 4
    return Part(name, type(module).__name__, shape, tuple(output.shape[1:]), parameters, flops, conditioned)
