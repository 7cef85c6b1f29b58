"""Captions for images that have only a class: its name in a few words, for flowers with the colour of the petals."""

from itertools import cycle

import torch
import torch.nn.functional as F

from diffusion_edu.data.images import to_signed
from diffusion_edu.data.layouts import tidy

TEMPLATES = (
    "a {} flower",
    "a photo of a {} flower",
    "a {} flower in bloom",
    "a close-up of a {} flower",
    "a blooming {}, photographed from near",
)
PLAIN = ("{}", "a photo of {}", "an image of {}", "a close-up of {}")  # for classes that may be anything
ONE = {"roses": "rose", "sunflowers": "sunflower", "tulips": "tulip"}  # folders are often called by what they hold
HUES = (
    (15, "red"),
    (42, "orange"),
    (64, "yellow"),
    (218, ""),
    (255, "blue"),
    (300, "purple"),
    (345, "pink"),
    (360, "red"),
)  # up to so many degrees
WHITE, GREY, DARK = (
    0.16,
    0.7,
    0.3,
)  # saturation below, brightness above which petals are white; darker ones show no colour
PALE = 0.62  # saturation below which red is called pink
COLOURS = ("red", "orange", "yellow", "blue", "purple", "pink", "white")
SOFT = (
    0.2  # the finest detail relative to detail of twice the size: sharp photographs have 0.3 to 1.6, enlarged ones 0.1
)
PLACES = 32  # in height and width, that are looked at for their colour
CLEAR = 0.08  # the fraction of the middle that a colour must fill to be named


def class_captions(images):
    """Make a caption of the class alone for each image of an ImageSet: (captions, class names), without randomness."""
    class_names = tuple(tidy(images.classes[label].replace("_", " ")) for label in images.labels)
    turns = {name: cycle(PLAIN) for name in class_names}
    return tuple(next(turns[name]).format(name) for name in class_names), class_names


def flower_captions(images):
    """Make a caption for each image of a set of flowers: (captions, class names), without randomness."""
    class_names = tuple(named(images.classes[label]) for label in images.labels)
    seen = zip(class_names, petals(images.images), blurred(images.images), strict=True)
    return tuple(caption(*each, row) for row, each in enumerate(seen)), class_names


def named(class_name):
    """Bring the name of a class to words."""
    class_name = class_name.replace("_", " ").lower()
    return ONE.get(class_name, class_name)


def caption(class_name, colour, soft, row):
    """Fill a template with class and colour ("" for none); add "blurred", so that a prompt can ask for sharp images."""
    said = class_name if not colour or colour in class_name.split() else f"{colour} {class_name}"
    return TEMPLATES[row % len(TEMPLATES)].format(said).replace("flower flower", "flower") + ", blurred" * soft


def blurred(images, together=256):
    """Find images uint8 (n, 3, h, w) without fine detail, for example because they were enlarged: bool (n,)."""

    def lost(x):
        half = F.interpolate(x, scale_factor=0.5, mode="bicubic", antialias=True)
        return half, (x - F.interpolate(half, size=x.shape[2:], mode="bicubic")).square().mean((1, 2, 3))

    soft = []
    for x in map(to_signed, images.split(together)):
        half, finest = lost(x)
        soft += (finest + 1e-6 < SOFT * lost(half)[1]).tolist()  # where there is nothing to see, nothing is blurred
    return soft


def petals(images, together=256):
    """Name the colour of the flower in each image uint8 (n, 3, h, w); "" where none is clear.

    It is the colour of most of the middle. Green, brown and dark pixels do not count: they are leaves, soil and shade.
    """
    images = images[..., :: max(1, images.shape[-1] // PLACES), :: max(1, images.shape[-1] // PLACES)]
    size = images.shape[-1]
    away = (torch.arange(size) - (size - 1) / 2) / size
    middle = torch.exp(-(away[:, None] ** 2 + away**2) / (2 * 0.28**2))
    names = []
    for some in images.split(together):
        fractions = (
            torch.stack([((colour_of(some) == number) * middle).sum((1, 2)) for number in range(len(COLOURS))], dim=1)
            / middle.sum()
        )
        names += [COLOURS[best] if fraction > CLEAR else "" for fraction, best in zip(*fractions.max(1), strict=True)]
    return names


def colour_of(images):
    """Say for every place of images uint8 (n, 3, h, w) which of COLOURS it shows, -1 for none: int64 (n, h, w)."""
    hue, saturation, value = hsv(images)
    bounds, said = zip(*HUES, strict=True)
    numbers = torch.tensor([COLOURS.index(name) if name else -1 for name in said])
    colour = numbers[torch.bucketize(hue, torch.tensor(bounds[:-1], dtype=torch.float32))]
    red, orange, pink = (COLOURS.index(name) for name in ("red", "orange", "pink"))
    colour = torch.where((colour == red) & (saturation < PALE), pink, colour)
    colour = torch.where((colour == orange) & (value < 0.55), -1, colour)  # brown
    colour = torch.where(saturation < WHITE, torch.where(value > GREY, COLOURS.index("white"), -1), colour)
    return torch.where(value < DARK, -1, colour)


def hsv(images):
    """Turn images uint8 (n, 3, h, w) into hue in degrees, saturation and value of 0 to 1, each (n, h, w)."""
    red, green, blue = ((to_signed(images) + 1) / 2).unbind(1)
    value, which = torch.stack([red, green, blue]).max(0)
    std = value - torch.minimum(torch.minimum(red, green), blue)
    wide = std.clamp(min=1e-6)
    sixth = torch.stack([((green - blue) / wide) % 6, (blue - red) / wide + 2, (red - green) / wide + 4]).gather(
        0, which[None]
    )[0]
    return 60 * sixth, std / value.clamp(min=1e-6), value
