"""The pictures that are judged: drawn once, kept in parts, so that a stopped evaluation goes on where it was."""

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from diffusion_edu.checkpoints import write_safely
from diffusion_edu.data.images import to_bytes
from diffusion_edu.generation import generate


def as_frequent(counts, pictures):
    """Choose the class of each drawing so that classes are as frequent as among real pictures, counts (classes,); int64 (pictures,)."""
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return labels[order].repeat(-(-pictures // len(labels)))[:pictures]


def draw(model, preset, count, labels, work, batch=32, watch=iter):
    """Draw one picture per seed 0, 1, ..., count - 1, asked for labels (count,) or None; uint8 (count, 3, size, size).

    Every batch is saved under the folder `work` and read from there the next time, unless weights, preset, seeds or labels
    are others; a part that is broken is drawn again.
    """
    folder, parts = Path(work) / f"{model.card.name}-{_digest(model.card.sha256, asdict(preset))}", []
    folder.mkdir(parents=True, exist_ok=True)
    for at in watch(range(0, count, batch)):
        seeds, asked = range(at, min(at + batch, count)), None if labels is None else labels[at : at + batch].tolist()
        path = folder / f"{at:06d}-{_digest(list(seeds), asked)}.npy"
        part = _read(path, len(seeds), model.card)
        if part is None:
            *_, last = generate(model, preset, seeds, asked)
            part = to_bytes(last.x).cpu()
            write_safely(path, lambda file, part=part: file.write_bytes(_encoded(part)))
        parts.append(part)
    return torch.cat(parts)


def _digest(*settings):
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]


def _read(path, pictures, card):
    try:
        part = torch.from_numpy(np.load(path))
    except (OSError, ValueError, EOFError):
        return None
    whole = (pictures, card.channels, card.size, card.size)
    return part if part.shape == whole and part.dtype == torch.uint8 else None


def _encoded(part):
    file = io.BytesIO()
    np.save(file, part.numpy())
    return file.getvalue()
