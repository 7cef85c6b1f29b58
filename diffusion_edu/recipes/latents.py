"""Captioned images as a latent model learns from them: encoded once, with all variants, and kept in one file with what their captions say.

With that file a model is trained where there are neither images nor a tokenizer, for example on a machine with a GPU.
"""

from dataclasses import dataclass, replace
from itertools import zip_longest

import torch
from torch import Tensor

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.augment import VARIANTS, augmented
from diffusion_edu.data.images import held_out, to_signed
from diffusion_edu.latent.codec import latent_statistics
from diffusion_edu.networks.text import token_mask
from diffusion_edu.text.random_prompts import learn_chain
from diffusion_edu.training.state import read_tensors, write_tensors

MANY = 5000  # images of a set that need no variants
WRITTEN = 0.7  # the fraction of images whose captions were written, not made: they say more
STEP, TOGETHER = 8, 32  # tokens; images


@dataclass(frozen=True)
class Latents:
    """Latents fp16 (n, c, h, w), the row of each one's caption (n,) in captions (m, 77) or (m, 77, d), its set (n,), and whether it is held out (n,).

    prompts (p,) are rows of captions that sheets are sampled for. facts: what they were made of and by, and the text of the
    vocabulary, as JSON can hold it.
    """

    images: Tensor
    caption: Tensor
    part: Tensor
    held: Tensor
    captions: Tensor
    prompts: Tensor
    facts: dict
    classes: tuple = ()
    attributes: tuple = ()

    def __len__(self):
        return len(self.images)

    @property
    def source(self):
        """Where the images are from."""
        return " and ".join(each["source"] for each in self.facts["sets"])

    def to(self, device):
        """Keep everything on a device."""
        return replace(self, **{name: tensor.to(device) for name, tensor in self.tensors().items()})

    def tensors(self):
        """List all tensors by name."""
        return {name: getattr(self, name) for name in ("images", "caption", "part", "held", "captions", "prompts")}

    def told(self, rows):
        """What a network is told of these rows of captions: ids int64, or vectors float32, without the places that are empty in all of them."""
        condition = self.captions[rows]
        used = max(1, int(token_mask(condition).any(0).nonzero().max()) + 1)
        condition = condition[:, : -(-used // STEP) * STEP]
        return condition.float() if condition.ndim == 3 else condition.long()

    def rows(self, chosen):
        """Choose images by index (m,): latents float32 and what is told of them."""
        return self.images[chosen].float(), self.told(self.caption[chosen])

    def often(self, fractions=None):
        """Say how often each is to come, (n,): fractions of the sets, or else those whose captions were written make up WRITTEN of all.

        Among sets of one kind the square root of their size counts. What is held out never comes.
        """
        sets = self.facts["sets"]
        if fractions is None:
            roots = torch.tensor([each["images"] ** 0.5 for each in sets])
            made = torch.tensor([each["made"] for each in sets])
            fractions = sum(
                (
                    fraction * prediction_type * roots / (prediction_type * roots).sum().clamp(min=1e-9)
                    for fraction, prediction_type in ((WRITTEN, ~made), (1 - WRITTEN, made))
                )
            )
        fractions = torch.as_tensor(fractions, dtype=torch.float32, device=self.images.device)
        if len(fractions) != len(sets) or not (fractions >= 0).all() or not fractions.sum() > 0:
            raise ValueError(
                f"There are {len(sets)} sets ({self.source}): give --weights as many numbers of 0 or more."
            )
        counts = self.part[~self.held].bincount(minlength=len(sets)).clamp(min=1)
        return (fractions / counts)[self.part.long()] * ~self.held


def encoded(sets, codec, reader, watch, **facts):
    """Make Latents of sets of Captioned: each image in its variants, encoded once; every caption is read once."""
    columns = {name: [] for name in ("images", "caption", "part", "held")}
    numbers = {}  # caption -> row
    for part, some in enumerate(sets):
        rows = torch.tensor([numbers.setdefault(caption, len(numbers)) for caption in some.captions], dtype=torch.int32)
        for variant in range(variants(some)):
            for at in watch(range(0, len(some), TOGETHER), f"{some.source}, variant {variant + 1} of {variants(some)}"):
                images = augmented(some.images[at : at + TOGETHER], some.captions[at : at + TOGETHER], variant)
                columns["images"].append(codec.encode(to_signed(images)).half().cpu())
            columns["caption"].append(rows)
            columns["part"].append(torch.full((len(some),), part, dtype=torch.uint8))
            columns["held"].append(held_out(some))
    captions = [reader(list(numbers)[at : at + TOGETHER]) for at in range(0, len(numbers), TOGETHER)]
    small = torch.cat(captions).to(torch.int16 if captions[0].ndim == 2 else torch.float16)
    joined, shown = {name: torch.cat(column) for name, column in columns.items()}, looked_at(sets)
    prompts = torch.tensor([numbers[caption] for caption in shown], dtype=torch.int32)
    described = [
        {"source": some.source, "images": len(some), "made": some.made, "variants": variants(some)} for some in sets
    ]
    return Latents(
        **joined,
        captions=small,
        prompts=prompts,
        facts={"sets": described, "prompts": shown, "chain": chained(sets), **facts},
    )


def chained(sets):
    """Learn what random prompts are sampled from, as facts: from captions that were written, or, if they share too little, from all; None if all do."""
    for some in ([each for each in sets if not each.made], sets):
        told = [
            row for each in some for row, held in zip(rows_of(each), held_out(each).tolist(), strict=True) if not held
        ]
        if told and (chain := learn_chain(*zip(*told, strict=True))):
            return chain.facts
    return None


def learned_from(sets):
    """List the captions of all that is not held out: {category: {subject: [caption]}}, each caption once."""
    found = {}
    for some in sets:
        for (caption, subject, category), held in zip(rows_of(some), held_out(some).tolist(), strict=True):
            if caption and not held:
                found.setdefault(category, {}).setdefault(subject, {})[caption] = None
    return {
        category: {subject: list(captions) for subject, captions in below.items()} for category, below in found.items()
    }


def rows_of(some):
    """List caption, subject and category of every image."""
    return zip(some.captions, some.subjects, some.categories, strict=True)


def variants(some):
    """How many variants of each image there are: one of those sets that are large."""
    return VARIANTS if len(some) < MANY else 1


def looked_at(sets, count=64):
    """Choose the captions that sheets are sampled for: of every set in turn, those of what is held out before all others."""
    waiting = []
    for some in sets:
        first_held = held_out(some).int().argsort(descending=True, stable=True).tolist()
        waiting.append(dict.fromkeys(some.captions[row] for row in first_held))
    return list(dict.fromkeys(caption for turn in zip_longest(*waiting) for caption in turn if caption))[:count]


def write_latents(path, latents):
    """Keep latents in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, latents.tensors(), latents.facts)


def read_latents(path):
    """Read latents from a file; raises Unusable if it is broken, or the autoencoder that made them is another one now."""
    tensors, facts = read_tensors(path)
    try:
        latents = Latents(**tensors, facts=facts)
        name, scale = facts["autoencoder"], facts["scale"]
    except (TypeError, KeyError):
        raise Unusable(f"The file {path} holds no latents: name one that this recipe has made.") from None
    if latent_statistics(name) != scale:
        raise Unusable(
            f"The latents in {path} were made by another {name!r} than the one that is here: delete the file to encode the images anew."
        )
    return latents
