"""A file that a person hands in: read, whatever it is, or refused in one sentence that says what to do."""

import hashlib
from collections import OrderedDict
from threading import Lock

import torch

from diffusion_edu.data.decoder import PIXELS, decode, read_prompts
from diffusion_edu.data.decoding import BYTES_PER_PIXEL, MOST_PIXELS, Refused
from diffusion_edu.data.prompts import READERS

MOST_BYTES = 20 * 2**20  # the same as server.maxUploadSize in .streamlit/config.toml
MOST_JPEG = PIXELS // BYTES_PER_PIXEL["progressive JPEG"]
REMEDY = (
    f"save it as a PNG of at most {MOST_PIXELS // 1_000_000} million pixels, or a JPEG of at most "
    f"{MOST_JPEG // 1_000_000} million, and choose it again."
)
REMEMBERED = 24  # uploads whose result is kept: a page reads its file again at every change of a control
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
    try:
        image, sides, changes = _known(data, size, decode)
    except Refused as problem:
        raise ValueError(f"The file could not be used: {problem}; {REMEDY}") from None
    return torch.from_numpy(image.copy()), sides, changes


def read_prompt_file(data, name):
    """Read the bytes of a file of prompts as a tuple of Said; its kind is known by the ending of its name.

    It is read in a process of its own, too. Raises ValueError, with one sentence to show.
    """
    if not data:
        raise ValueError("The file of prompts is empty (0 bytes): choose another one.")
    try:
        return _known(data, next((end for end in READERS if name.lower().endswith(end)), ".txt"), read_prompts)
    except Refused as problem:
        raise ValueError(f"The prompts could not be used: {problem}; choose a smaller file.") from None


def _known(data, how, read):
    """Look up what a file holds, or read(data, how); a refusal is remembered too, since finding it may take long."""
    if not data:
        raise ValueError("The file is empty (0 bytes): choose another image.")
    if len(data) > MOST_BYTES:
        raise Refused(f"it has {len(data):,} bytes, and {MOST_BYTES:,} are the most that is read")
    key = hashlib.sha256(data).digest(), how
    with TURN:
        if key not in KNOWN:
            try:
                KNOWN[key] = read(data, how)
            except TimeoutError as problem:  # another time it may be read
                raise ValueError(str(problem)) from None
            except ValueError as problem:  # Refused is one
                KNOWN[key] = problem
        KNOWN.move_to_end(key)
        while len(KNOWN) > REMEMBERED:
            KNOWN.popitem(last=False)
        found = KNOWN[key]
    if isinstance(found, ValueError):
        raise found
    return found
