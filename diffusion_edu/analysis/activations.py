"""What is in the box: the parts of a U-Net as one real forward pass shows them, and what they say, read without changing it.

Everything is read by hooks that are there only while a block runs and that listen to their own thread only, because several people
may share one network. What nobody listens to costs nothing.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from diffusion_edu.networks.attention_unet import Stage
from diffusion_edu.networks.blocks import sinusoid
from diffusion_edu.networks.experts import MEMBERS, Experts

OPENED = (nn.ModuleList, Stage, *MEMBERS.values())  # these only hold parts together
DEAD = 0.01  # a channel that varies less than this fraction of what is usual in its part says the same everywhere


@dataclass(frozen=True)
class Part:
    """One part as a forward pass of one image used it: shapes without the batch, operations (a multiplication and an addition are two)."""

    name: str  # its place in the network, for example "down.0.0.block"
    class_name: str  # the name of its class
    given: tuple[int, ...]
    gives: tuple[int, ...]
    parameters: int
    flops: int
    told: bool  # whether it is told the embedding of the level and of the condition


@dataclass(frozen=True)
class Anatomy:
    """All parts in the order in which they ran, and the skips between them as pairs of names (from, to)."""

    parts: tuple[Part, ...]
    skips: tuple[tuple[str, str], ...]

    @property
    def parameters(self):
        """How many numbers the parts have learned."""
        return sum(part.parameters for part in self.parts)

    @property
    def flops(self):
        """How many operations one image takes."""
        return sum(part.flops for part in self.parts)

    def part(self, name):
        """Find a part by its name."""
        return next(part for part in self.parts if part.name == name)

    def fraction(self, part):
        """The fraction of a part in all operations, 0 to 1."""
        return part.flops / self.flops


def parts_of(module, prefix=""):
    """List the parts of a network as {name: module}: everything that is more than a holder of other parts."""
    found = {}
    for name, child in module.named_children():
        if isinstance(child, OPENED):
            found |= parts_of(child, f"{prefix}{name}.")
        elif not isinstance(child, nn.Identity):
            found[prefix + name] = child
    return found


@contextmanager
def hooked(modules, before=lambda name, given: None, after=lambda name, given, said: None):
    """Call before and after whenever this thread runs one of the modules.

    What they return, unless None, takes the place of what the module is given, a tuple, and of what it says.
    """
    me, handles = get_ident(), []
    try:
        for name, module in modules.items():
            handles.append(
                module.register_forward_pre_hook(
                    lambda _, given, name=name: before(name, given) if get_ident() == me else None
                )
            )
            handles.append(
                module.register_forward_hook(
                    lambda _, given, said, name=name: after(name, given, said) if get_ident() == me else None
                )
            )
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def recorded(net, names):
    """Keep what the modules of these names say while the block runs: {name: [output of every forward pass]}."""
    said = {name: [] for name in names}
    with hooked(
        {name: net.get_submodule(name) for name in names}, after=lambda name, given, output: said[name].append(output)
    ):
        yield said


def during(items, opened):
    """Pass the items of an iterator on, each as (item, what opened() gave); the context opened() lasts only while that item is computed."""
    while True:
        with opened() as seen:
            item = next(items, None)
        if item is None:
            return
        yield item, seen


FLOPS = {  # what a function costs, from its result and what it was given: a multiplication and an addition for every weight that a number meets
    torch.conv2d: lambda result, x, weight: 2 * result.numel() * weight[0].numel(),
    nn.functional.linear: lambda result, x, weight: 2 * result.numel() * weight.shape[1],
    Tensor.matmul: lambda result, a, b: 2 * result.numel() * a.shape[-1],
}


class _Account(TorchFunctionMode):
    """Let every operation do what it does, count what it costs, and keep what torch.cat laid together: {id of the result: (result, parts)}."""

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
def anatomy(denoise, x, t):
    """Run one forward pass of a NeuralDenoiser on x (1, c, h, w) at level t, and see what ran, on which shapes, and what it cost.

    A skip is found, not assumed: a part was given something made by torch.cat, of which one half is what an earlier part had said.
    """
    modules, parts, skips, outputs = parts_of(denoise.net), [], [], []
    account, begun = _Account(), {}

    def before(name, given):
        begun[name] = account.flops
        for half in account.joined.get(id(given[0]), (None, ()))[1]:
            skips.extend((source, name) for source, said in outputs[:-1] if said is half)

    def after(name, given, said):
        tensors = [value for value in given if isinstance(value, Tensor)]
        told = len(tensors) == 2 and tensors[0].ndim == 4
        weights, shape = (
            sum(weight.numel() for weight in modules[name].parameters()),
            tuple(tensors[0].shape[1:]) if tensors else (),
        )
        parts.append(
            Part(
                name,
                type(modules[name]).__name__,
                shape,
                tuple(said.shape[1:]),
                weights,
                account.flops - begun[name],
                told,
            )
        )
        outputs.append((name, said))

    with account, hooked(modules, before, after):
        denoise(x, t)
    return Anatomy(tuple(parts), tuple(skips))


def strength(h):
    """How much each channel of h (..., c, h, w) says: its standard deviation over all places, (..., c)."""
    return h.float().std(dim=(-2, -1), correction=0)


def dead(h):
    """The fraction of the channels of h (..., c, h, w) that say the same everywhere, (...): they vary less than DEAD of what is usual."""
    varies = strength(h)
    return (varies <= DEAD * varies.square().mean(dim=-1, keepdim=True).sqrt()).float().mean(dim=-1)


def smallest(denoise, images=1):
    """Make the smallest grey images that the network takes: for questions whose answer does not depend on the image."""
    net, weight = denoise.net, next(denoise.net.parameters())
    net, side = getattr(net, "member", net), 2 * net.size_multiple
    channels = parts_of(net)["stem"].weight.shape[1] // net.patch**2 - net.conditioning_channels
    return torch.zeros(images, channels, side, side, device=weight.device)


def network_levels(denoise, levels):
    """Say the levels (n,) as a NeuralDenoiser tells them to its network: 1000 theta, float32 (n,)."""
    _, theta = denoise.schedule.angle(torch.as_tensor(levels), torch.zeros(len(levels), 1))
    return (1000 * theta.flatten()).float()


@torch.no_grad()
def at_each(denoise, levels, names):
    """Run the network of a NeuralDenoiser at every one of the levels (n,), and keep what the modules of these names say: {name: (n, ...)} float32."""
    net, y = denoise.net, smallest(denoise)
    level = network_levels(denoise, levels).to(y.device)
    apart = 1 if isinstance(net, Experts) else len(level)  # experts answer for one level at a time
    with (
        recorded(net, names) as said,
        torch.autocast(y.device.type, denoise.autocast, enabled=denoise.autocast is not None),
    ):
        for some in level.split(apart):
            net(y.expand(len(some), -1, -1, -1), some, None)
    return {name: torch.cat(outputs).float() for name, outputs in said.items()}


def waves(denoise, levels):
    """The sines and cosines by which a NeuralDenoiser tells its network the levels (n,), (n, width)."""
    layer = next(module for name, module in parts_of(denoise.net).items() if name.endswith("time_embedding"))
    return sinusoid(network_levels(denoise, levels), layer.width)


@torch.no_grad()
def told_class_names(denoise, labels, t, names):
    """What the modules of these names say at level t if the network is asked for each of the labels (n, ...), side by side: (n, numbers) float32."""
    with recorded(denoise.net, names) as said:
        denoise.given(labels)(smallest(denoise, len(labels)), t)
    return torch.cat([said[name][0].float() for name in names], dim=1)


def modulators(net):
    """Name the layers that turn the embedding into what a part is told: scale and shift of every channel, or in the simple U-Net the shift alone."""
    return [name for name, _ in net.named_modules() if name.endswith((".modulate", ".modulate"))]


def embedder(net):
    """Name the part that embeds what the network is asked for, None if nothing can be asked of it."""
    return next((name for name in parts_of(net) if name.endswith(("classes", "attributes"))), None)


def likeness(vectors):
    """The cosine between any two of vectors (n, d), each less their mean: (n, n), 1 for the same direction, 0 for nothing in common."""
    unit = nn.functional.normalize(vectors.double() - vectors.double().mean(dim=0), dim=1)
    return unit @ unit.T


def principal(vectors, k=2):
    """Show vectors (n, d) in the k directions in which they differ most (PCA): places (n, k), and the fraction of all variance in each (k,)."""
    centred = vectors.double() - vectors.double().mean(dim=0)
    u, s, _ = torch.linalg.svd(centred, full_matrices=False)
    return (u * s)[:, :k], (s.square() / s.square().sum())[:k]
