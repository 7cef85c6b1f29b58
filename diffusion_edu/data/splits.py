"""Training, validation and test parts of a set of pictures, each with the same share of every class or attribute."""

import csv
import io
import math

import numpy as np
import torch

from diffusion_edu.data.sources import SPLITS

SHARES = (0.8, 0.1, 0.1)


def split(count, shares=SHARES, labels=None, seed=0):
    """Put each of count pictures into one part: int64 (count,), numbers of parts as large as shares say; the same for the same seed.

    With classes (n,) every class is split by the same shares, to within one picture; with attributes (n, attributes), 1 where a
    picture has one, by iterative stratification; without labels at random. Raises ValueError, in words, for shares that cannot be.
    """
    _possible(count, shares, labels)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    if labels is not None and labels.ndim == 2:
        parts = by_attributes(labels.cpu() > 0, shares, order)
    else:
        parts = by_class(torch.zeros(count) if labels is None else labels.cpu(), shares, order)
    sizes = parts.bincount(minlength=len(shares))
    for name, share, size in zip(names(shares), shares, sizes, strict=True):
        if share > 0 and not size:
            raise ValueError(f"{share:.1%} of {count} pictures are none at all: give {name} a larger share, or none.")
    return parts


def names(shares):
    """What the parts are called: train, validation and test if there are up to three."""
    return SPLITS[: len(shares)] if len(shares) <= len(SPLITS) else tuple(f"part {k + 1}" for k in range(len(shares)))


def _possible(count, shares, labels):
    if not all(share >= 0 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise ValueError(
            f"Shares are not negative and add up to 1; {' + '.join(f'{share:g}' for share in shares)} do not."
        )
    if labels is not None and len(labels) != count:
        raise ValueError(f"There are {count} pictures and {len(labels)} labels: give one label per picture.")
    if not count:
        raise ValueError("There is no picture to split.")


def by_class(labels, shares, order):
    """Split every class (n,) by the same shares: each part gets its share rounded down or up, and rounding evens out over the classes."""
    parts, shares = torch.empty(len(labels), dtype=torch.int64), torch.tensor(shares, dtype=torch.float64)
    owed = torch.zeros_like(shares)  # how many pictures each part has too few so far
    for kind in labels.unique():
        rows = order[labels[order] == kind]
        due = len(rows) * shares
        sizes = (due + 1e-9).floor()
        owed += due - sizes
        more = len(rows) - int(sizes.sum())
        rounded_up = torch.where(due > sizes + 1e-9, owed, -torch.inf).topk(more).indices
        sizes[rounded_up] += 1
        owed[rounded_up] -= 1
        parts[rows] = torch.arange(len(shares)).repeat_interleave(sizes.long())
    return parts


def by_attributes(has, shares, order):
    """Split so that every attribute, has (n, attributes) bool, is as frequent in all parts (Sechidis et al. 2011, algorithm 1).

    Again and again the rarest attribute of those that wait is given out: each picture goes where this attribute is needed most,
    then where pictures are. Ties go to the first part; chance is in the order of the pictures.
    """
    has, order = has.numpy(), order.numpy()
    parts, shares = np.full(len(has), -1), np.array(shares)
    wanted, wanted_of_each = shares * len(has), shares[:, None] * has.sum(0)  # (parts,), (parts, attributes)

    def give(row, need):
        best = max(range(len(shares)), key=lambda part: (need[part], wanted[part]))
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
    """Measure the largest difference between the share of a class or attribute in one part and in the whole set, 0 to 1; 0 without labels."""
    if labels is None:
        return 0.0
    has = (labels > 0).double() if labels.ndim == 2 else torch.nn.functional.one_hot(labels).double()
    return max((has[parts == part].mean(0) - has.mean(0)).abs().max().item() for part in parts.unique())


def as_csv(files, pictures, parts):
    """Write a split as CSV, one line per picture of the set: its file, its class or its attributes (1: yes, -1: no), and its part."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    if pictures.labels is None:
        kinds, labels = [], [[]] * len(pictures)
    elif pictures.attributes:
        kinds, labels = pictures.attributes, pictures.labels.tolist()
    else:
        kinds, labels = ["class"], [[pictures.classes[label]] for label in pictures.labels]
    rows.writerow(["file", *kinds, "split"])
    rows.writerows(
        [file, *label, SPLITS[part]] for file, label, part in zip(files, labels, parts.tolist(), strict=True)
    )
    return text.getvalue()
