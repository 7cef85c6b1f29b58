"""Latents as images: one grey map per channel, three channels as colours, and tracks of animations."""

import math

import torch
import torch.nn.functional as F

from diffusion_edu.app.trajectories.animation import COLOUR, Track, sprite
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid

RANGE = 3.0  # standard deviations from mid-grey to black and to white
LEGEND = (
    f"Latents have mean 0 and standard deviation 1. In a map, mid-grey is 0, black −{RANGE:g} or less, "
    f"white {RANGE:g} or more."
)


def maps(latents):
    """Return every channel of latents (c, h, w) as a grey map, uint8 (c, 3, h, w)."""
    return to_bytes(latents.cpu()[:, None].expand(-1, 3, -1, -1) / RANGE)


def as_colours(latents):
    """Return the first three channels of latents (c, h, w) as red, green and blue, uint8 (3, h, w)."""
    return F.pad(to_bytes(latents.cpu()[:3] / RANGE), (0, 0, 0, 0, 0, max(0, 3 - len(latents))), value=128)


def tiled_maps(latents, size):
    """Tile the maps of all channels of latents (c, h, w) to one image uint8 (3, size, size), with lines between."""
    columns = math.ceil(math.sqrt(len(latents)))
    page = torch.from_numpy(grid(maps(latents), columns).copy()).permute(2, 0, 1)
    page = F.interpolate(page[None].float(), (size, size), mode="nearest-exact")[0].to(torch.uint8)
    for dim, count in ((1, math.ceil(len(latents) / columns)), (2, columns)):
        for k in range(1, count):
            at = round(k * size / count)
            page.narrow(dim, at - 1, 1).zero_()
            page.narrow(dim, at, 1).fill_(255)
    return page


def image_track(name, symbol, words, colour, images, lines=()):
    """Make a Track of single images, each uint8 (3, h, w), with a line of text per image; colour is a key of COLOUR."""
    alt = f"{words[0].upper()}{words[1:]}"
    return Track(name, symbol, words, COLOUR[colour], alt, sprite([image[None] for image in images]), list(lines))
