"""Emoji in several styles, with names, tags, groups and skin tones: reading them, and how often each is sampled."""

import io
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.data.images import read_rows
from diffusion_edu.data.places import located
from diffusion_edu.data.sources import Found

STYLES = ("noto", "twemoji", "fluent", "openmoji")
TONES = ("light skin tone", "medium-light skin tone", "medium skin tone", "medium-dark skin tone", "dark skin tone")
COLUMNS = ("name", "base", "tags", "group", "subgroup", "style", "skin_tone")


@dataclass(frozen=True)
class Emoji:
    """The description of one emoji image; base: its name without skin tone; toned: the base has skin tones."""

    name: str
    base: str
    tags: tuple[str, ...]
    group: str
    subgroup: str
    style: str
    skin_tone: str = ""
    toned: bool = False


@dataclass(frozen=True)
class EmojiSet:
    """Emoji images uint8 (n, 3, size, size), an Emoji for each, and whether it is held out of training, bool (n,)."""

    images: Tensor
    emoji: tuple[Emoji, ...]
    source: str
    held: Tensor
    classes: tuple = ()
    attributes: tuple = ()

    def __len__(self):
        return len(self.images)

    def to(self, device):
        """Copy the images to a device."""
        return replace(self, images=self.images.to(device), held=self.held.to(device))

    def weights(self):
        """Compute how often each image is sampled for training (n,); held-out images have weight 0.

        Every base in every style has the same total weight, one with m skin tones sqrt(m) times as much. So the group
        "people & body", more than half of all images because of its skin tones, is about a third of the training.
        """
        training = [
            (each.base, each.style) for each, held in zip(self.emoji, self.held.tolist(), strict=True) if not held
        ]
        counts = Counter(training)
        weights = torch.tensor([counts[each.base, each.style] or 1 for each in self.emoji]).rsqrt()
        return weights.to(self.held.device) * ~self.held


def load_emoji(path, size=64, tell=print):
    """Read a parquet file with the COLUMNS and a column `image`; raises ValueError, in one sentence, if it is not."""
    import pyarrow.parquet  # only needed for training

    path = Path(located(path)[0])
    try:
        table = pyarrow.parquet.read_table(path, columns=["image", *COLUMNS])
    except (pyarrow.ArrowInvalid, OSError) as problem:
        raise ValueError(
            f"{path} is not a parquet file of emoji with the columns image, {', '.join(COLUMNS)}: {problem}"
        ) from None
    images, rows = [image["bytes"] for image in table["image"].to_pylist()], table.select(COLUMNS).to_pylist()
    toned = {row["base"] for row in rows if row["skin_tone"]}
    found = [
        (io.BytesIO(image), index, -1, row["name"]) for index, (image, row) in enumerate(zip(images, rows, strict=True))
    ]
    pixels, kept = read_rows(Found(path.name, found, []), size, tell)
    known = [rows[index] for index, _ in kept]
    emoji = tuple(Emoji(**row | {"tags": tuple(row["tags"] or ())}, toned=row["base"] in toned) for row in known)
    return EmojiSet(pixels, emoji, path.name, torch.zeros(len(emoji), dtype=torch.bool))
