"""Evaluate a text-to-image model: `python -m diffusion_edu.evaluation.text_to_image NAME --data FILE --prompts FILE`.

Does it generate what the prompt says, how diverse are its samples, and does it memorise training images?
"""

import math
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
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.evaluation.command_line import base_parser, guidance_scale, rounded, run_evaluation
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import category_class_accuracy, class_accuracy, describe, usual_classifier
from diffusion_edu.evaluation.guidance import diversity, group_by_label
from diffusion_edu.evaluation.neighbours import nearest, neighbour_distances, threshold
from diffusion_edu.evaluation.prompt_sets import (
    SAMPLES_PER_PROMPT,
    RealImages,
    generate_samples,
    load_classifiers,
    read_prompts,
    read_real_images,
)
from diffusion_edu.evaluation.report import Reference, pure_noise, reference
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import load_text_to_image
from diffusion_edu.randomness import choose

SCALES = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
SHOWN = 16  # samples beside their nearest training images


@dataclass(frozen=True)
class Evaluator:
    """What samples are evaluated with: real images, a feature network and an evaluation classifier, and features of
    real images.

    reference: the statistics of real images that show a subject of the prompts. features (k, width): those of the
    training images, whose rows in the set are rows (k,).
    """

    real: RealImages
    feature_network: Model
    classifier: Model
    reference: Reference
    features: Tensor
    rows: Tensor

    @classmethod
    def of(cls, real, feature_network, classifier, samples, watch=iter):
        """Compute the features of the real images, and of as many images of pure noise as there are samples."""
        images = real.dataset.images
        features = describe(feature_network, images, watch=watch).features
        noise = describe(feature_network, pure_noise(samples, images.shape[-1]), watch=watch).features
        groups = [(real.trained_on & group).nonzero().flatten() for group in (real.relevant, ~real.relevant)]
        rows = torch.cat(groups)  # images that show a subject of the prompts come first
        statistics = reference(features[real.relevant], noise)
        return cls(real, feature_network, classifier, statistics, features[rows], rows)

    def accuracies(self, images, subjects):
        """Measure class accuracy of uint8 images (n, 3, h, w) with subjects (n,): by category and by subject."""
        card, classes = self.classifier.card, self.real.dataset.classes
        labels = torch.tensor([card.classes.index(classes[subject]) for subject in subjects])
        scores = describe(self.classifier, images).scores
        categories = [card.data["categories"][name] for name in card.classes]
        return {
            "class_accuracy": category_class_accuracy(scores, labels, categories),
            "subject_accuracy": class_accuracy(scores, labels),
        }

    def floors(self):
        """Compute the scores of real images, which the best samples can be expected to reach, and the FD of pure noise.

        The accuracies are those on images that the classifier was not trained on.
        """
        dataset = self.real.dataset
        unseen = dataset.take(self.real.relevant & (dataset.split == SPLITS.index("validation")))
        accuracies = self.accuracies(unseen.images, unseen.labels)
        real = {f"{name}_real": value for name, value in accuracies.items()}
        return {"FD_floor": self.reference.floor, "FD_noise": self.reference.noise} | real

    def scores(self, samples, batch):
        """Score samples uint8 (n, 3, h, w) of a PromptBatch: distance, accuracy, diversity and memorisation."""
        features, real = describe(self.feature_network, samples).features, self.reference
        firsts = {prompt: batch.prompts.index(prompt) for prompt in batch.prompts}  # row of each prompt's first sample
        groups, scale = (
            torch.tensor([firsts[prompt] for prompt in batch.prompts]),
            mean_distance(real.features) or math.nan,
        )
        return {
            "FD": frechet(real.statistics, features),
            "FD_band": frechet_band(real.statistics, features),
            **self.accuracies(samples, batch.subjects),
            "diversity": diversity(group_by_label(features, groups)) / scale,
            "diversity_of_prompts": diversity([features[list(firsts.values())]], most=len(features)) / scale,
            **self.memorisation(features, batch.prompts),
        }

    @cached_property
    def training_distances(self):
        """The distance of each training image with a subject of the prompts to the nearest other training image."""
        relevant = int(self.real.relevant[self.rows].sum())
        return neighbour_distances(self.features[:relevant], self.features)

    def memorisation(self, features, prompts):
        """Compare features (n, width) of samples with the nearest training images, and those with each other."""
        distances, which = nearest(features, self.features)
        rows = self.rows[which].tolist()
        own = [prompt in self.real.captions[row] for row, prompt in zip(rows, prompts, strict=True)]
        return {
            "memorised": (distances < threshold(self.training_distances)).double().mean().item(),
            "nearest": (distances.median() / self.training_distances.median()).item(),
            "own_image": sum(own) / len(own),
        }

    def nearest_grid(self, samples):
        """Show the first samples uint8 (n, 3, h, w), one per prompt, above the training image nearest to each."""
        some = samples[: SHOWN * SAMPLES_PER_PROMPT : SAMPLES_PER_PROMPT]
        _, which = nearest(describe(self.feature_network, some).features, self.features)
        return grid(torch.cat([some, self.real.dataset.images[self.rows[which]]]), columns=len(some))


def arguments(words=None):
    """Read the command line."""
    module = "diffusion_edu.evaluation.text_to_image"
    about, least = __doc__.splitlines()[0], 2 * SAMPLES_PER_PROMPT  # distances need several prompts
    options = base_parser(module, about, samples=1000, example="text_to_image", sets="+", least=least)
    prompts = "a JSON file of prompts that are no captions of images: {subject: [prompt, ...]}"
    options.add_argument("--prompts", required=True, help=prompts)
    scales = "guidance scales to compare with that of the model's own preset"
    options.add_argument("--guidance-scales", type=guidance_scale, nargs="+", default=SCALES, help=scales)
    classifier = "the evaluation classifier that measures accuracy (default: that of the model's subject)"
    options.add_argument("--classifier", help=classifier)
    return options.parse_args(words)


def main(words=None):
    """Evaluate one model from the command line."""
    run_evaluation(evaluate, arguments(words))


def evaluate(args, watch):
    """Evaluate unseen prompts at every guidance scale, and training prompts; write the scores into the card."""
    text_to_image, evaluator, prompts = prepare(args, watch)
    card, usual = text_to_image.model.card, text_to_image.preset

    def scores_of(name, prompts, preset):
        batch = evaluator.real.batch(prompts, args.samples)
        bar = partial(watch, words=f"{name} prompts, guidance {preset.guidance_scale:g}")
        images = generate_samples(text_to_image, preset, batch.prompts, args.work, bar)
        if preset == usual:
            Image.fromarray(evaluator.nearest_grid(images)).save(args.work / f"{card.name}.{name}.png")
        return rounded(evaluator.scores(images, batch))

    scales = sorted({*args.guidance_scales, usual.guidance_scale})
    rows = {scale: scores_of("unseen", prompts, replace(usual, guidance_scale=scale)) for scale in scales}
    scores = protocol(args, evaluator) | rows[usual.guidance_scale] | rounded(evaluator.floors())
    scores["training_prompts"] = scores_of("training", evaluator.real.training_prompts(), usual)
    scores["by_guidance"] = [{"guidance_scale": scale} | row for scale, row in rows.items()]
    if not args.dry:
        kept = {name: rows for name, rows in card.scores.items() if name.startswith("by_")}  # other commands'
        save_card(available()[args.name].parent, replace(card, scores=kept | scores))
    return scores


def prepare(args, watch):
    """Load what the evaluation needs: a TextToImage, an Evaluator and prompts {subject: [prompt]}."""
    compute = choose(args.device)
    text_to_image, prompts = load_text_to_image(args.name, compute=compute), read_prompts(args.prompts)
    card = text_to_image.model.card
    names = (
        args.features or usual_classifier(card, 0, "--features"),
        args.classifier or usual_classifier(card, 1, "--classifier"),
    )
    feature_network, classifier = load_classifiers(prompts, names, compute)
    real = read_real_images(args.data, prompts, text_to_image.size, partial(print, file=sys.stderr))
    prompts = real.unseen(prompts)
    evaluator = Evaluator.of(real, feature_network, classifier, args.samples, partial(watch, words="features"))
    return text_to_image, evaluator, prompts


def repeat_command(args):
    """Write the command that repeats a measurement, with files by their names."""
    data, scales = [Path(path).name for path in args.data], [f"{scale:g}" for scale in args.guidance_scales]
    options = ["--data", *data, "--prompts", Path(args.prompts).name, "--samples", str(args.samples)]
    options += ["--guidance-scales", *scales]
    for name in ("features", "classifier"):
        if getattr(args, name):
            options += [f"--{name}", getattr(args, name)]
    return shlex.join(["python", "-m", "diffusion_edu.evaluation.text_to_image", args.name, *options])


def protocol(args, evaluator):
    """Describe in words how the scores were measured, and give the command that measured them."""
    dataset, relevant = evaluator.real.dataset, int(evaluator.real.relevant.sum())
    feature_network, classifier = evaluator.feature_network.card, evaluator.classifier.card
    return {
        "protocol": f"{args.samples} samples, seeds from 0, of prompts that are no captions of training images, each "
        f"sampled {SAMPLES_PER_PROMPT} times, subjects as frequent as in {relevant} real images of {dataset.source}, "
        "with the preset of the card and, under by_guidance, at other guidance scales. FD: in features of "
        f"{feature_network.name} (accuracy {feature_network.scores['validation_accuracy']:.3f}) to those real images, "
        f"its floor from one half of them to the other; class_accuracy: how often {classifier.name} sees the category "
        "of the prompt, every category weighted equally, and subject_accuracy the subject, one of "
        f"{len(classifier.classes)}; _real: on every eighth of the real images, which it was not trained on. "
        "diversity: "
        "the mean distance in features between samples of one prompt, and diversity_of_prompts between samples of "
        "different prompts, relative to that between real images. memorised: the fraction of samples that are nearer "
        "to "
        "a training image than 99 % of training images are to each other, duplicates left out (expected without "
        "memorisation: 0.01); nearest: the median distance to the nearest training image, relative to that between "
        "training images; own_image: how often the nearest training image is the one whose caption is the prompt. "
        "training_prompts: the same scores for captions of training images",
        "command": repeat_command(args),
    }


if __name__ == "__main__":
    main()
