"""An image that a person hands in: read, whatever it is, or refused in one sentence that says what to do."""

import hashlib
from collections import OrderedDict
from threading import Lock

import torch

from diffusion_edu.data.decoder import decode
from diffusion_edu.data.decoding import MOST_PIXELS, Refused

MOST_BYTES = 20 * 2**20  # the same as server.maxUploadSize in .streamlit/config.toml
REMEDY = f"save it as a JPEG or PNG of at most {MOST_PIXELS // 1_000_000} million pixels and choose it again."
REMEMBERED = 64  # uploads whose result is kept: a page reads its file again at every change of a control
KNOWN, TURN = OrderedDict(), Lock()  # results by hash and size; one file is decoded at a time


def read_upload(data, size=64):
    """Read the bytes of an image file as uint8 (3, size, size), and one sentence for each thing that had to be changed.

    size is a number, or what fitting returns. The file is decoded in a process of its own, in bounded memory and time.
    Raises ValueError, with one sentence to show, if it is no image, broken or too large (checked before decoding).
    """
    image, _, changes = read_original(data, size)
    return image, [f"Your image: {change}." for change in changes]


def read_original(data, size):
    """Read an image as read_upload does; returns also its (width, height) in the file, and the changes in words."""
    if not data:
        raise ValueError("The file is empty (0 bytes): choose another image.")
    if len(data) > MOST_BYTES:
        raise ValueError(f"The file has {len(data):,} bytes, and {MOST_BYTES:,} are the most that is read: {REMEDY}")
    try:
        found = _known(data, size)
    except TimeoutError as problem:
        raise ValueError(str(problem)) from None
    if isinstance(found, Refused):
        raise ValueError(f"The file could not be used: {found}; {REMEDY}")
    image, sides, changes = found
    return torch.from_numpy(image.copy()), sides, changes


def _known(data, size):
    """Look up what a file holds, or decode it; a refusal is remembered too, since finding it may have taken long."""
    key = hashlib.sha256(data).digest(), size
    with TURN:
        if key not in KNOWN:
            try:
                KNOWN[key] = decode(data, size)
            except Refused as problem:
                KNOWN[key] = problem
        KNOWN.move_to_end(key)
        while len(KNOWN) > REMEMBERED:
            KNOWN.popitem(last=False)
        return KNOWN[key]
