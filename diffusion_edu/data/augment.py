"""Augmentation of small captioned sets: each image, its mirror image, and both with slightly changed light or colours.

A change must not make the caption wrong: an image whose caption says "left" is not mirrored, one that names a colour
keeps it, one that speaks of light keeps its brightness. What remains is to look a little closer, or a little contrast.
"""

import math
import re

import torch
import torch.nn.functional as F

from diffusion_edu.data.images import to_bytes, to_signed

VARIANTS = 4


def words(text):
    """Make a set of the words of a text."""
    return frozenset(re.findall(r"[a-z]+", text.lower()))


SIDES = words(
    "left right leftward rightward clockwise counterclockwise east west "
    "text letter letters word words writing sign signs number"
)
COLOURS = words("""
    red orange yellow green blue purple violet pink brown black white gray grey gold golden silver silvery bronze copper
    crimson scarlet ruby emerald turquoise teal azure sapphire indigo lavender magenta amber ivory cream beige tan blond
    blonde olive coral peach rose rosy tinted hue hues
    colorful colourful multicolored rainbow reddish bluish greenish yellowish colored coloured
""")
LIGHT = words("""
    dark darkness darkened bright brightly brilliant dim dimly night moonlit moonlight shadow shadows shadowy pale light
    lit sunlit sunlight glow
    glowing shining shimmering radiant gloomy dusk dawn twilight midnight black white
""")
TURN, FRACTION, CLOSER = (
    math.pi / 20,
    0.15,
    0.9,
)  # radians of hue; how much brighter, stronger or weaker; the fraction of height and width that is seen


def ways(caption):
    """List the changes in each of the four variants of an image with this caption: tuples of names, first ()."""
    said = words(caption)
    place = "closer" if said & SIDES else "mirror"
    look = "tint" if not said & COLOURS else "light" if not said & LIGHT else "contrast"
    return (), (place,), (look,), (place, look)


def augmented(images, captions, variant):
    """Make variant 0 to 3 of captioned images uint8 (n, 3, h, w); brighter and darker alternate and are not random."""
    made = []
    for row, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x = to_signed(image)
        for way in ways(caption)[variant]:
            x = WAYS[way](x, 1 if (row + variant) % 2 else -1)
        made.append(to_bytes(x))
    return torch.stack(made)


def closer(x, sign):
    """Look at the middle of x (3, h, w), enlarged to the same size."""
    size = x.shape[-1]
    rim = round(size * (1 - CLOSER) / 2)
    return F.interpolate(
        x[None, :, rim : size - rim, rim : size - rim], size=(size, size), mode="bicubic", align_corners=False
    )[0]


def tint(x, sign):
    """Turn the hues of x (3, h, w) around the grey axis, and leave every grey as it is."""
    c, s = math.cos(TURN), sign * math.sin(TURN)
    axis = torch.full((3, 3), 1 / 3)
    across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    return torch.einsum("dc,chw->dhw", c * torch.eye(3) + (1 - c) * axis + s * across, x)  # a rotation (Rodrigues)


WAYS = {
    "mirror": lambda x, sign: x.flip(2),
    "closer": closer,
    "tint": tint,
    "light": lambda x, sign: (x + 1) * (1 + sign * FRACTION) - 1,
    "contrast": lambda x, sign: x.mean() + (x - x.mean()) * (1 + sign * FRACTION),
}
