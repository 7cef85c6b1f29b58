"""Training, validation and test parts of a set of images, each with the same fraction of every class or attribute."""

import csv
import io
import math

import numpy as np
import torch

from diffusion_edu.data.layouts import SPLITS

FRACTIONS = (0.8, 0.1, 0.1)


def split(count, fractions=FRACTIONS, labels=None, seed=0):
    """Put each of count images into a part: part numbers int64 (count,), in these fractions, the same for equal seeds.

    With classes (n,) every class is split alike, to within one image; with attributes (n, attributes), 1 for yes, by
    iterative stratification; without labels at random. Raises ValueError, in words, for impossible fractions.
    """
    _possible(count, fractions, labels)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    if labels is not None and labels.ndim == 2:
        parts = by_attributes(labels.cpu() > 0, fractions, order)
    else:
        parts = by_class(torch.zeros(count) if labels is None else labels.cpu(), fractions, order)
    part_sizes = parts.bincount(minlength=len(fractions))
    for name, fraction, size in zip(names(fractions), fractions, part_sizes, strict=True):
        if fraction > 0 and not size:
            raise ValueError(
                f"{fraction:.1%} of {count} images are none at all: give {name} a larger fraction, or none."
            )
    return parts


def names(fractions):
    """What the parts are called: train, validation and test if there are up to three."""
    return (
        SPLITS[: len(fractions)]
        if len(fractions) <= len(SPLITS)
        else tuple(f"part {k + 1}" for k in range(len(fractions)))
    )


def _possible(count, fractions, labels):
    if not all(fraction >= 0 for fraction in fractions) or not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        raise ValueError(
            "Fractions must not be negative and must add up to 1; "
            f"{' + '.join(f'{fraction:g}' for fraction in fractions)} do not."
        )
    if labels is not None and len(labels) != count:
        raise ValueError(f"There are {count} images and {len(labels)} labels: give one label per image.")
    if not count:
        raise ValueError("There is no image to split.")


def by_class(labels, fractions, order):
    """Split every class (n,) alike: part sizes are rounded down or up, and rounding evens out over the classes."""
    parts, fractions = torch.empty(len(labels), dtype=torch.int64), torch.tensor(fractions, dtype=torch.float64)
    owed = torch.zeros_like(fractions)  # how many images each part has too few so far
    for class_name in labels.unique():
        rows = order[labels[order] == class_name]
        due = len(rows) * fractions
        part_sizes = (due + 1e-9).floor()
        owed += due - part_sizes
        more = len(rows) - int(part_sizes.sum())
        rounded_up = torch.where(due > part_sizes + 1e-9, owed, -torch.inf).topk(more).indices
        part_sizes[rounded_up] += 1
        owed[rounded_up] -= 1
        parts[rows] = torch.arange(len(fractions)).repeat_interleave(part_sizes.long())
    return parts


def by_attributes(has, fractions, order):
    """Split so that each attribute, has (n, attributes) bool, is equally frequent in all parts.

    Algorithm 1 of Sechidis et al. (2011): the rarest attribute among the remaining images comes first. Each image
    goes to the part that needs this attribute most, then to the one that needs images. Ties go to the
    first part; the order of the images is random.
    """
    has, order = has.numpy(), order.numpy()
    parts, fractions = np.full(len(has), -1), np.array(fractions)
    wanted, wanted_of_each = fractions * len(has), fractions[:, None] * has.sum(0)  # (parts,), (parts, attributes)

    def give(row, need):
        best = max(range(len(fractions)), key=lambda part: (need[part], wanted[part]))
        parts[row] = best
        wanted[best] -= 1
        wanted_of_each[best] -= has[row]

    while (left := has[parts < 0].sum(0)).any():
        rarest = np.where(left > 0, left, len(has) + 1).argmin()
        for row in order[(parts[order] < 0) & has[order, rarest]]:
            give(row, wanted_of_each[:, rarest])
    for row in order[parts[order] < 0]:  # those that have none of the attributes
        give(row, wanted)
    return torch.from_numpy(parts)


def imbalance(labels, parts):
    """Measure the largest difference, 0..1, between a label's fraction in one part and in all; 0 without labels."""
    if labels is None:
        return 0.0
    has = (labels > 0).double() if labels.ndim == 2 else torch.nn.functional.one_hot(labels).double()
    return max((has[parts == part].mean(0) - has.mean(0)).abs().max().item() for part in parts.unique())


def as_csv(files, images, parts):
    """Write a split as CSV, one line per image: its file, its class or attributes (1: yes, -1: no), and its part."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    if images.labels is None:
        class_names, labels = [], [[]] * len(images)
    elif images.attributes:
        class_names, labels = images.attributes, images.labels.tolist()
    else:
        class_names, labels = ["class"], [[images.classes[label]] for label in images.labels]
    rows.writerow(["file", *class_names, "split"])
    rows.writerows(
        [file, *label, SPLITS[part]] for file, label, part in zip(files, labels, parts.tolist(), strict=True)
    )
    return text.getvalue()
