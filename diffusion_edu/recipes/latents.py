"""The training set of a latent text-to-image model: images encoded once, with all augmentations, and their captions,
in one file.

With that file a model can be trained where there are neither images nor a tokenizer, for example on a machine with a
GPU.
"""

from dataclasses import dataclass, replace
from itertools import zip_longest

import torch
from torch import Tensor

from diffusion_edu.cards import Unusable, read_card
from diffusion_edu.checkpoints import available
from diffusion_edu.data.augment import VARIANTS, augmented
from diffusion_edu.data.images import held_out, to_signed
from diffusion_edu.files import to_json
from diffusion_edu.networks.text import token_mask
from diffusion_edu.text.random_prompts import learn_chain
from diffusion_edu.training.state import digest, read_tensors, write_tensors

MANY = 5000  # a set of so many images is not augmented
WRITTEN = 0.7  # the fraction of training samples whose captions were written, not made
STEP, BATCH = 8, 32  # tokens; images


@dataclass(frozen=True)
class Latents:
    """Latents fp16 (n, c, h, w) with captions; caption (n, k) holds the rows of each latent's captions in captions.

    Where a latent has fewer than k captions, -1 stands for the others. captions are token ids (m, 77) or vectors (m,
    77, d). part (n,) is the set of each latent, held (n,) whether it is held out, and prompts (p,) are rows of the
    captions that sheets are sampled for. facts, as JSON can hold them: what the latents were made from and with, and
    the text of the vocabulary.
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
        """The names of the data sets."""
        return " and ".join(each["source"] for each in self.facts["sets"])

    def to(self, device):
        """Copy all tensors to a device."""
        return replace(self, **{name: tensor.to(device) for name, tensor in self.tensors().items()})

    def tensors(self):
        """List all tensors by name."""
        return {name: getattr(self, name) for name in ("images", "caption", "part", "held", "captions", "prompts")}

    def conditions(self, rows):
        """Return rows of the captions as conditions, ids int64 or vectors float32, without shared padding."""
        condition = self.captions[rows]
        used = max(1, int(token_mask(condition).any(0).nonzero().max()) + 1)
        condition = condition[:, : -(-used // STEP) * STEP]
        return condition.float() if condition.ndim == 3 else condition.long()

    def batch(self, chosen, generator=None):
        """Return the latents float32 at an index (m,), and their conditions: a random caption of each, or the first."""
        rows = self.caption[chosen].view(len(chosen), -1)
        if generator is not None and rows.shape[1] > 1:
            among = torch.rand(rows.shape, generator=generator, device=rows.device).where(rows >= 0, -1)
            rows = rows.gather(1, among.argmax(1, keepdim=True))
        return self.images[chosen].float(), self.conditions(rows[:, 0])

    def weights(self, fractions=None):
        """Compute how often each latent is sampled for training (n,); held-out ones have weight 0.

        fractions are those of the sets. By default, sets with written captions make up WRITTEN of all; among sets of
        the same kind the weight is the square root of the size. Raises ValueError if the fractions do not fit the
        sets.
        """
        sets = self.facts["sets"]
        fractions = default_fractions(sets) if fractions is None else fractions
        fractions = torch.as_tensor(fractions, dtype=torch.float32, device=self.images.device)
        if len(fractions) != len(sets) or not (fractions >= 0).all() or not fractions.sum() > 0:
            raise ValueError(
                f"There are {len(sets)} sets ({self.source}): give --weights as many numbers of 0 or more."
            )
        counts = self.part[~self.held].bincount(minlength=len(sets)).clamp(min=1)
        return (fractions / counts)[self.part.long()] * ~self.held


def default_fractions(sets):
    """Compute the fractions of the sets in training: see Latents.weights."""
    roots = torch.tensor([each["images"] ** 0.5 for each in sets])
    made = torch.tensor([each["made"] for each in sets])
    groups = ((WRITTEN, ~made), (1 - WRITTEN, made))
    return sum(fraction * group * roots / (group * roots).sum().clamp(min=1e-9) for fraction, group in groups)


def encode_sets(sets, codec, reader, watch, **facts):
    """Encode sets of Captioned as Latents: each image in its variants, once; every caption is read once."""
    columns = {name: [] for name in ("images", "caption", "part", "held")}
    numbers, most = {}, max(len(texts) for some in sets for texts in some.captions)  # caption -> row
    for part, some in enumerate(sets):
        rows = caption_rows(some.captions, numbers, most)
        said = [" ".join(texts) for texts in some.captions]  # a change must make none of them wrong
        for variant in range(variant_count(some)):
            words = f"{some.source}, variant {variant + 1} of {variant_count(some)}"
            for at in watch(range(0, len(some), BATCH), words):
                images = augmented(some.images[at : at + BATCH], said[at : at + BATCH], variant)
                columns["images"].append(codec.encode(to_signed(images)).half().cpu())
            columns["caption"].append(rows)
            columns["part"].append(torch.full((len(some),), part, dtype=torch.uint8))
            columns["held"].append(held_out(some))
    captions = [reader(list(numbers)[at : at + BATCH]) for at in range(0, len(numbers), BATCH)]
    captions = torch.cat(captions).to(torch.int16 if captions[0].ndim == 2 else torch.float16)
    joined, shown = {name: torch.cat(column) for name, column in columns.items()}, sheet_captions(sets)
    prompts = torch.tensor([numbers[caption] for caption in shown], dtype=torch.int32)
    described = [
        {"source": some.source, "images": len(some), "made": some.made, "variants": variant_count(some)}
        for some in sets
    ]
    facts = {"autoencoder_sha256": autoencoder_sha256(facts["autoencoder"]), **facts}
    facts = {"sets": described, "prompts": shown, "chain": caption_chain(sets), **facts}
    return Latents(**joined, captions=captions, prompts=prompts, facts=facts)


def caption_rows(captions, numbers, most):
    """Number the captions of each image, int32 (n, most), -1 where there are fewer; numbers {caption: row} grows."""
    rows = [[numbers.setdefault(text, len(numbers)) for text in texts] for texts in captions]
    return torch.tensor([[*row, *[-1] * (most - len(row))] for row in rows], dtype=torch.int32)


def caption_chain(sets):
    """Learn the Markov chain of random prompts, as facts; None if the captions have too little in common.

    It is learned from written captions or, if they have too little in common, from all. Held-out captions are not used.
    """
    for some in ([each for each in sets if not each.made], sets):
        rows = [row for each in some for row in training_rows(each)]
        if rows and (chain := learn_chain(*zip(*rows, strict=True))):
            return chain.facts
    return None


def training_captions(sets):
    """List the captions of all training images, each once: {category: {subject: [caption]}}."""
    found = {}
    for some in sets:
        for caption, subject, category in training_rows(some):
            found.setdefault(category, {}).setdefault(subject, {})[caption] = None
    return {
        category: {subject: list(captions) for subject, captions in subjects.items()}
        for category, subjects in found.items()
    }


def rows_of(some):
    """List captions, subject and category of every image."""
    return zip(some.captions, some.subjects, some.categories, strict=True)


def training_rows(some):
    """List every caption of the images that are not held out, with subject and category."""
    rows = zip(rows_of(some), held_out(some).tolist(), strict=True)
    return [(text, *about) for (texts, *about), held in rows if not held for text in texts]


def variant_count(some):
    """Return how many augmented variants each image of a set has: one in large sets."""
    return VARIANTS if len(some) < MANY else 1


def sheet_captions(sets, count=64):
    """Choose the captions that sheets are sampled for: from every set in turn, held-out ones first."""
    waiting = []
    for some in sets:
        first_held = held_out(some).int().argsort(descending=True, stable=True).tolist()
        waiting.append(dict.fromkeys(some.captions[row][0] for row in first_held))
    return list(dict.fromkeys(caption for turn in zip_longest(*waiting) for caption in turn if caption))[:count]


def write_latents(path, latents):
    """Write latents to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, latents.tensors(), latents.facts)


def read_latents(path):
    """Read latents from a file; raises Unusable if it is damaged or its autoencoder is not the installed one."""
    tensors, facts = read_tensors(path)
    try:
        latents = Latents(**tensors, facts=facts)
        name, made_by = facts["autoencoder"], facts["autoencoder_sha256"]
    except (TypeError, KeyError):
        raise Unusable(f"The file {path} holds no latents: name one that this recipe has made.") from None
    if autoencoder_sha256(name) != made_by:
        raise Unusable(
            f"The latents in {path} were made by another {name!r} than the one that is installed: restore that "
            "autoencoder, or encode the images anew."
        )
    return latents


def autoencoder_sha256(name):
    """Return what identifies the weights of one of our autoencoders; "" for one of the hub."""
    known = available()
    return read_card(known[name]).sha256 if name in known else ""


def contents_of(sets):
    """Compute the digest of the images and captions of sets of Captioned."""
    said = [[some.captions, some.subjects, some.categories] for some in sets]
    return digest({str(number): some.images for number, some in enumerate(sets)}, to_json(said))
