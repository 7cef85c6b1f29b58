"""Layers of colour and masks that a person has painted over an image, as small PNG files for pages and scripts."""

import base64
import io

import numpy as np
import torch
from PIL import Image

from diffusion_edu.data.uploads import read_original

PNG = "data:image/png;base64,"
PAPER, SOLID = 255, 255  # how bright white paper is, and how opaque paint
UNREADABLE = "This painting could not be read: paint it again."


def paper(size):
    """A sheet of white paper, uint8 (3, size, size)."""
    return torch.full((3, size, size), PAPER, dtype=torch.uint8)


def painted(image, layer):
    """Lay a layer uint8 (4, h, w) over an image uint8 (3, h, w): where it is opaque, its colours show."""
    return torch.where(layer[3:] == SOLID, layer[:3], image)


def read_layer(data, size):
    """Read a layer from PNG bytes: red, green, blue, opacity (0 or 255), uint8 (4, size, size); raises ValueError."""
    try:
        if len(data) > 5 * size * size + 10_000:  # more than so many pixels can need
            raise ValueError
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        if image.size != (size, size):
            raise ValueError
        layer = torch.from_numpy(np.asarray(image.convert("RGBA")).transpose(2, 0, 1).copy())
    except Exception:  # a broken file makes a decoder fail in any way it likes
        raise ValueError(UNREADABLE) from None
    return layer * (layer[3:] == SOLID)


def layer_of(hole, colour=(0, 0, 0)):
    """Make a layer uint8 (4, h, w) that is opaque where hole, bool (h, w), is True."""
    return torch.stack([*(hole * value for value in colour), hole * SOLID]).to(torch.uint8)


def read_mask(data, size):
    """Read a mask from image bytes: bool (size, size), True where light or transparent, and what was changed.

    Light is what is nearer to white than to black, or, if that is all or nothing, nearer to the lightest than to the
    darkest that is there: so masks of 0 and 1, or of red on black, are read too. Raises ValueError, with one sentence
    to show, for what is no image, is broken or is too large.
    """
    image, (width, height), changes = read_original(data, size)
    notes = [
        f"Your mask: {change.replace('laid on white', 'the hole is where nothing is')}."
        for change in changes
        if "grayscale" not in change
    ]
    if (width, height) != (size, size):
        square = "it" if width == height else "the square in its middle"
        notes.append(f"Your mask has {width} x {height} pixels, the image {size} x {size}: {square} was scaled.")
    light = image.float().mean(0)
    darkest, lightest = light.min().item(), light.max().item()
    half = PAPER / 2
    if darkest < lightest and (lightest <= half or darkest > half):
        notes.append(
            f"Your mask is {'dark' if lightest <= half else 'light'} everywhere: its lighter part is the hole."
        )
        half = (darkest + lightest) / 2
    return light > half, notes


def to_png(layer):
    """Encode a layer uint8 (4, h, w), or a mask bool (h, w), as the bytes of a PNG."""
    flat = layer.dtype == torch.bool
    image = (
        Image.fromarray((layer * PAPER).to(torch.uint8).numpy()).convert("1")
        if flat
        else Image.fromarray(layer.permute(1, 2, 0).numpy())
    )
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def to_url(png):
    """Write the bytes of a PNG as a data URL."""
    return PNG + base64.b64encode(png).decode()


def from_url(url):
    """Read the bytes of a PNG off a data URL; raises ValueError in words if it is none."""
    if not isinstance(url, str) or not url.startswith(PNG):
        raise ValueError(UNREADABLE)
    try:
        return base64.b64decode(url.removeprefix(PNG), validate=True)
    except ValueError:
        raise ValueError(UNREADABLE) from None
