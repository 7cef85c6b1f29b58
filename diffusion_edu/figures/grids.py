"""Grids of images: the one grid that sample sheets, animations and pages use."""

import math

import numpy as np
import torch
from einops import rearrange
from torch import Tensor


def grid(images: Tensor, columns: int | None = None, zoom: int = 1, gap: int = 0, ground: int = 128) -> np.ndarray:
    """Arrange images uint8 (n, 3, h, w) in rows on grey, every pixel zoom x zoom and sharp.

    Uint8 (height, width, 3).
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    empty = -len(images) % columns
    pages = torch.cat([images, images.new_full((empty, *images.shape[1:]), ground)])
    pages = pages.repeat_interleave(zoom, 2).repeat_interleave(zoom, 3)
    pages = torch.nn.functional.pad(pages, (0, gap, 0, gap), value=ground)
    page = rearrange(pages, "(rows columns) c h w -> (rows h) (columns w) c", columns=columns)
    return page[: page.shape[0] - gap, : page.shape[1] - gap].cpu().numpy()
