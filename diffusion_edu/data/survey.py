"""A set of images, looked through file by file: what is in it, how large it is, and what is in it twice."""

import hashlib
import io
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from diffusion_edu.data.decoding import read_image
from diffusion_edu.data.images import ImageSet, image_set
from diffusion_edu.data.sources import listed
from diffusion_edu.data.tables import NO_IMAGE

TOGETHER = 64  # read between two reports


@dataclass(frozen=True)
class Survey:
    """The readable images with file names, image sizes and fingerprints, and the reasons why others were left out."""

    images: ImageSet
    files: list[str]
    sides: Counter  # (width, height) -> how many
    fingerprints: list[str]
    left_out: list[str]
    found: int  # how many there are, read or not
    notes: tuple[str, ...] = ()  # what was taken for what, and what was left out, in sentences

    @property
    def duplicates(self):
        """The rows of images whose files are equal byte by byte, as one list for each group of them."""
        groups = {}
        for row, fingerprint in enumerate(self.fingerprints):
            groups.setdefault(fingerprint, []).append(row)
        return [rows for rows in groups.values() if len(rows) > 1]

    def take(self, rows):
        """Keep some of the images, by index (m,)."""
        files, fingerprints = ([every[row] for row in rows.tolist()] for every in (self.files, self.fingerprints))
        return replace(self, images=self.images.take(rows), files=files, fingerprints=fingerprints)


def survey(source, size=64, most=None, seed=0):
    """Read a folder or a parquet file: yields (read, of how many) from time to time, and the Survey at last.

    Images are cut and scaled as load_images does. Of more than `most` images so many are sampled by the seed. Raises
    ValueError, in one sentence, if there is nothing to read.
    """
    found = listed(source)
    rows = _some(found.rows, most, seed)
    images, kept, sides, left_out = [], [], Counter(), []
    for number, (opened, label, split, name) in enumerate(rows):
        if number % TOGETHER == 0:
            yield number, len(rows)
        try:
            data = opened.read_bytes() if isinstance(opened, Path) else opened.getvalue()
            image, _ = read_image(io.BytesIO(data), size)
        except Exception as problem:  # a broken file makes a decoder fail in any way it likes
            left_out.append(f"{name}: {problem}")
            continue
        with Image.open(io.BytesIO(data)) as photo:
            sides[photo.size] += 1
        images.append(image)
        kept.append((label, split, name, hashlib.sha256(data).hexdigest()))
    if not images:
        raise ValueError(NO_IMAGE.format(found.name) + ".")
    labels, splits, files, fingerprints = zip(*kept, strict=True)
    notes = list(found.notes)
    found = replace(found, declared=found.declared or len(rows) < len(found.rows))  # classes that were not sampled stay
    dataset = image_set(found, torch.from_numpy(np.stack(images)), labels, splits, notes.append)
    yield Survey(dataset, list(files), sides, list(fingerprints), left_out, len(found.rows), tuple(notes))


def _some(rows, most, seed):
    if most is None or len(rows) <= most:
        return rows
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:most]
    return [rows[row] for row in chosen.sort().values]


def fractions(images):
    """Count what is in a set: {class: how many}, or {attribute: how many have it}, empty without labels."""
    if images.labels is None:
        return {}
    if images.attributes:
        return dict(zip(images.attributes, (images.labels > 0).sum(0).tolist(), strict=True))
    return dict(zip(images.classes, images.labels.bincount(minlength=len(images.classes)).tolist(), strict=True))


def average(images):
    """Average uint8 images (n, 3, h, w) into one image, uint8 (3, h, w)."""
    return images.mean(0, dtype=torch.float32).round().to(torch.uint8)
