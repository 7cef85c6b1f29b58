"""Work that does not fit the memory ends with a sentence, before the system ends the app for everybody."""

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from diffusion_edu.memory import free_memory

CPU = torch.device("cpu")
SMALL = 64e6  # bytes of the result of a layer that always fit
RESERVE = 250e6  # bytes that stay free for everybody
COPIES = 4  # a layer's result, its normalised form, a sum, and a skip connection


def check_free(needed=0.0, device=CPU):
    """Raise MemoryError if more bytes are needed on a device than are free."""
    free = free_memory(device)
    if needed + RESERVE > free:
        raise MemoryError(f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free")


def check_layer(layer, inputs):
    """Raise MemoryError if what a convolution is about to compute does not fit, whatever network it is part of."""
    if not isinstance(layer, nn.Conv2d) or inputs[0].device.type == "meta":
        return
    x, (down, right) = inputs[0], layer.stride
    result = x.element_size() * x.numel() // x.shape[-3] * layer.out_channels // (down * right)
    if result > SMALL:
        check_free(COPIES * result, x.device)


register_module_forward_pre_hook(check_layer)  # all networks that the app ever runs
