"""Files that people upload: good ones, and everything that can be wrong with them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def encoded(image, class_name, **options):
    file = io.BytesIO()
    image.save(file, class_name, **options)
    return file.getvalue()


def plain(colour=(200, 100, 50), size=(96, 96)):
    return Image.new("RGB", size, colour)


def huge():
    """A PNG that says it has 20000 x 20000 pixels, and holds none."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(header))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + b"IDAT"
    )


def noisy(size=64):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8))


BAD = {
    "nothing": (b"", "0 bytes"),
    "text": (b"Dear sir or madam", "not an image"),
    "half a JPEG": (encoded(noisy(), "JPEG")[:1500], "damaged"),
    "half a PNG": (encoded(noisy(), "PNG")[:5000], "damaged"),
    "a JPEG's first bytes": (encoded(noisy(), "JPEG")[:20], "damaged"),
    "far too many pixels": (huge(), "50,000,000"),
    "too many pixels": (encoded(Image.new("1", (8000, 7000)), "PNG"), "50,000,000"),
}
