"""Sets of pictures, held as uint8; and the way to [-1, 1] and back."""

import io
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from diffusion_edu.data.sources import PUBLIC, listed

MOST_PIXELS = 50_000_000  # a picture larger than this would fill the memory of a laptop


@dataclass(frozen=True)
class Pictures:
    """A set of pictures: images uint8 (n, 3, size, size), labels int64 and what they mean, and the official split int64 (n,), an index into SPLITS.

    A label is the number of a class (n,), or says of every attribute whether a picture has it, 1, or not, -1, or nobody knows, 0
    (n, attributes). categories says which kind of thing each class is. What a set does not have is None or empty.
    """

    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    source: str = ""
    split: Tensor | None = None
    attributes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __len__(self):
        return len(self.images)

    def take(self, chosen):
        """Choose some of the pictures, by index (m,), by mask (n,) or by slice."""
        return self._each(lambda rows: rows[chosen])

    def to(self, device):
        """Keep the pictures on a device."""
        return self._each(lambda rows: rows.to(device))

    def _each(self, change):
        changed = {
            name: rows if rows is None else change(rows)
            for name in ("images", "labels", "split")
            for rows in [getattr(self, name)]
        }
        return replace(self, **changed)


def to_signed(images):
    """Turn uint8 images into float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_bytes(x):
    """Turn images in [-1, 1] into uint8: rounded, and whatever lies outside the range brought to its edge."""
    return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def read_picture(file, size):
    """Read a picture file as an array uint8 (3, size, size), and say what had to be changed, as a list of words (size: as in squared).

    Raises ValueError, in words that end a sentence, for what is no picture, is broken, or is larger than MOST_PIXELS.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # squared draws the line, lower
        try:
            picture = Image.open(file)
            return squared(picture, size), changes(picture)
        except Image.DecompressionBombError:
            raise ValueError(f"it has far more than {MOST_PIXELS:,} pixels, the most that is read") from None
        except UnidentifiedImageError:
            raise ValueError("it is empty, damaged or not a picture") from None
        except (OSError, SyntaxError, EOFError) as problem:  # what decoders raise halfway through
            raise ValueError(f"it is damaged ({problem})") from None


def changes(picture):
    """Say what of a PIL picture does not survive in three channels of 8 bits and one frame, as a list of words."""
    mode, odd = picture.mode, []
    if mode.startswith(("I", "F")):
        odd.append("16 bits per pixel, brought to 8")
    if mode.startswith(("1", "L", "I", "F")):
        odd.append("grayscale, used in grey")
    if picture.has_transparency_data:
        odd.append("transparent, laid on white")
    if mode in ("CMYK", "YCCK"):
        odd.append("CMYK, turned into RGB")
    if getattr(picture, "n_frames", 1) > 1:
        odd.append("animated, the first frame used")
    return odd


def squared(picture, size):
    """Cut the centre square out of a PIL picture and scale it to an array uint8 (3, size, size), colours as on a white screen.

    size may also be a function (width, height) -> (width, height) that says what it is scaled and cut to.
    """
    if picture.width * picture.height > MOST_PIXELS:
        raise ValueError(f"it has {picture.width} x {picture.height} pixels; {MOST_PIXELS:,} are the most that is read")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits per pixel: convert would clip them to white, not scale them
        picture = Image.fromarray((np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    box = size(*picture.size) if callable(size) else (size, size)
    return np.asarray(ImageOps.fit(picture.convert("RGB"), box, Image.Resampling.LANCZOS)).transpose(2, 0, 1)


def load_pictures(source=None, size=64, tell: Callable[[str], None] = print, public="flowers"):
    """Read every picture of a parquet file, of a folder (one sub-folder per class, or none), or of a public set in PUBLIC if source is None.

    A list of files and folders makes one set, without what only some of them say. Pictures that cannot be read are left
    out, and `tell` gets one sentence for each. Raises ValueError if there is nothing to read.
    """
    if isinstance(source, (list, tuple)):
        sets = [load_pictures(part, size, tell) for part in source]
        joined = together(sets)
        if joined.labels is None and any(part.labels is not None for part in sets):
            tell("The sets have different labels, so they are used without any.")
        return joined
    found = PUBLIC[public](tell) if source is None else listed(source)
    images, kept = read_rows(found, size, tell)
    labels, splits = (torch.tensor(column) for column in zip(*kept, strict=True))
    return Pictures(
        images,
        labels if found.classes or found.attributes else None,
        tuple(found.classes),
        found.name,
        splits if (splits >= 0).all() else None,
        tuple(found.attributes),
    )


def read_rows(found, size, tell):
    """Read the pictures that were found: images uint8 (n, 3, size, size), and (label, split) of each; raises ValueError if none can be read."""
    images, kept, odd = [], [], Counter()
    for opened, label, split, name in found.rows:
        try:
            image, changed = read_picture(opened, size)
            images.append(image)
            kept.append((label, split))
            odd.update(changed)
        except Exception as problem:  # a broken file makes a decoder fail in any way it likes
            tell(f"Left out {name}: {problem}.")
    for change, count in odd.items():
        tell(f"{count} of {len(images)} pictures: {change}.")
    if not images:
        raise ValueError(
            f"{found.name!r} holds no picture that can be read; expected files such as flower.jpg or flower.png."
        )
    return torch.from_numpy(np.stack(images)), kept


def together(sets):
    """Make one set of several; labels and splits stay where all sets say the same things by them."""
    if len(sets) == 1:
        return sets[0]
    alike = len({(part.classes, part.attributes) for part in sets}) == 1

    def joined(name):
        rows = [getattr(part, name) for part in sets]
        return torch.cat(rows) if all(part is not None for part in rows) else None

    classes, attributes = (sets[0].classes, sets[0].attributes) if alike else ((), ())
    labels = joined("labels") if alike else None
    return Pictures(
        joined("images"), labels, classes, " and ".join(part.source for part in sets), joined("split"), attributes
    )


def save_pictures(path, pictures, quality=95):
    """Write a set as a parquet file that load_pictures reads: every picture as a JPEG, its label or attributes, and what the labels mean."""
    import pyarrow.parquet

    columns, features = (
        {"image": [{"bytes": _jpeg(image, quality), "path": None} for image in pictures.images]},
        {"image": {"_type": "Image"}},
    )
    if pictures.attributes:
        columns |= {
            name: [{1: True, -1: False, 0: None}[one] for one in has.tolist()]
            for name, has in zip(pictures.attributes, pictures.labels.T, strict=True)
        }
    elif pictures.labels is not None:
        columns["label"], features["label"] = (
            pictures.labels.tolist(),
            {"_type": "ClassLabel", "names": list(pictures.classes)},
        )
    table = pyarrow.table(columns)
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, path, compression="none")


def _jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def batches(pictures, size, generator, flip=True, often=None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield endless batches: images in [-1, 1] (size, 3, h, w), half of them mirrored, and their labels or None.

    Every picture comes once per round; or by chance, as often as its weight in often (n,) says.
    """
    device, waiting = pictures.images.device, torch.empty(0, dtype=torch.int64, device=pictures.images.device)
    while True:
        while len(waiting) < size:
            if often is None:
                following = torch.randperm(len(pictures), generator=generator, device=device)
            else:
                following = torch.multinomial(often, len(pictures), replacement=True, generator=generator)
            waiting = torch.cat([waiting, following])
        chosen, waiting = waiting[:size], waiting[size:]
        x0 = to_signed(pictures.images[chosen])
        if flip:
            mirrored = torch.rand(size, 1, 1, 1, generator=generator, device=device) < 0.5
            x0 = torch.where(mirrored, x0.flip(3), x0)
        yield x0, None if pictures.labels is None else pictures.labels[chosen]


def cut(x, size, generator):
    """Cut a square of so many pixels, or fewer where there are not as many, out of each picture x (b, c, h, w), anywhere in it."""
    size = min(size, *x.shape[-2:])
    room = torch.tensor(x.shape[-2:], device=x.device) - size + 1
    corners = (torch.rand(len(x), 2, generator=generator, device=x.device) * room).long().tolist()
    return torch.stack(
        [image[:, top : top + size, left : left + size] for image, (top, left) in zip(x, corners, strict=True)]
    )


def mean_colours(images):
    """Average uint8 images (n, 3, h, w) into one colour each, (n, 3) in [-1, 1]."""
    return to_signed(images.mean((2, 3), dtype=torch.float32))


def held_out(pictures):
    """Choose every 64th picture (128 at most) that no model learns from, bool (n,); none of a set of fewer than 64."""
    held = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.images.device)
    if len(pictures) >= 64:
        held[32::64][:128] = True
    return held
