"""Latents as images: every channel a map of grey, three of them as colours, and what grey means; animations of them."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from diffusion_edu.app.trajectories.animation import COLOUR, Track, png_url
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid

REACH = 3.0  # standard deviations from 0 that black and white stand for
LEGEND = f"Latents have mean 0 and standard deviation 1: in a map mid-grey is 0, black −{REACH:g} and less, white {REACH:g} and more."


def maps(latents):
    """Show every channel of latents (c, h, w) as a map, uint8 (c, 3, h, w)."""
    return to_bytes(latents.cpu()[:, None].expand(-1, 3, -1, -1) / REACH)


def in_colours(latents):
    """Show the first three channels of latents (c, h, w) as red, green and blue, uint8 (3, h, w)."""
    return F.pad(to_bytes(latents.cpu()[:3] / REACH), (0, 0, 0, 0, 0, max(0, 3 - len(latents))), value=128)


def in_one(latents, size):
    """Lay the maps of all channels of latents (c, h, w) out in one image uint8 (3, size, size), with black and white lines between them."""
    columns = math.ceil(math.sqrt(len(latents)))
    page = torch.from_numpy(grid(maps(latents), columns).copy()).permute(2, 0, 1)
    page = F.interpolate(page[None].float(), (size, size), mode="nearest-exact")[0].to(torch.uint8)
    for way, count in ((1, math.ceil(len(latents) / columns)), (2, columns)):
        for k in range(1, count):
            at = round(k * size / count)
            page.narrow(way, at - 1, 1).zero_()
            page.narrow(way, at, 1).fill_(255)
    return page


def screen(name, symbol, words, class_name, images, says=()):
    """Make one screen of an animation of single images, each uint8 (3, h, w), in the colour of its kind, with a line of numbers for each."""
    sprite = png_url(np.concatenate([grid(image[None]) for image in images]))
    return Track(name, symbol, words, COLOUR[class_name], f"{words[0].upper()}{words[1:]}", sprite, list(says))
