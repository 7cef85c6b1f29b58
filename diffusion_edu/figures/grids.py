"""Images side by side: the one grid that sheets, animations and pages use."""

import math

import torch
from einops import rearrange


def grid(images, columns=None, zoom=1, gap=0, ground=128):
    """Lay images uint8 (n, 3, h, w) out in rows, on neutral ground, every pixel zoom x zoom and hard; uint8 (height, width, 3)."""
    columns = columns or math.ceil(math.sqrt(len(images)))
    empty = -len(images) % columns
    pages = torch.cat([images, images.new_full((empty, *images.shape[1:]), ground)])
    pages = pages.repeat_interleave(zoom, 2).repeat_interleave(zoom, 3)
    pages = torch.nn.functional.pad(pages, (0, gap, 0, gap), value=ground)
    page = rearrange(pages, "(rows columns) c h w -> (rows h) (columns w) c", columns=columns)
    return page[: page.shape[0] - gap, : page.shape[1] - gap].cpu().numpy()
