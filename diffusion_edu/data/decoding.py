"""One image file, of whatever kind, brought to uint8 (3, size, size)."""

import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_PIXELS = 50_000_000  # an image larger than this would fill the memory of a laptop


def read_image(file, size):
    """Read an image file as an array uint8 (3, size, size), and list in words what was changed (size: see squared).

    Raises ValueError, in words that end a sentence, for what is no image, is broken, or is larger than MOST_PIXELS.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # squared draws the line, lower
        try:
            image = Image.open(file)
            return squared(image, size), changes(image)
        except Image.DecompressionBombError:
            raise ValueError(f"it has far more than {MOST_PIXELS:,} pixels, the most that is read") from None
        except UnidentifiedImageError:
            raise ValueError("it is empty, damaged or not an image") from None
        except (OSError, SyntaxError, EOFError) as problem:  # what decoders raise halfway through
            raise ValueError(f"it is damaged ({problem})") from None


def changes(image):
    """Say what of a PIL image does not survive in three channels of 8 bits and one frame, as a list of words."""
    mode, odd = image.mode, []
    if mode.startswith(("I", "F")):
        odd.append("16 bits per pixel, brought to 8")
    if mode.startswith(("1", "L", "I", "F")):
        odd.append("grayscale, used in grey")
    if image.has_transparency_data:
        odd.append("transparent, laid on white")
    if mode in ("CMYK", "YCCK"):
        odd.append("CMYK, turned into RGB")
    if getattr(image, "n_frames", 1) > 1:
        odd.append("animated, the first frame used")
    return odd


def squared(image, size):
    """Crop the centre square of a PIL image and scale it to uint8 (3, size, size); transparent parts become white.

    size may also be a function (width, height) -> (width, height) that says what it is scaled and cut to.
    """
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"it has {image.width} x {image.height} pixels; {MOST_PIXELS:,} are the most that is read")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits per pixel: convert would clip them to white, not scale them
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    box = size(*image.size) if callable(size) else (size, size)
    return np.asarray(ImageOps.fit(image.convert("RGB"), box, Image.Resampling.LANCZOS)).transpose(2, 0, 1)
