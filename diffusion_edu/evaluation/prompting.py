"""Does a model draw what a text says, and does it copy? `python -m diffusion_edu.evaluation.prompting text_to_image --data FILE --prompts FILE`."""

import shlex
import sys
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from diffusion_edu.analysis.measures import spread
from diffusion_edu.checkpoints import Model, available, save_card
from diffusion_edu.data.sources import SPLITS
from diffusion_edu.evaluation.command import carry_out, parser, rounded
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import CLASSIFIERS, agreement, category_agreement, describe
from diffusion_edu.evaluation.guidance import diversity, of_one_kind
from diffusion_edu.evaluation.neighbours import apart, limit, nearest
from diffusion_edu.evaluation.prompts import TIMES, Real, classifiers, drawn, read_prompts, read_real
from diffusion_edu.evaluation.report import Reference, pure_noise, reference
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import load_text_to_image
from diffusion_edu.randomness import choose

SCALES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
SHOWN = 16  # drawings beside their nearest training pictures


@dataclass(frozen=True)
class Ruler:
    """What drawings are measured with: real pictures, who describes and who judges them, and what the first makes of the real ones.

    reference is of those that show what is asked for; known are the features (k, width) of rows (k,), which models learn from.
    """

    real: Real
    eyes: Model
    judge: Model
    reference: Reference
    known: Tensor
    rows: Tensor

    @classmethod
    def of(cls, real, eyes, judge, samples, watch=iter):
        """Describe the real pictures, and as many of pure noise as there are samples."""
        features = describe(eyes, real.pictures.images, watch=watch).features
        noise = describe(eyes, pure_noise(samples, real.pictures.images.shape[-1]), watch=watch).features
        rows = torch.cat(
            [(real.learned & wanted).nonzero().flatten() for wanted in (real.wanted, ~real.wanted)]
        )  # what is asked for comes first
        return cls(real, eyes, judge, reference(features[real.wanted], noise), features[rows], rows)

    def agreements(self, images, subjects):
        """Say how often the judge sees the category and the subject that uint8 images (n, 3, h, w) are to show, subjects (n,)."""
        card, classes = self.judge.card, self.real.pictures.classes
        labels = torch.tensor([card.classes.index(classes[subject]) for subject in subjects])
        said, categories = describe(self.judge, images).scores, [card.data["categories"][name] for name in card.classes]
        return {"agreement": category_agreement(said, labels, categories), "subject_agreement": agreement(said, labels)}

    def floors(self):
        """Measure what the best drawings can be expected to score: real pictures, for the judge those that it has not learned from."""
        pictures = self.real.pictures.take(self.real.wanted & (self.real.pictures.split == SPLITS.index("validation")))
        seen = {f"{name}_real": share for name, share in self.agreements(pictures.images, pictures.labels).items()}
        return {"FD_floor": self.reference.floor, "FD_noise": self.reference.noise} | seen

    def measure(self, drawings, wishes):
        """Measure drawings uint8 (n, 3, h, w) of Wishes: how near they are to real ones, how often right, how diverse, and whether copies."""
        features, real = describe(self.eyes, drawings).features, self.reference
        firsts = {
            prompt: wishes.prompts.index(prompt) for prompt in wishes.prompts
        }  # the row of the first drawing of each
        groups, whole = torch.tensor([firsts[prompt] for prompt in wishes.prompts]), spread(real.features)
        return {
            "FD": frechet(real.statistics, features),
            "FD_band": frechet_band(real.statistics, features),
            **self.agreements(drawings, wishes.subjects),
            "diversity": diversity(of_one_kind(features, groups)) / whole,
            "diversity_of_prompts": spread(features[list(firsts.values())]) / whole,
            **self.copies(features, wishes.prompts),
        }

    @cached_property
    def between(self):
        """How far different pictures that show what is asked for are from the nearest training picture: see apart."""
        return apart(self.known[: int(self.real.wanted[self.rows].sum())], self.known)

    def copies(self, features, prompts):
        """Compare features (n, width) of drawings with the nearest training pictures, and those with each other."""
        away, which = nearest(features, self.known)
        own = [
            self.real.captions[row] == prompt for row, prompt in zip(self.rows[which].tolist(), prompts, strict=True)
        ]
        return {
            "memorised": (away < limit(self.between)).double().mean().item(),
            "nearest": (away.median() / self.between.median()).item(),
            "own_picture": sum(own) / len(own),
        }

    def beside_nearest(self, drawings):
        """Show the first drawings uint8 (n, 3, h, w), one of a prompt, and beneath each the training picture that is nearest to it."""
        some = drawings[: SHOWN * TIMES : TIMES]
        _, which = nearest(describe(self.eyes, some).features, self.known)
        return grid(torch.cat([some, self.real.pictures.images[self.rows[which]]]), columns=len(some))


def arguments(words=None):
    """Read the command line."""
    options = parser("diffusion_edu.evaluation.prompting", __doc__, samples=1000, example="text_to_image", sets="+")
    options.add_argument(
        "--prompts", required=True, help="a JSON file of prompts that no picture goes with: {subject: [prompt, ...]}"
    )
    options.add_argument(
        "--scales", type=float, nargs="+", default=SCALES, help="of guidance, besides that of the model's own preset"
    )
    options.add_argument(
        "--judge", help="the classifier that says what was drawn (default: that of the model's subject)"
    )
    return options.parse_args(words)


def main(words=None):
    """Judge one model from the command line."""
    carry_out(judge, arguments(words))


def judge(args, watch):
    """Draw unseen prompts at every scale, and training prompts, by the card's preset; write the scores into the card, and return them."""
    who, ruler, prompts = prepared(args, watch)
    card, usual = who.model.card, who.preset

    def scored(which, prompts, preset):
        wishes = ruler.real.wishes(prompts, args.samples)
        images = drawn(
            who, preset, wishes.prompts, args.work, partial(watch, words=f"{which} prompts, guidance {preset.scale:g}")
        )
        if preset == usual:
            Image.fromarray(ruler.beside_nearest(images)).save(args.work / f"{card.name}.{which}.png")
        return rounded(ruler.measure(images, wishes))

    rows = {
        scale: scored("unseen", prompts, replace(usual, scale=scale)) for scale in sorted({*args.scales, usual.scale})
    }
    scores = protocol(args, ruler) | rows[usual.scale] | rounded(ruler.floors())
    scores["training_prompts"] = scored("training", ruler.real.learned_prompts(), usual)
    scores["by_guidance"] = [{"scale": scale} | row for scale, row in rows.items()]
    if not args.dry:
        kept = {
            name: rows for name, rows in card.scores.items() if name.startswith("by_")
        }  # measured by commands of their own
        save_card(available()[args.name].parent, replace(card, scores=kept | scores))
    return scores


def prepared(args, watch):
    """Load and read everything, what may fail before what takes long: a TextToImage, a Ruler, and {subject: [prompt]}."""
    compute = choose(args.device)
    who, prompts = load_text_to_image(args.name, compute=compute), read_prompts(args.prompts)
    if args.samples < 2 * TIMES:
        raise ValueError(
            f"Each prompt is drawn {TIMES} times, and distances need several of them: give more --samples."
        )
    features, usual = CLASSIFIERS[who.model.card.subject]
    eyes, second = classifiers(prompts, (args.features or features, args.judge or usual), compute)
    real = read_real(args.data, prompts, who.size, partial(print, file=sys.stderr))
    prompts = real.unseen(prompts)
    return who, Ruler.of(real, eyes, second, args.samples, partial(watch, words="features")), prompts


def protocol(args, ruler):
    """Say in words how the scores were measured."""
    data, pictures, wanted = [Path(path).name for path in args.data], ruler.real.pictures, ruler.real.wanted
    eyes, judge = ruler.eyes.card, ruler.judge.card
    options = [
        "--data",
        *data,
        "--prompts",
        Path(args.prompts).name,
        "--samples",
        str(args.samples),
        "--scales",
        *(f"{s:g}" for s in args.scales),
    ]
    options += [
        word for name in ("features", "judge") if getattr(args, name) for word in (f"--{name}", getattr(args, name))
    ]
    return {
        "protocol": f"{args.samples} drawings, seeds from 0, of prompts that no picture goes with, each drawn {TIMES} times, subjects as frequent as "
        f"in {int(wanted.sum())} real pictures of {pictures.source}, by the card's own preset and, under by_guidance, at other scales. FD: in "
        f"features of {eyes.name} (accuracy {eyes.scores['validation_accuracy']:.3f}) to those real pictures, its floor from one half of them to "
        f"the other; agreement: how often {judge.name} sees the category that was asked for, every category counting the same, and "
        f"subject_agreement the subject, one of {len(judge.classes)}; _real: in every eighth of the real pictures, which it has not learned from. "
        "diversity: the mean distance in features between drawings of one prompt, and diversity_of_prompts of different ones, relative to that "
        "between real pictures. memorised: the share of drawings that are nearer to a training picture than 99 % of training pictures are to each "
        "other, those that are there twice left out (chance: 0.01); nearest: the median distance to the nearest training picture, relative to that "
        "between training pictures; own_picture: how often that is the picture whose caption was asked for. training_prompts: the same for "
        "captions that it learned from",
        "command": shlex.join(["python", "-m", "diffusion_edu.evaluation.prompting", args.name, *options]),
    }


if __name__ == "__main__":
    main()
