"""One image file, of whatever kind, brought to uint8 (3, size, size).

Sides and pixels are bounded before anything is decoded. A large image is decoded small where its format allows that,
and else shrunk strip by strip, so that little more than the decoded file is ever in memory.
"""

import warnings
from typing import NamedTuple

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from diffusion_edu.data.file_formats import format_of, readable

MOST_PIXELS, MOST_SIDE = 50_000_000, 32_768  # an image larger than this would fill the memory of a laptop
LARGE, STRIP = 4_000_000, 1_000_000  # pixels from which on an image is shrunk before it is scaled; in one strip
SPARE = 4  # how many times as large as needed it still is then, so that scaling it smoothly can follow
BYTES_PER_PIXEL = {
    "WEBP": 16,
    "AVIF": 16,
    "HEIF": 16,
    "JXL": 16,
    "JPEG2000": 24,
    "progressive JPEG": 6,
}  # while decoding; 4 for all others
PAGES = {
    "GIF": "animated, the first frame used",
    "TIFF": "of several pages, the first page used",
}  # where there are more
PAGES |= dict.fromkeys(("PNG", "WEBP", "AVIF"), PAGES["GIF"])
DEPTHS = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))  # largest numbers that cameras and scanners write
OVER, REACH = 0.1, 0.4  # how far fractions may go beyond a usual range (and be cut), and must reach into it


class Refused(ValueError):
    """What is wrong with an image, in words that end a sentence."""


class fitting(NamedTuple):  # called like a function, and small enough to be sent to another process
    """Maps (width, height) to (width, height): same shape, sides at most `most`, divisible by `multiple`."""

    most: int
    multiple: int

    def __call__(self, *sides):
        scale = min(1, self.most / max(sides))
        return tuple(max(self.multiple, int(scale * side) // self.multiple * self.multiple) for side in sides)


def read_image(file, size):
    """Read an image file as an array uint8 (3, size, size), and list in words what was changed (size: see scaled).

    Raises ValueError, in words that end a sentence, for what is no image, is broken, or is larger than MOST_PIXELS or
    MOST_SIDE.
    """
    image, _, changed = open_scaled(file, size)
    return _array(image), changed


def open_scaled(file, size, memory=None):
    """Read an image file as read_image does: a PIL image, (width, height) in the file, and what was changed.

    Images that take more than `memory` bytes to decode are refused, too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd things in a file that can be read all the same
        try:
            with Image.open(file, formats=readable()) as image:
                _bound(image, memory)
                sides = image.size  # a JPEG that is decoded smaller has others afterwards
                return scaled(image, size), sides, changes(image)
        except Refused:
            raise
        except Image.DecompressionBombError:
            raise Refused(f"it has far more than {MOST_PIXELS:,} pixels, the most that is read") from None
        except UnidentifiedImageError:
            raise Refused(f"it is {format_of(file)}") from None
        except (FileNotFoundError, PermissionError, IsADirectoryError) as problem:
            raise Refused(f"it cannot be opened ({problem.strerror})") from None
        except MemoryError:
            raise Refused("it takes more memory to decode than there is") from None
        except Exception as problem:  # a broken file makes a decoder fail in any way it likes
            damaged = "damaged, or too large for its kind" if memory else "damaged"
            raise Refused(
                f"it is {damaged} ({' '.join(str(problem).split())[:100] or type(problem).__name__})"
            ) from None


def _bound(image, memory):
    width, height = image.size
    if max(width, height) > MOST_SIDE:
        raise Refused(f"it has {width} x {height} pixels; {MOST_SIDE:,} are the most in a row or column")
    if width * height > MOST_PIXELS:
        raise Refused(f"it has {width} x {height} pixels; {MOST_PIXELS:,} are the most that is read")
    kind = "progressive JPEG" if image.info.get("progressive") else image.format
    most = memory and memory // BYTES_PER_PIXEL.get(kind, 4)
    if most and width * height > most:
        raise Refused(f"it has {width} x {height} pixels; as {kind}, {most:,} are the most that is read")


def changes(image):
    """Say what of a PIL image does not survive in three channels of 8 bits and one frame, as a list of words."""
    mode, odd = image.mode, []
    low, high = value_range(image) or (0, 255)
    if (low, high) == (0, DEPTHS[-1]):
        odd.append("16 bits per pixel, brought to 8")
    elif (low, high) != (0, 255):
        odd.append(f"numbers from {low:g} to {high:g}, brought to 0 to 255")
    if mode.startswith(("1", "L", "I", "F")) and mode != "LAB":
        odd.append("grayscale, used in grey")
    if image.has_transparency_data:
        odd.append("transparent, laid on white")
    if mode == "CMYK":
        odd.append("CMYK, turned into RGB")
    if image.format in PAGES and getattr(image, "is_animated", False):
        odd.append(PAGES[image.format])
    return odd


def squared(image, size):
    """Crop the centre square of a PIL image and scale it to an array uint8 (3, size, size) (size: see scaled)."""
    return _array(scaled(image, size))


def _array(image):
    import numpy as np  # here, since without it the process of decoder.py starts in half the time

    return np.asarray(image).transpose(2, 0, 1)


def scaled(image, size):
    """Crop the centre square of a PIL image and scale it to size x size pixels; transparent parts become white.

    size may also be a function (width, height) -> (width, height) that says what it is scaled and cut to.
    """
    orientation = _orientation(image)
    width, height = image.size if orientation < 5 else image.size[::-1]
    box = size(width, height) if callable(size) else (size, size)
    times = min(width / box[0], height / box[1]) / SPARE if width * height > LARGE else 1
    if times >= 2:
        image.draft(None, tuple(int(side / times) for side in image.size))  # a JPEG is decoded smaller
        times *= image.width / (width if orientation < 5 else height)
    small = flattened(image, max(1, int(times)))
    small.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.fit(ImageOps.exif_transpose(small), box, Image.Resampling.LANCZOS)


def _orientation(image):
    """Read how a camera was held, 1 to 8."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return orientation if orientation in range(1, 9) else 1
    except Exception:  # the image is whole even if its EXIF is not
        return 1


def flattened(image, times=1):
    """Turn a PIL image of any mode into RGB on white, 1 / `times` as large: every times x times pixels are averaged."""
    image.load()
    numbers, size = value_range(image), tuple(-(-side // times) for side in image.size)
    flat = Image.new("RGB", size)
    for top, strip in _strips(image, times):
        strip = _flat(strip, numbers)
        flat.paste(strip.reduce(times) if times > 1 else strip, (0, top // times))
    return flat


def _strips(image, times=1):
    rows = max(1, STRIP // (image.width * times)) * times
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _flat(strip, numbers):
    if numbers:
        import numpy as np

        low, high = numbers
        scaled = (np.asarray(strip, dtype=np.float64) - low) * (255 / (high - low))
        return Image.fromarray(scaled.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if strip.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip.convert("RGBA")).convert("RGB")
    try:
        return strip.convert("RGB")
    except ValueError:
        raise Refused(f"its colours are of the kind {strip.mode}, which is not read") from None


def value_range(image):
    """Find which numbers of an image become black and white; None for 8 bits, which need none.

    Whole numbers: 0 to the first of DEPTHS that holds them. Fractions: 0 to 1, -1 to 1, or 0 to one of DEPTHS, where
    they fit (OVER, REACH). Else the smallest and the largest that are there.
    """
    if not image.mode.startswith(("I", "F")):
        return None
    import numpy as np

    low, high = np.inf, -np.inf
    for _, strip in _strips(image):
        values = np.asarray(strip)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if not np.isfinite(high - low):
        raise Refused("some of its numbers are infinite or not a number")
    if image.mode.startswith("F"):
        spans = [(0, 1), (-1, 1), *((0, depth) for depth in DEPTHS if high >= REACH * depth)]
        fits = (span for span in spans if low >= span[0] - OVER * span[1] and high <= (1 + OVER) * span[1])
    else:
        fits = ((0, depth) for depth in DEPTHS if low >= 0 and high <= depth)
    return next(fits, (low, max(high, low + 1)))
