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


def like_the_reference(labels, count):
    """Choose the class of each of count drawings so that classes are as frequent as in the reference labels (n,); int64 (count,)."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return labels.cpu()[order].repeat(-(-count // len(labels)))[:count]


def folder_for(root, model, preset, labels):
    """Name the folder of the samples of these weights, this preset and these labels: whoever changes one of them gets another folder."""
    settings = [model.card.sha256, asdict(preset), labels if labels is None else labels.tolist()]
    return Path(root) / f"{model.card.name}-{hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]}"


def draw(model, preset, count, labels, folder, batch=32, watch=iter):
    """Draw one picture per seed 0, 1, ..., count - 1, asked for labels (count,) or None; uint8 (count, 3, size, size).

    Every batch is saved in the folder and read from there the next time; a part that is broken is drawn again.
    """
    folder, parts = Path(folder), []
    folder.mkdir(parents=True, exist_ok=True)
    for at in watch(range(0, count, batch)):
        seeds, path = range(at, min(at + batch, count)), folder / f"{at:06d}_{batch}.npy"
        part = _read(path, len(seeds), model.card)
        if part is None:
            *_, last = generate(model, preset, seeds, None if labels is None else labels[at : at + batch])
            part = to_bytes(last.x).cpu()
            write_safely(path, lambda file, part=part: file.write_bytes(_encoded(part)))
        parts.append(part)
    return torch.cat(parts)


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
