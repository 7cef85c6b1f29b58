"""Images that carry their settings: a PNG with a text inside, which other programs ignore."""

import io
import json

from PIL import Image
from PIL.PngImagePlugin import PngInfo

NAME = "diffusion_edu"  # of the text, among those that a PNG may carry
PNG, MOST_BYTES = b"\x89PNG\r\n\x1a\n", 100_000  # how every PNG begins; of the settings


def noted(pixels, about):
    """Encode pixels uint8 (h, w, 3) as a PNG that carries about, whatever JSON can hold."""
    file, info = io.BytesIO(), PngInfo()
    info.add_text(NAME, json.dumps(about, allow_nan=False))
    Image.fromarray(pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def read_note(data):
    """Read the settings in a PNG made by `noted`; raises ValueError, with one sentence to show, if there are none.

    Its pixels are not looked at.
    """
    try:
        about = json.loads(_text(data))
    except (ValueError, RecursionError):
        raise ValueError(
            "This file carries no settings: choose a PNG that was downloaded here, and not changed by another program."
        ) from None
    if not isinstance(about, dict):
        raise ValueError("The settings in this PNG are of another kind than this page writes: choose another one.")
    return about


def _text(data):
    """Find the text of ours among the chunks of a PNG: each is its length, its type, its content and a checksum."""
    if not data.startswith(PNG):
        raise ValueError("no PNG")
    at, start = len(PNG), NAME.encode() + b"\0"
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"tEXt" and data.startswith(start, at + 8) and length <= MOST_BYTES:
            return data[at + 8 + len(start) : at + 8 + length].decode("latin-1")
        at += 12 + length
    raise ValueError("no such text")
