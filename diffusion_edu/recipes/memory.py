"""Whether a training fits the memory, before it has begun: what cannot fit is refused in one sentence."""

import math
from copy import deepcopy

import torch

from diffusion_edu.memory import free_memory

FLOATS = 4  # bytes
COPIES = 4  # of a batch at least: images, noise, noisy images, output
MOST_FLOATS = 1000  # that a network keeps for each one of its input; ours keep 30 to 370


def check_batch(batch, size, compute, channels=3):
    """Raise ValueError if not even the images of one training step fit the memory."""
    refuse(COPIES * FLOATS * channels * batch * size**2, batch, compute.device, f"images of {size} x {size}")


def check_step(net, shape, batch, compute):
    """Raise ValueError if one training step on images of a shape (c, h, w) does not fit the memory."""
    if MOST_FLOATS * FLOATS * math.prod(shape) * batch < free_memory(compute.device):
        return  # it fits whatever the network is, and counting takes seconds
    per_image = activations(net, shape) / (2 if compute.autocast else 1)
    refuse(per_image * batch, batch, compute.device, "this network")


def refuse(needed, batch, device, what):
    """Raise ValueError if more bytes are needed than are free."""
    if needed > (free := free_memory(device)):
        raise ValueError(
            f"A training step with batches of {batch:,} and {what} needs {needed / 1e9:,.0f} GB of memory, and "
            f"{free / 1e9:,.1f} GB are free: choose a smaller --batch or --size."
        )


def activations(net, shape):
    """Count the bytes that a network keeps of one image (c, h, w) for the backward pass, without computing anything."""
    net = deepcopy(net).to("meta")
    weights = {id_of(weight) for weight in [*net.parameters(), *net.buffers()]}
    kept = {}

    def keep(tensor):
        kept[id_of(tensor)] = tensor.numel() * tensor.element_size()
        return tensor

    x = torch.zeros(1, *shape, device="meta")
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = forward(net, x)
    del result
    return sum(count for key, count in kept.items() if key not in weights)


def forward(net, x):
    """Apply a network of any kind to images x (1, c, h, w)."""
    if hasattr(net, "encode"):  # an autoencoder
        return net.encode(x)
    if hasattr(net, "time_embedding"):  # a U-Net
        embedding = torch.zeros(1, net.time_embedding.width, device=x.device)
        net.time_embedding.forward = lambda noise_level: embedding  # its autocast does not know the device "meta"
        return net(x, torch.zeros(1, device=x.device), None)
    return net(x)


def id_of(tensor):
    """Identify the memory of a tensor."""
    return tensor.untyped_storage()._cdata
