"""An image that a person hands in: read, whatever it is, or refused in one sentence that says what to do."""

import io

import torch

from diffusion_edu.data.decoding import MOST_PIXELS, read_image

REMEDY = f"save it as a JPEG or PNG of at most {MOST_PIXELS // 1_000_000} million pixels and choose it again."


def fitting(most, multiple):
    """Return a function (width, height) -> (width, height): same shape, sides at most `most`, divisible by multiple."""

    def fit(*sides):
        scale = min(1, most / max(sides))
        return tuple(max(multiple, int(scale * side) // multiple * multiple) for side in sides)

    return fit


def read_upload(data, size=64):
    """Read the bytes of an image file as uint8 (3, size, size), and one sentence for each thing that had to be changed.

    size is a number, or what fitting returns.
    Raises ValueError, with one sentence to show, if it is no image, broken or too large (checked before decoding).
    """
    if not data:
        raise ValueError("The file is empty (0 bytes): choose another image.")
    try:
        image, changes = read_image(io.BytesIO(data), size)
    except ValueError as problem:
        raise ValueError(f"The file could not be used: {problem}; {REMEDY}") from None
    except Exception as problem:  # a broken file makes a decoder fail in any way it likes
        raise ValueError(f"The file could not be read as an image ({type(problem).__name__}): {REMEDY}") from None
    return torch.from_numpy(image.copy()), [f"Your image: {change}." for change in changes]
