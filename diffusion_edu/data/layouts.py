"""How the folders of a data set are meant: as splits, as classes, or as mere wrapping."""

import re
import unicodedata

SPLITS = ("train", "validation", "test")
WORDS = {"train": "train", "training": "train", "trn": "train", "test": "test", "testing": "test", "tst": "test"}
WORDS |= dict.fromkeys(("validation", "validate", "valid", "val", "dev"), "validation")
WORDS |= dict.fromkeys(("eval", "evaluation"), "test")  # as the library `datasets` has it
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^A-Za-z]+")  # trainingSet is training and Set
JOINED = re.compile(
    rf"^({'|'.join(sorted(WORDS, key=len, reverse=True))})(sets?|images?|imgs?|data|pics|photos|split)$", re.I
)
PARTS = ("images", "masks", "mask", "labels", "annotations", "hr", "lr", "gt", "inputs", "targets", "depth", "edges")


def split_of(name):
    """The split that a word names ("val" is validation), or None."""
    return WORDS.get(str(name).strip().lower())


def layout(parents):
    """Find split and class of images by the folders that they lie in: parents (n) are tuples of folder names.

    Returns splits (n), labels (n), names or None, and sentences: what was taken for what. An image with the label ...
    lies beside the splits and is left out.
    """
    rests, splits, notes = list(parents), [None] * len(parents), []
    rows = _unwrapped(rests, splits, notes)
    _splits_inside(rests, splits)
    labels = [...] * len(parents)
    for row, label in zip(rows, _classes([rests[row] for row in rows], notes), strict=True):
        labels[row] = label
    return splits, _majority(labels, splits, notes), notes


def _unwrapped(rests, splits, notes):
    """Take wrapping folders and splits off the rests; returns the rows that do not lie beside the splits."""
    rows = list(range(len(rests)))
    while len(heads := {rest[0] if rest else None for rest in rests}) == 1 and heads != {None}:
        splits[:] = [split or split_of(name) for split, name in zip(splits, [*heads] * len(rests), strict=True)]
        rests[:] = [rest[1:] for rest in rests]
    if not (chosen := split_folders([name for name in heads if name])):
        return rows
    inside = [row for row in rows if rests[row] and rests[row][0] in chosen]
    if beside := sorted(set(rows) - set(inside)):
        where = listing(sorted({rests[row][0] if rests[row] else "in no folder" for row in beside}))
        notes.append(f"Left out {_images(len(beside))} beside the splits {', '.join(sorted(chosen))}: {where}.")
    within = [rests[row][0] for row in inside]
    for row, name in zip(inside, within, strict=True):
        splits[row], within_it = chosen[name]
        rests[row] = (*within_it, *rests[row][1:])
    while _wrapped_alike(heads := {(name, rests[row][:1]) for row, name in zip(inside, within, strict=True)}, chosen):
        for row in inside:
            rests[row] = rests[row][1:]
    return inside


def _wrapped_alike(heads, chosen):
    """Whether every split holds one folder, called alike in all or like the split: {(split folder, (folder,))}."""
    names = [inner for _, inner in heads]
    return len(heads) == len(chosen) and all(names) and (len(set(names)) == 1 or all((a,) == b for a, b in heads))


def split_folders(names):
    """Which of these folders are splits, {name: (split, folders inside)}: two at least, called alike otherwise.

    Several groups of them (trainA, trainB, testA, testB) hold a folder each: A and B.
    """
    exact = {name: split_of(name) for name in names if split_of(name)}
    if len(set(exact.values())) > 1:
        return {name: (split, ()) for name, split in exact.items()}
    alike = {}
    for name in names:
        words = [word for part in WORD.findall(name) for word in JOINED.sub(r"\1 \2", part).split()]
        if len(found := [word for word in words if split_of(word)]) == 1:
            rest = re.sub(r"[\W\d_]", "", "".join(word for word in words if word != found[0]))
            alike.setdefault(rest.lower(), {})[name] = split_of(found[0]), rest
    groups = {rest: group for rest, group in alike.items() if len({split for split, _ in group.values()}) > 1}
    if "" in groups:
        groups = {"": groups[""]}
    several = len(groups) > 1
    found = {name: each for group in groups.values() for name, each in group.items()}
    return {name: (split, (rest,) if several else ()) for name, (split, rest) in found.items()}


def _splits_inside(rests, splits):
    """Take splits that lie inside of every class (cat/train, cat/test) off the rests."""
    inner = [split_of(rest[1]) if len(rest) > 1 else None for rest in rests]
    if not any(splits) and all(inner) and len(set(inner)) > 1:
        splits[:] = inner
        rests[:] = [(rest[0], *rest[2:]) for rest in rests]


def _classes(rests, notes):
    """The class of each rest, or None: the last folder where all are equally deep, else the first."""
    depths = {len(rest) for rest in rests if rest}
    names = [{tidy(rest[at]) for rest in rests if rest} for at in range(min(depths, default=0))]
    several = [at for at, found in enumerate(names) if len(found) > 1]
    if not several:
        return [None] * len(rests)
    at = several[-1] if len(depths) == 1 else several[0]
    if max(depths) > 1:
        notes.append(f"The classes are the folders {listing(sorted(names[at]))}, not those around or inside them.")
    elif parts := sorted(name for name in names[at] if name.lower() in PARTS):
        there = f"The {len(names[at])} classes are the folders {listing(sorted(names[at]))}"
        notes.append(f"{there}: if {parts[0]!r} is no class, name the folder of the images alone.")
    spelled = {}
    labels = [spelled.setdefault(tidy(rest[at]).casefold(), tidy(rest[at])) if rest else None for rest in rests]
    if other := {tidy(rest[at]) for rest in rests if rest} - set(spelled.values()):
        notes.append(f"Folders that differ in capitals only are one class: {listing(sorted(other))}.")
    return labels


def _majority(labels, splits, notes):
    """Take the class folders for no classes, and say so, where most images lie in none of them."""
    classes = {label for label in labels if label not in (None, ...)}
    with_classes = {split for split, label in zip(splits, labels, strict=True) if label in classes}
    inside = sum(label in classes for label in labels)
    strays = sum(label is None and split in with_classes for split, label in zip(splits, labels, strict=True))
    if not classes or strays < inside:
        return labels
    notes.append(f"The folders are not used as classes, because most images lie in none: {listing(sorted(classes))}.")
    return [... if label is ... else None for label in labels]


def _images(count):
    return "1 image that lies" if count == 1 else f"{count:,} images that lie"


def tidy(name):
    """Write a name without blanks around it, letters with accents as one letter each."""
    return unicodedata.normalize("NFC", str(name)).strip()


def listing(names, most=5):
    """Join some names for a sentence, and say how many more there are."""
    names = [str(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
