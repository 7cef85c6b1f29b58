"""Does a model draw what a text says, and does it copy? `python -m diffusion_edu.evaluation.text_to_image text_to_image --data FILE --prompts FILE`."""

import shlex
import sys
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from diffusion_edu.analysis.measures import mean_distance
from diffusion_edu.checkpoints import Model, available, save_card
from diffusion_edu.data.sources import SPLITS
from diffusion_edu.evaluation.command_line import carry_out, parser, rounded
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import CLASSIFIERS, category_class_accuracy, class_accuracy, describe
from diffusion_edu.evaluation.guidance import diversity, of_one_class
from diffusion_edu.evaluation.neighbours import apart, limit, nearest
from diffusion_edu.evaluation.prompt_sets import TIMES, Real, classifiers, read_prompts, read_real, sampled
from diffusion_edu.evaluation.report import Reference, pure_noise, reference
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import load_text_to_image
from diffusion_edu.randomness import choose

SCALES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
SHOWN = 16  # samples beside their nearest training images


@dataclass(frozen=True)
class Ruler:
    """What samples are measured with: real images, who describes and who judges them, and what the first makes of the real ones.

    reference is of those that show what is asked for; known are the features (k, width) of rows (k,), which models learn from.
    """

    real: Real
    feature_network: Model
    judge: Model
    reference: Reference
    known: Tensor
    rows: Tensor

    @classmethod
    def of(cls, real, feature_network, judge, samples, watch=iter):
        """Describe the real images, and as many of pure noise as there are samples."""
        features = describe(feature_network, real.images.images, watch=watch).features
        noise = describe(feature_network, pure_noise(samples, real.images.images.shape[-1]), watch=watch).features
        rows = torch.cat(
            [(real.learned & wanted).nonzero().flatten() for wanted in (real.wanted, ~real.wanted)]
        )  # what is asked for comes first
        return cls(real, feature_network, judge, reference(features[real.wanted], noise), features[rows], rows)

    def agreements(self, images, subjects):
        """Say how often the judge sees the category and the subject that uint8 images (n, 3, h, w) are to show, subjects (n,)."""
        card, classes = self.judge.card, self.real.images.classes
        labels = torch.tensor([card.classes.index(classes[subject]) for subject in subjects])
        said, categories = describe(self.judge, images).scores, [card.data["categories"][name] for name in card.classes]
        return {
            "class_accuracy": category_class_accuracy(said, labels, categories),
            "subject_accuracy": class_accuracy(said, labels),
        }

    def floors(self):
        """Measure what the best samples can be expected to score: real images, for the judge those that it has not learned from."""
        images = self.real.images.take(self.real.wanted & (self.real.images.split == SPLITS.index("validation")))
        seen = {f"{name}_real": fraction for name, fraction in self.agreements(images.images, images.labels).items()}
        return {"FD_floor": self.reference.floor, "FD_noise": self.reference.noise} | seen

    def measure(self, samples, conditions):
        """Measure samples uint8 (n, 3, h, w) of Conditions: how near they are to real ones, how often right, how diverse, and whether copies."""
        features, real = describe(self.feature_network, samples).features, self.reference
        firsts = {
            prompt: conditions.prompts.index(prompt) for prompt in conditions.prompts
        }  # the row of the first drawing of each
        groups, whole = torch.tensor([firsts[prompt] for prompt in conditions.prompts]), mean_distance(real.features)
        return {
            "FD": frechet(real.statistics, features),
            "FD_band": frechet_band(real.statistics, features),
            **self.agreements(samples, conditions.subjects),
            "diversity": diversity(of_one_class(features, groups)) / whole,
            "diversity_of_prompts": mean_distance(features[list(firsts.values())]) / whole,
            **self.copies(features, conditions.prompts),
        }

    @cached_property
    def between(self):
        """How far different images that show what is asked for are from the nearest training image: see apart."""
        return apart(self.known[: int(self.real.wanted[self.rows].sum())], self.known)

    def copies(self, features, prompts):
        """Compare features (n, width) of samples with the nearest training images, and those with each other."""
        away, which = nearest(features, self.known)
        own = [
            self.real.captions[row] == prompt for row, prompt in zip(self.rows[which].tolist(), prompts, strict=True)
        ]
        return {
            "memorised": (away < limit(self.between)).double().mean().item(),
            "nearest": (away.median() / self.between.median()).item(),
            "own_image": sum(own) / len(own),
        }

    def beside_nearest(self, samples):
        """Show the first samples uint8 (n, 3, h, w), one of a prompt, and beneath each the training image that is nearest to it."""
        some = samples[: SHOWN * TIMES : TIMES]
        _, which = nearest(describe(self.feature_network, some).features, self.known)
        return grid(torch.cat([some, self.real.images.images[self.rows[which]]]), columns=len(some))


def arguments(words=None):
    """Read the command line."""
    options = parser("diffusion_edu.evaluation.text_to_image", __doc__, samples=1000, example="text_to_image", sets="+")
    options.add_argument(
        "--prompts", required=True, help="a JSON file of prompts that no image goes with: {subject: [prompt, ...]}"
    )
    options.add_argument(
        "--guidance-scales",
        type=float,
        nargs="+",
        default=SCALES,
        help="of guidance, besides that of the model's own preset",
    )
    options.add_argument(
        "--judge", help="the classifier that says what was sampled (default: that of the model's subject)"
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
        conditions = ruler.real.conditions(prompts, args.samples)
        images = sampled(
            who,
            preset,
            conditions.prompts,
            args.work,
            partial(watch, words=f"{which} prompts, guidance {preset.guidance_scale:g}"),
        )
        if preset == usual:
            Image.fromarray(ruler.beside_nearest(images)).save(args.work / f"{card.name}.{which}.png")
        return rounded(ruler.measure(images, conditions))

    rows = {
        guidance_scale: scored("unseen", prompts, replace(usual, guidance_scale=guidance_scale))
        for guidance_scale in sorted({*args.guidance_scales, usual.guidance_scale})
    }
    scores = protocol(args, ruler) | rows[usual.guidance_scale] | rounded(ruler.floors())
    scores["training_prompts"] = scored("training", ruler.real.learned_prompts(), usual)
    scores["by_guidance"] = [{"guidance_scale": guidance_scale} | row for guidance_scale, row in rows.items()]
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
            f"Each prompt is sampled {TIMES} times, and distances need several of them: give more --samples."
        )
    features, usual = CLASSIFIERS[who.model.card.subject]
    feature_network, second = classifiers(prompts, (args.features or features, args.judge or usual), compute)
    real = read_real(args.data, prompts, who.size, partial(print, file=sys.stderr))
    prompts = real.unseen(prompts)
    return who, Ruler.of(real, feature_network, second, args.samples, partial(watch, words="features")), prompts


def protocol(args, ruler):
    """Say in words how the scores were measured."""
    data, images, wanted = [Path(path).name for path in args.data], ruler.real.images, ruler.real.wanted
    feature_network, judge = ruler.feature_network.card, ruler.judge.card
    options = [
        "--data",
        *data,
        "--prompts",
        Path(args.prompts).name,
        "--samples",
        str(args.samples),
        "--guidance-scales",
        *(f"{s:g}" for s in args.guidance_scales),
    ]
    options += [
        word for name in ("features", "judge") if getattr(args, name) for word in (f"--{name}", getattr(args, name))
    ]
    return {
        "protocol": f"{args.samples} samples, seeds from 0, of prompts that no image goes with, each sampled {TIMES} times, subjects as frequent as "
        f"in {int(wanted.sum())} real images of {images.source}, by the card's own preset and, under by_guidance, at other scales. FD: in "
        f"features of {feature_network.name} (accuracy {feature_network.scores['validation_accuracy']:.3f}) to those real images, its floor from one half of them to "
        f"the other; class accuracy: how often {judge.name} sees the category that was asked for, every category counting the same, and "
        f"subject_accuracy the subject, one of {len(judge.classes)}; _real: in every eighth of the real images, which it has not learned from. "
        "diversity: the mean distance in features between samples of one prompt, and diversity_of_prompts of different ones, relative to that "
        "between real images. memorised: the fraction of samples that are nearer to a training image than 99 % of training images are to each "
        "other, those that are there twice left out (chance: 0.01); nearest: the median distance to the nearest training image, relative to that "
        "between training images; own_image: how often that is the image whose caption was asked for. training_prompts: the same for "
        "captions that it learned from",
        "command": shlex.join(["python", "-m", "diffusion_edu.evaluation.text_to_image", args.name, *options]),
    }


if __name__ == "__main__":
    main()
