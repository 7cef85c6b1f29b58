"""Does a face have what it was asked for? Attributes that are easy to see, each asked for as often as against."""

import torch

from diffusion_edu.evaluation.features import balanced_accuracies
from diffusion_edu.evaluation.samples import draw

ASKED, EACH = ("smiling", "eyeglasses", "blond hair", "wearing hat"), 200


def conditions(attributes, each=EACH):
    """Wish for every one of ASKED `each` times, half of them with and half without, and nothing else: (n, attributes)."""
    rows = torch.zeros(len(ASKED), each, len(attributes), dtype=torch.int64)
    for row, name in zip(rows, ASKED, strict=True):
        row[:, attributes.index(name)] = 1 - 2 * (torch.arange(each) % 2)
    return rows.flatten(0, 1)


def draw_conditions(model, preset, work, each=EACH, watch=iter):
    """Draw an image for each of the conditions; uint8 (n, 3, size, size)."""
    labels = conditions(model.card.attributes, each)
    return draw(model, preset, len(labels), labels, work, watch=watch)


def attribute_scores(judge, scores, labels):
    """Compare what a classifier says (n, attributes) with the conditions (n, attributes), beside what it reaches on real images."""
    columns = [judge.card.attributes.index(name) for name in ASKED]
    found = balanced_accuracies(scores, labels)[columns]
    real = torch.tensor([judge.card.scores["each"][name] for name in ASKED])
    return {
        "class_accuracy": found.mean().item(),
        "class_accuracy_real": real.mean().item(),
        "class_accuracy_each": dict(zip(ASKED, found.tolist(), strict=True)),
        "class_accuracy_real_each": dict(zip(ASKED, real.tolist(), strict=True)),
    }
