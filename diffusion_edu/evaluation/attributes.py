"""Does a face have the attributes it was conditioned on? Easily seen attributes, half with and half without."""

import torch

from diffusion_edu.evaluation.features import balanced_accuracies
from diffusion_edu.evaluation.samples import generate_samples

EVALUATED, EACH = ("smiling", "eyeglasses", "blond hair", "wearing hat"), 200


def attribute_conditions(attributes, each=EACH):
    """Build `each` conditions for every evaluated attribute, half with it (1), half without (-1): (n, attributes)."""
    rows = torch.zeros(len(EVALUATED), each, len(attributes), dtype=torch.int64)
    for row, name in zip(rows, EVALUATED, strict=True):
        row[:, attributes.index(name)] = 1 - 2 * (torch.arange(each) % 2)
    return rows.flatten(0, 1)


def generate_with_attributes(model, preset, work, each=EACH, watch=iter):
    """Generate one image for each of the attribute conditions; uint8 (n, 3, size, size)."""
    labels = attribute_conditions(model.card.attributes, each)
    return generate_samples(model, preset, len(labels), labels, work, watch=watch)


def attribute_scores(classifier, scores, conditions):
    """Compare classifier scores (n, attributes) with conditions (n, attributes), beside those on real images.

    Raises ValueError if the card of the classifier does not say how well it recognises the evaluated attributes.
    """
    each = classifier.card.scores.get("each", {})
    if unknown := [name for name in EVALUATED if name not in each or name not in classifier.card.attributes]:
        raise ValueError(
            f"The card of {classifier.card.name} has no accuracy of {', '.join(unknown)}: name another classifier."
        )
    columns = [classifier.card.attributes.index(name) for name in EVALUATED]
    found = balanced_accuracies(scores, conditions)[columns]
    real = torch.tensor([each[name] for name in EVALUATED])
    return {
        "class_accuracy": found.mean().item(),
        "class_accuracy_real": real.mean().item(),
        "class_accuracy_each": dict(zip(EVALUATED, found.tolist(), strict=True)),
        "class_accuracy_real_each": dict(zip(EVALUATED, real.tolist(), strict=True)),
    }
