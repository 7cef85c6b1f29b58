"""How much memory is free."""

import psutil
import torch


def free_memory(device: torch.device) -> int:
    """Return how many bytes are free on a device."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
