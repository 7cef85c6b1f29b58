"""Sets of images, held as uint8; and the way to [-1, 1] and back."""

import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from diffusion_edu.data.decoding import read_image
from diffusion_edu.data.layouts import listing
from diffusion_edu.data.sources import PUBLIC, listed
from diffusion_edu.data.tables import NO_IMAGE, gathered, kind_of


@dataclass(frozen=True)
class ImageSet:
    """A set of images uint8 (n, 3, size, size), with labels int64 and their names, and the official split int64 (n,).

    Labels are class numbers (n,), or attributes (n, attributes): 1 for yes, -1 for no, 0 for unknown. split holds
    indices into SPLITS. categories says which kind of thing each class is. What a set does not have is None or empty.
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
        """Choose some of the images, by index (m,), by mask (n,) or by slice."""
        return self._each(lambda rows: rows[chosen])

    def to(self, device):
        """Keep the images on a device."""
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


def load_images(source=None, size=64, tell: Callable[[str], None] = print, public="flowers"):
    """Read all images of a folder, a parquet file or a data set of the hub (tables.read_table), or of a set in PUBLIC.

    A list of files and folders makes one set, without what only some of them say. Images that cannot be read are left
    out, and `tell` gets one sentence for each. Raises ValueError if there is nothing to read.
    """
    if isinstance(source, (list, tuple)):
        parts = gathered(source)
        sets = [load_found(listed(part), size, tell) for part in parts]
        joined = together(sets)
        if joined.labels is None and any(part.labels is not None for part in sets):
            tell("The sets have different labels, so they are used without any.")
        elif joined.labels is None and sum(kind_of(part) in ("folder", "archive") for part in parts) > 1:
            tell("The folders or archives are read as one set without classes: they do not lie side by side.")
        return joined
    return load_found(PUBLIC[public](tell) if source is None else listed(source), size, tell)


def load_found(found, size, tell):
    """Read the images that were found, as one ImageSet; `tell` gets one sentence for each that cannot be read."""
    for note in found.notes:
        tell(note)
    images, kept = read_rows(found, size, tell)
    return image_set(found, images, *zip(*kept, strict=True), tell)


def image_set(found, images, labels, splits, tell):
    """Make an ImageSet of images uint8 (n, 3, size, size) that were read; classes of no image are left out and said."""
    labels, splits, classes = torch.tensor(labels), torch.tensor(splits), tuple(found.classes)
    if classes and not found.declared:
        used = labels.unique()
        if empty := [name for number, name in enumerate(classes) if number not in used]:
            tell(f"No image can be read of {listing(empty)}: left out of the classes.")
        labels, classes = torch.searchsorted(used, labels), tuple(classes[number] for number in used)
    return ImageSet(
        images,
        labels if len(classes) or found.attributes else None,
        classes,
        found.name,
        splits if (splits >= 0).all() else None,
        tuple(found.attributes),
    )


def read_rows(found, size, tell):
    """Read the images that were found, uint8 (n, 3, size, size), and (label, split) of each; none raises ValueError."""
    images, kept, odd = _room(len(found.rows), size), [], Counter()
    for opened, label, split, name in found.rows:
        try:
            image, changed = read_image(opened, size)
            images[len(kept)] = image
            kept.append((label, split))
            odd.update(changed)
        except Exception as problem:  # a broken file makes a decoder fail in any way it likes
            tell(f"Left out {name}: {problem}.")
    for change, count in odd.items():
        tell(f"{count} of {len(kept)} images: {change}.")
    if not kept:
        raise ValueError(NO_IMAGE.format(found.name) + ".")
    return torch.from_numpy(images[: len(kept)]), kept


def _room(count, size):
    """Take memory for images before any is decoded; raises ValueError if there is not enough."""
    try:
        return np.empty((count, 3, size, size), np.uint8)
    except (MemoryError, ValueError):  # more than there is, or than can be counted
        need = f"{count:,} images of {size} x {size} pixels need {3 * count * size**2 / 1e9:,.1f} GB"
        raise ValueError(f"{need}, more memory than there is: choose a smaller size or fewer images.") from None


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
    return ImageSet(
        joined("images"), labels, classes, " and ".join(part.source for part in sets), joined("split"), attributes
    )


def save_images(path, images, quality=95):
    """Write a set as a parquet file that load_images reads: images as JPEG, labels or attributes, and class names."""
    import pyarrow.parquet

    columns, features = (
        {"image": [{"bytes": _jpeg(image, quality), "path": None} for image in images.images]},
        {"image": {"_type": "Image"}},
    )
    if images.attributes:
        columns |= {
            name: [{1: True, -1: False, 0: None}[one] for one in has.tolist()]
            for name, has in zip(images.attributes, images.labels.T, strict=True)
        }
    elif images.labels is not None:
        columns["label"], features["label"] = (
            images.labels.tolist(),
            {"_type": "ClassLabel", "names": list(images.classes)},
        )
    table = pyarrow.table(columns)
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, path, compression="none")


def _jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def cut(x, size, generator):
    """Crop a random square of size x size pixels from each image x (b, c, h, w); a smaller image limits size."""
    size = min(size, *x.shape[-2:])
    room = torch.tensor(x.shape[-2:], device=x.device) - size + 1
    corners = (torch.rand(len(x), 2, generator=generator, device=x.device) * room).long().tolist()
    return torch.stack(
        [image[:, top : top + size, left : left + size] for image, (top, left) in zip(x, corners, strict=True)]
    )


def mean_colours(images):
    """Average uint8 images (n, 3, h, w) into one colour each, (n, 3) in [-1, 1]."""
    return to_signed(images.mean((2, 3), dtype=torch.float32))


def held_out(images):
    """Choose every 64th image (128 at most) that no model learns from, bool (n,); none of a set of fewer than 64."""
    held = torch.zeros(len(images), dtype=torch.bool, device=images.images.device)
    if len(images) >= 64:
        held[32::64][:128] = True
    return held
