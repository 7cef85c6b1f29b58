"""The images that are evaluated: generated once and cached, so that a stopped evaluation can continue."""

import hashlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.editing.sketches import sketch
from diffusion_edu.files import write_safely
from diffusion_edu.generation import generate


def labels_by_frequency(counts, samples):
    """Choose class labels int64 (samples,) with the class frequencies of the real images, counts (classes,)."""
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return labels[order].repeat(-(-samples // len(labels)))[:samples]


def labels_of_real(dataset, count):
    """Choose the labels (count, ...) of random real images; None if the set has no labels."""
    if dataset.labels is None:
        return None
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    return dataset.labels[order.repeat(-(-count // len(order)))[:count]]


def conditions_for(card, class_counts, dataset, count):
    """Choose the conditions of the samples (count, ...), as in real images; None for an unconditional model.

    They are class labels with the frequencies class_counts (classes,), attributes, or sketches of real images.
    """
    if card.conditioning_image:
        if dataset is None:
            raise ValueError(f"{card.name} needs images to make sketches of: leave out --offline.")
        x0 = to_signed(labels_of_real(replace(dataset, labels=dataset.images), count))
        return sketch(x0, torch.Generator().manual_seed(0))
    if card.attributes:
        return labels_of_real(dataset, count) if dataset and list(dataset.attributes) == card.attributes else None
    return labels_by_frequency(class_counts, count) if len(class_counts) == len(card.classes) > 0 else None


def generate_samples(model, preset, count, labels, work, batch=32, watch=iter):
    """Generate one image per seed 0, 1, ..., count - 1, with labels (count, ...) or None; uint8 (count, 3, size, size).

    The labels are conditioning images if the model needs them. Results are cached: see cached_batches.
    """
    image_conditioned = model.card.conditioning_image and labels is not None

    def condition(seeds):
        some = None if labels is None else labels[seeds.start : seeds.stop]
        return some if image_conditioned or some is None else some.tolist()

    def key(seeds):
        some = condition(seeds)
        return hashlib.sha256(some.numpy().tobytes()).hexdigest() if image_conditioned else some

    def make(seeds):
        *_, last = generate(model, preset, seeds, condition(seeds))
        return to_bytes(last.x).cpu()

    folder = Path(work) / f"{model.card.name}-{digest(model.card.sha256, asdict(preset))}"
    return cached_batches(folder, model.card, count, make, key, batch, watch)


def cached_batches(folder, card, count, make, key=lambda seeds: None, batch=32, watch=iter):
    """Let make(seeds) generate count images of the size on a card, a range of seeds at a time; uint8 (count, channels,
    size, size).

    Every batch is saved in the folder and read from there the next time, unless its seeds or its conditions, key(seeds)
    (as JSON can hold it), are different; a broken file is made again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for at in watch(range(0, count, batch)):
        seeds = range(at, min(at + batch, count))
        path = folder / f"{at:06d}-{digest(list(seeds), key(seeds))}.npy"
        part = _read(path, len(seeds), card)
        if part is None:
            part = make(seeds)
            write_safely(path, lambda file, part=part: file.write_bytes(_encoded(part)))
        parts.append(part)
    return torch.cat(parts)


def digest(*settings):
    """Hash settings, as JSON can hold them, to twelve hexadecimal digits."""
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
