"""The nearest real image to every sample: features of both in batches, a cache, and the pairs on screen."""

import time

import torch

from diffusion_edu.app.common.numbers import format_number
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.progress import Progress
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.evaluation.features import describe

BATCH = 32
PAIRS = 6  # shown at once
CACHE = {}  # the last two sets that samples were compared with, and their features; shared by all sessions


def remember(key, known):
    """Keep a set and its features in the cache, and drop all but the latest other one."""
    while len(CACHE) > 1:
        CACHE.pop(next(iter(CACHE)))
    CACHE[key] = known


def features_of(feature_network, images, words, total):
    """Compute features of images, uint8 (n, 3, h, w), in batches; yields Progress, returns the features (n, width)."""
    features = []
    for batch in images.split(BATCH):
        yield Progress(words, total)
        begun = time.perf_counter()
        features.append(describe(feature_network, batch).features)
        timing.SECONDS[feature_network.card.name] = (time.perf_counter() - begun) / len(batch)
    return torch.cat(features)


def pairs_table(found, rows):
    """Lay some samples above their nearest images, as HTML.

    found has images and neighbours, uint8 (n, 3, h, w), and files and distances (n,) of the neighbours.
    """
    samples = [Cell(found.images[row][None], "A sample", ()) for row in rows]
    nearest = [
        Cell(
            found.neighbours[row][None],
            f"Its nearest image: {found.files[row]}",
            (f"distance {found.distances[row]:.2f}", _short(found.files[row])),
        )
        for row in rows
    ]
    note = "The samples that are nearest to another image come first."
    return table([""] * len(rows), [Row("Samples.", note, samples), Row("Nearest images.", "", nearest)])


def _short(name, letters=20):
    return name if len(name) <= letters else "…" + name[-letters + 1 :]


def memorised_sentence(found):
    """Say how many of the samples may be memorised: those with distances below found.limit, 0 if it is not known."""
    if not found.limit:
        return (
            "**Which samples are copies cannot be said**: the images to compare with are too few or equal to each "
            "other, so there is no usual distance between them. Look at the pairs."
        )
    return (
        f"**{int((found.distances < found.limit).sum())} of {len(found.images)} samples are nearer to another image "
        f"than 99% of those images are to each other** (distance {format_number(found.limit)}): "
        "look at such pairs, they may be memorised. The others are not copies."
    )
