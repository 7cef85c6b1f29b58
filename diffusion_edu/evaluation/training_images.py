"""Training images of a text-to-image model, decoded from the latents that its training has stored."""

import hashlib
from collections import Counter

import torch

from diffusion_edu import checkpoints
from diffusion_edu.checkpoints import Card, Unusable
from diffusion_edu.data.images import ImageSet, to_bytes
from diffusion_edu.data.survey import Survey
from diffusion_edu.latent.codec import Codec
from diffusion_edu.training.state import read_facts, read_tensors

BATCH = 32  # images decoded between two progress reports


def find_training_latents(card: Card):
    """Find the latents that a text-to-image model was trained on: those of the same vocabulary and autoencoder."""
    return [path for path in sorted(checkpoints.OWN.glob("*/training/latents.safetensors")) if _matches(path, card)]


def _matches(path, card):
    try:
        facts = read_facts(path)
        vocabulary = hashlib.sha256(facts["vocabulary"].encode()).hexdigest()
        return vocabulary == card.text.get("sha256") and facts["scale"] == card.training.get("scale")
    except (Unusable, KeyError, TypeError, AttributeError):
        return False


def decode_training_images(path, codec: Codec, most=None, seed=0):
    """Decode the latents of a training; yields (decoded, total) from time to time, and a Survey at the end.

    Each training image comes once, not augmented; held-out images do not come. If there are more than `most`, that many
    are chosen at random with the seed, images with written captions first. The decoded images are what the autoencoder
    reconstructs, not the originals. Raises Unusable if the file is broken.
    """
    tensors, facts = read_tensors(path)
    rows, names, made = training_rows(tensors, facts)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    chosen = order[made[order].int().argsort(stable=True)][:most].sort().values
    images = []
    for some in rows[chosen].split(BATCH):
        yield sum(map(len, images)), len(chosen)
        images.append(to_bytes(codec.decode(tensors["images"][some])).cpu())
    source = " and ".join(each["source"] for each in facts["sets"])
    dataset, files = ImageSet(torch.cat(images), source=source), [names[row] for row in chosen.tolist()]
    size = tuple(dataset.images.shape[:1:-1])
    yield Survey(dataset, files, Counter({size: len(files)}), [""] * len(files), [], len(rows))


def training_rows(tensors, facts):
    """List the training images, each in its first variant: rows int64 (n,), names, and made, bool (n,).

    made: the caption was made from a class and colours, not written.
    """
    try:
        held, part, found, names, made = tensors["held"].bool(), tensors["part"], [], [], []
        for number, each in enumerate(facts["sets"]):
            first = (part == number).nonzero().flatten()[: each["images"]]
            trained_on = ~held[first]
            found.append(first[trained_on])
            names += [f"{each['source']}, {row + 1}" for row in trained_on.nonzero().flatten().tolist()]
            made += [each["made"]] * len(found[-1])
        return torch.cat(found), names, torch.tensor(made)
    except (KeyError, TypeError, RuntimeError):
        raise Unusable("The file holds no latents of a training: name another.") from None
