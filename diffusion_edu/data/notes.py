"""Images that carry their settings: a PNG with a text inside, which other programs ignore."""

import io
import json

from PIL import Image
from PIL.PngImagePlugin import PngInfo

NAME = "diffusion_edu"  # of the text, among those that a PNG may carry


def noted(pixels, about):
    """Encode pixels uint8 (h, w, 3) as a PNG that carries about, whatever JSON can hold."""
    file, info = io.BytesIO(), PngInfo()
    info.add_text(NAME, json.dumps(about))
    Image.fromarray(pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def read_note(data):
    """Read the settings in a PNG made by `noted`; raises ValueError, with one sentence to show, if there are none."""
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG"])
        image.load()  # the text may stand behind the pixels
        about = json.loads(image.text[NAME])
    except Exception:  # a broken file makes a decoder fail in any way it likes
        raise ValueError(
            "This file carries no settings: choose a PNG that was downloaded here, and not changed by another program."
        ) from None
    if not isinstance(about, dict):
        raise ValueError("The settings in this PNG are of another kind than this page writes: choose another one.")
    return about
