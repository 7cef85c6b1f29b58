"""A picture that a person hands in: read, whatever it is, or refused in one sentence that says what to do."""

import io

import torch

from diffusion_edu.data.images import MOST_PIXELS, read_picture

REMEDY = f"save it as a JPEG or PNG of at most {MOST_PIXELS // 1_000_000} million pixels and choose it again."


def fitting(most, multiple):
    """Return a function (width, height) -> (width, height) that keeps the shape of a picture, with sides of at most `most` that multiple divides."""

    def fit(*sides):
        scale = min(1, most / max(sides))
        return tuple(max(multiple, int(scale * side) // multiple * multiple) for side in sides)

    return fit


def read_upload(data, size=64):
    """Read the bytes of a picture file as uint8 (3, size, size), and one sentence for everything in it that had to be changed.

    size is a number, or what fitting returns.
    Raises ValueError, with one sentence to show, for what is no picture, is broken or is too large (seen before it is decoded).
    """
    if not data:
        raise ValueError("The file is empty (0 bytes): choose another picture.")
    try:
        image, changes = read_picture(io.BytesIO(data), size)
    except ValueError as problem:
        raise ValueError(f"The file could not be used: {problem}; {REMEDY}") from None
    except Exception as problem:  # a broken file makes a decoder fail in any way it likes
        raise ValueError(f"The file could not be read as a picture ({type(problem).__name__}): {REMEDY}") from None
    return torch.from_numpy(image.copy()), [f"Your picture: {change}." for change in changes]
