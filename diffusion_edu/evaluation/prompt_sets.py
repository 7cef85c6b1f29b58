"""What is asked for in words, the samples of it, and what they are measured with: real images of the same subjects, and two classifiers."""

from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.checkpoints import available, load, read_card
from diffusion_edu.data.captions import by_subject, load_captioned
from diffusion_edu.data.images import ImageSet, held_out
from diffusion_edu.data.prompts import load_prompts
from diffusion_edu.evaluation.samples import as_frequent, digest, in_parts
from diffusion_edu.latent.text_to_image import sample

TIMES = 2  # each prompt is sampled, from different seeds, before it is another one's turn
HOW = 'list them under subjects, for example {"tiger": ["a tiger in the snow", "a tiger by a river"], "volcano": ["a volcano at night"]}'


@dataclass(frozen=True)
class Conditions:
    """Prompts, one for each drawing, and the subject of each: a class of the real images, int64 (n,)."""

    prompts: list[str]
    subjects: Tensor


def sampled(who, preset, prompts, work, watch=iter):
    """Let a TextToImage draw one image per prompt, seeds from 0; uint8 (n, 3, h, w). Nothing is sampled twice: see in_parts."""
    card, known = who.model.card, available()
    by = read_card(known[card.autoencoder]).sha256 if card.autoencoder in known else card.autoencoder

    def asked(seeds):
        return prompts[seeds.start : seeds.stop]

    def make(seeds):
        drawing = sample(who.request(asked(seeds), seeds, preset))
        *_, last = drawing
        return drawing.decode(last.x)

    folder = Path(work) / f"{card.name}-{digest(card.sha256, by, asdict(preset))}"
    return in_parts(folder, replace(card, size=who.size, channels=3), len(prompts), make, asked, watch=watch)


@dataclass(frozen=True)
class Real:
    """Real images by subject, the caption of each, whether models learn from it, bool (n,), and asked: the subjects of prompts, (m,)."""

    images: ImageSet
    captions: tuple[str, ...]
    learned: Tensor
    asked: Tensor

    @property
    def wanted(self):
        """The images that show what is asked for, bool (n,)."""
        return torch.isin(self.images.labels, self.asked)

    def conditions(self, prompts, count):
        """Ask for subjects as often as they are real, `count` times in all, in the words of prompts, {subject: [prompt]}, which take turns."""
        labels, turns = self.images.labels[self.wanted], {name: cycle(some) for name, some in prompts.items()}
        subjects = as_frequent(labels.bincount(minlength=len(self.images.classes)), -(-count // TIMES))
        said = [next(turns[self.images.classes[subject]]) for subject in subjects]
        return Conditions(
            [prompt for prompt in said for _ in range(TIMES)][:count], subjects.repeat_interleave(TIMES)[:count]
        )

    def learned_prompts(self):
        """Collect the captions that models learn from: {subject: [prompt]}."""
        found = {}
        for row in (self.learned & self.wanted).nonzero().flatten().tolist():
            found.setdefault(self.images.classes[self.images.labels[row]], []).append(self.captions[row])
        return {name: list(dict.fromkeys(said)) for name, said in found.items()}

    def unseen(self, prompts):
        """Leave those of prompts, {subject: [prompt]}, out that models learn from; raises ValueError, in one sentence, if a subject has no others."""
        learned = self.learned_prompts()
        left = {name: [one for one in some if one not in learned.get(name, ())] for name, some in prompts.items()}
        if seen := [name for name, some in left.items() if not some]:
            raise ValueError(
                f"All prompts about {seen[0]!r} are captions that models learn from: give others, or leave {seen[0]!r} out."
            )
        return left


def read_prompts(path):
    """Read prompts by subject, {subject: [prompt]}; raises ValueError, in one sentence, if there are none or nobody says what they are about."""
    found = {}
    for said in load_prompts(path):
        if said.subject:
            found.setdefault(said.subject, []).append(said.text)
    if not found:
        raise ValueError(f"{Path(path).name} does not say what its prompts are about: {HOW}.")
    return found


def read_real(sources, prompts, size, tell):
    """Read the real images; raises ValueError, in one sentence, if there are none of what prompts, {subject: [prompt]}, are about."""
    if not sources:
        raise ValueError(
            "Images with captions and subjects are in no public set: name those that the model has learned from with --data."
        )
    sets = [load_captioned(source, size, tell) for source in sources]
    images, said = by_subject(sets, tell), torch.tensor([subject != "" for some in sets for subject in some.subjects])
    captions = tuple(
        caption for some in sets for caption, subject in zip(some.captions, some.subjects, strict=True) if subject
    )
    if unknown := [name for name in prompts if name not in images.classes]:
        raise ValueError(
            f"No image in {images.source} shows {unknown[0]!r}: leave out its prompts, or give such images a column 'subject'."
        )
    asked = torch.tensor(sorted(images.classes.index(name) for name in prompts))
    real = Real(images, captions, ~torch.cat([held_out(some) for some in sets])[said], asked)
    if (real.learned & real.wanted).sum() < 2 * TIMES:
        raise ValueError(
            f"{images.source} holds too few images of what is asked for to measure distances to: name more with --data."
        )
    return real


def classifiers(subjects, names, compute):
    """Load who describes images and who judges them, by names; raises ValueError, in one sentence, if the judge does not know all subjects."""
    feature_network, second = (load(name, compute=compute) for name in names)
    if strange := [name for name in subjects if name not in second.card.classes]:
        raise ValueError(
            f"{second.card.name} has never seen {strange[0]!r}: train it on these images, or name another with --judge."
        )
    if not second.card.data.get("categories"):
        raise ValueError(
            f"{second.card.name} knows no categories: train a judge with 'python -m diffusion_edu.recipes.scene_classifier --data FILE'."
        )
    return feature_network, second
