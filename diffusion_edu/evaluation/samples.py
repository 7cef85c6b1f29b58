"""The images that are judged: sampled once, kept in parts, so that a stopped evaluation goes on where it was."""

import hashlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from diffusion_edu.checkpoints import write_safely
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.editing.sketches import sketch
from diffusion_edu.generation import generate


def as_frequent(counts, images):
    """Choose the class of each drawing so that classes are as frequent as among real images, counts (classes,); int64 (images,)."""
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return labels[order].repeat(-(-images // len(labels)))[:images]


def as_real(images, count):
    """Choose what each drawing is asked for as among real images: the labels (count, ...) of so many of them, in any order; None without labels."""
    if images.labels is None:
        return None
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images.labels[order.repeat(-(-count // len(order)))[:count]]


def asked(card, class_names, images, count):
    """Choose what is asked for: classes as frequent as kinds (classes,) says, the attributes or the sketches of real images, or nothing."""
    if card.conditioning_image:
        if images is None:
            raise ValueError(f"{card.name} needs images to make sketches of: leave out --offline.")
        x0 = to_signed(as_real(replace(images, labels=images.images), count))
        return sketch(x0, torch.Generator().manual_seed(0))
    if card.attributes:
        return as_real(images, count) if images and list(images.attributes) == card.attributes else None
    return as_frequent(class_names, count) if len(class_names) == len(card.classes) > 0 else None


def draw(model, preset, count, labels, work, batch=32, watch=iter):
    """Draw one image per seed 0, 1, ..., count - 1, asked for labels (count, ...) or None; uint8 (count, 3, size, size).

    Nothing is sampled twice: see in_parts.
    """

    def part(seeds):
        return None if labels is None else labels[seeds.start : seeds.stop]

    def asked(seeds):
        some = part(seeds)
        return (
            hashlib.sha256(some.numpy().tobytes()).hexdigest()
            if model.card.conditioning_image and some is not None
            else _listed(some)
        )

    def make(seeds):
        some = part(seeds)
        *_, last = generate(
            model, preset, seeds, some if model.card.conditioning_image and some is not None else _listed(some)
        )
        return to_bytes(last.x).cpu()

    folder = Path(work) / f"{model.card.name}-{digest(model.card.sha256, asdict(preset))}"
    return in_parts(folder, model.card, count, make, asked, batch, watch)


def _listed(labels):
    return None if labels is None else labels.tolist()


def in_parts(folder, card, count, make, asked=lambda seeds: None, batch=32, watch=iter):
    """Let make(seeds) make count images of the size on a card, a range of seeds at a time; uint8 (count, channels, size, size).

    Every batch is saved in the folder and read from there the next time, unless seeds or what is asked of them (asked(seeds),
    as JSON can hold it) are others; a part that is broken is made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for at in watch(range(0, count, batch)):
        seeds = range(at, min(at + batch, count))
        path = folder / f"{at:06d}-{digest(list(seeds), asked(seeds))}.npy"
        part = _read(path, len(seeds), card)
        if part is None:
            part = make(seeds)
            write_safely(path, lambda file, part=part: file.write_bytes(_encoded(part)))
        parts.append(part)
    return torch.cat(parts)


def digest(*settings):
    """Name settings, as JSON can hold them, by twelve hexadecimal digits."""
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]


def _read(path, images, card):
    try:
        part = torch.from_numpy(np.load(path))
    except (OSError, ValueError, EOFError):
        return None
    whole = (images, card.channels, card.size, card.size)
    return part if part.shape == whole and part.dtype == torch.uint8 else None


def _encoded(part):
    file = io.BytesIO()
    np.save(file, part.numpy())
    return file.getvalue()
