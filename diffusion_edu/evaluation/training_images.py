"""The images that a model has learned from, where a training on this machine has kept their latents: brought back to be compared with samples."""

import hashlib
from collections import Counter

import torch

from diffusion_edu import checkpoints
from diffusion_edu.checkpoints import Card, Unusable
from diffusion_edu.data.images import ImageSet, to_bytes
from diffusion_edu.data.survey import Survey
from diffusion_edu.latent.codec import Codec
from diffusion_edu.training.state import read_facts, read_tensors

TOGETHER = 32  # decoded between two reports


def find_training_latents(card: Card):
    """Find the latents that a model which is told captions has learned from, as paths: same captions, same autoencoder."""
    return [path for path in sorted(checkpoints.OWN.glob("*/latents.safetensors")) if _fits(path, card)]


def _fits(path, card):
    try:
        facts = read_facts(path)
        words = hashlib.sha256(facts["vocabulary"].encode()).hexdigest()
        return words == card.text.get("sha256") and facts["scale"] == card.training.get("scale")
    except (Unusable, KeyError, TypeError, AttributeError):
        return False


def decode_training_images(path, codec: Codec, most=None, seed=0):
    """Decode the latents that a training has kept: yields (decoded, of how many) from time to time, and a Survey at last.

    Each image comes once, as it was, and what was held out does not come. Of more than `most` so many are sampled by the seed, those
    whose captions somebody has written before all others. What comes back is what the autoencoder has left of the images.
    Raises Unusable if the file is broken.
    """
    tensors, facts = read_tensors(path)
    rows, names, made = learned(tensors, facts)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    chosen = order[made[order].int().argsort(stable=True)][:most].sort().values
    images = []
    for some in rows[chosen].split(TOGETHER):
        yield sum(map(len, images)), len(chosen)
        images.append(to_bytes(codec.decode(tensors["images"][some])).cpu())
    source = " and ".join(each["source"] for each in facts["sets"])
    dataset, files = ImageSet(torch.cat(images), source=source), [names[row] for row in chosen.tolist()]
    size = tuple(dataset.images.shape[:1:-1])
    yield Survey(dataset, files, Counter({size: len(files)}), [""] * len(files), [], len(rows))


def learned(tensors, facts):
    """List the images that are learned from, each in its first variant: rows int64 (n,), n names, and whether captions were made, bool (n,)."""
    try:
        held, part, found, names, made = tensors["held"].bool(), tensors["part"], [], [], []
        for number, each in enumerate(facts["sets"]):
            first = (part == number).nonzero().flatten()[: each["images"]]
            kept_back = held[first]
            found.append(first[~kept_back])
            names += [f"{each['source']}, {row + 1}" for row in (~kept_back).nonzero().flatten().tolist()]
            made += [each["made"]] * len(found[-1])
        return torch.cat(found), names, torch.tensor(made)
    except (KeyError, TypeError, RuntimeError):
        raise Unusable("The file holds no latents of a training: name another.") from None
