"""Prompts and real images for the evaluation of a text-to-image model, and the samples it generates."""

from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.checkpoints import available, read_card
from diffusion_edu.data.captions import by_subject, load_captioned
from diffusion_edu.data.images import ImageSet, held_out
from diffusion_edu.data.prompts import load_prompts
from diffusion_edu.evaluation.features import load_known_classifier
from diffusion_edu.evaluation.samples import cached_batches, digest, labels_by_frequency
from diffusion_edu.latent.text_to_image import sample

SAMPLES_PER_PROMPT = 2  # from different seeds
FORMAT = (
    'list them under subjects, for example {"tiger": ["a tiger in the snow", "a tiger by a river"], '
    '"volcano": ["a volcano at night"]}'
)


@dataclass(frozen=True)
class PromptBatch:
    """One prompt for each sample, and the subject of each: a class of the real images, int64 (n,)."""

    prompts: list[str]
    subjects: Tensor


def generate_samples(text_to_image, preset, prompts, work, watch=iter):
    """Generate one image per prompt with a TextToImage, seeds from 0; uint8 (n, 3, h, w), cached."""
    card, known = text_to_image.model.card, available()
    autoencoder = read_card(known[card.autoencoder]).sha256 if card.autoencoder in known else card.autoencoder

    def key(seeds):
        return prompts[seeds.start : seeds.stop]

    def make(seeds):
        generation = sample(text_to_image.request(key(seeds), seeds, preset))
        *_, last = generation
        return generation.decode(last.x)

    folder = Path(work) / f"{card.name}-{digest(card.sha256, autoencoder, asdict(preset))}"
    card = replace(card, size=text_to_image.size, channels=3)
    return cached_batches(folder, card, len(prompts), make, key, watch=watch)


@dataclass(frozen=True)
class RealImages:
    """Real images with captions; trained_on: the training images, bool (n,); subjects: those of the prompts (m,)."""

    dataset: ImageSet
    captions: tuple[tuple[str, ...], ...]
    trained_on: Tensor
    subjects: Tensor

    @property
    def relevant(self):
        """The images that show a subject of the prompts, bool (n,)."""
        return torch.isin(self.dataset.labels, self.subjects)

    def batch(self, prompts, count):
        """Choose `count` prompts of {subject: [prompt]}: subjects as frequent as in real images, prompts in turn.

        Each prompt comes SAMPLES_PER_PROMPT times in a row.
        """
        labels, turns = self.dataset.labels[self.relevant], {name: cycle(some) for name, some in prompts.items()}
        counts = labels.bincount(minlength=len(self.dataset.classes))
        subjects = labels_by_frequency(counts, -(-count // SAMPLES_PER_PROMPT))
        chosen = [next(turns[self.dataset.classes[subject]]) for subject in subjects]
        repeated = [prompt for prompt in chosen for _ in range(SAMPLES_PER_PROMPT)]
        return PromptBatch(repeated[:count], subjects.repeat_interleave(SAMPLES_PER_PROMPT)[:count])

    def training_prompts(self):
        """Collect the captions of the training images that show a subject of the prompts: {subject: [prompt]}."""
        found = {}
        for row in (self.trained_on & self.relevant).nonzero().flatten().tolist():
            found.setdefault(self.dataset.classes[self.dataset.labels[row]], []).extend(self.captions[row])
        return {name: list(dict.fromkeys(captions)) for name, captions in found.items()}

    def unseen(self, prompts):
        """Remove training captions from prompts {subject: [prompt]}; raises ValueError if a subject has no others."""
        training = self.training_prompts()
        left = {name: [one for one in some if one not in training.get(name, ())] for name, some in prompts.items()}
        if seen := [name for name, some in left.items() if not some]:
            raise ValueError(
                f"All prompts about {seen[0]!r} are captions of training images: give others, or leave {seen[0]!r} out."
            )
        return left


def read_prompts(path):
    """Read prompts by subject, {subject: [prompt]}; raises ValueError if the file gives no subjects."""
    found = {}
    for prompt in load_prompts(path):
        if prompt.subject:
            found.setdefault(prompt.subject, []).append(prompt.text)
    if not found:
        raise ValueError(f"{Path(path).name} does not say what its prompts are about: {FORMAT}.")
    return found


def read_real_images(sources, prompts, size, tell):
    """Read the real images; raises ValueError if a subject of prompts {subject: [prompt]} has no images."""
    if not sources:
        raise ValueError(
            "Images with captions and subjects are in no public set: name those that the model was trained on with "
            "--data."
        )
    sets = [load_captioned(source, size, tell, from_classes=True) for source in sources]
    dataset, described = by_subject(sets, tell), torch.tensor([name != "" for some in sets for name in some.subjects])
    captions = tuple(
        caption for some in sets for caption, subject in zip(some.captions, some.subjects, strict=True) if subject
    )
    if unknown := [name for name in prompts if name not in dataset.classes]:
        raise ValueError(
            f"No image in {dataset.source} shows {unknown[0]!r}: "
            "leave out its prompts, or give such images a column 'subject'."
        )
    subjects = torch.tensor(sorted(dataset.classes.index(name) for name in prompts))
    real = RealImages(dataset, captions, ~torch.cat([held_out(some) for some in sets])[described], subjects)
    if (real.trained_on & real.relevant).sum() < 2 * SAMPLES_PER_PROMPT:
        raise ValueError(
            f"{dataset.source} holds too few images of these subjects to measure distances to: name more with --data."
        )
    return real


def load_classifiers(subjects, names, compute):
    """Load the feature network and the evaluation classifier; ValueError if the latter misses a subject."""
    feature_network, classifier = (load_known_classifier(name, compute) for name in names)
    if unknown := [name for name in subjects if name not in classifier.card.classes]:
        raise ValueError(
            f"{classifier.card.name} has no class {unknown[0]!r}: "
            "train it on these images, or name another with --classifier."
        )
    if not classifier.card.data.get("categories"):
        raise ValueError(
            f"{classifier.card.name} has no categories: train a classifier with "
            "'python -m diffusion_edu.recipes.scene_classifier --data FILE'."
        )
    return feature_network, classifier
