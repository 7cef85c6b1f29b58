"""Labels of classes, checked once: numbers from 0, or names."""

import numbers

from diffusion_edu.data.layouts import tidy

MOST = 2**53  # beyond, a float is no longer one whole number


def class_labels(values, classes, rows, column):
    """Turn a column of labels into numbers: (labels, classes), with None where a row has no label.

    values are numbers or names, rows say where each stands, and classes are the names of numbers, empty if unknown.
    Classes without names are called by their number or text, and only those that occur are classes. Raises ValueError,
    in one sentence with the row and the value, for what is no label.
    """
    labels = [_label(value, row, column) for value, row in zip(values, rows, strict=True)]
    if classes:
        return [_number(label, classes, row, column) for label, row in zip(labels, rows, strict=True)], list(classes)
    if negative := [(label, row) for label, row in zip(labels, rows, strict=True) if _below(label)]:
        raise _no_label(*negative[0], column, "numbers of classes begin at 0")
    known = {label for label in labels if label is not None}
    names = sorted({str(label) for label in known}, key=_order(known))
    return [label if label is None else names.index(str(label)) for label in labels], names


def _order(known):
    """Sort classes that are all numbers by their size, and others as texts."""
    return float if all(str(label).isdecimal() for label in known) else None


def _label(value, row, column):
    """Check one label: a number, a name, or None for none."""
    if value is None or value != value:  # NaN
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, (bool, str)):
        return tidy(value) or None
    if isinstance(value, numbers.Real) and abs(value) < MOST and value == int(value):
        return int(value)
    raise _no_label(value, row, column, "a class is one name or one whole number; rename a column of other things")


def _below(label):
    return isinstance(label, int) and label < 0


def _number(label, classes, row, column):
    """Find a label among classes with names; -1 is none, as in the data sets of the hub."""
    if label in (None, -1):
        return None
    if isinstance(label, str):
        label = classes.index(label) if label in classes else int(label) if label.isdecimal() else len(classes)
    if not 0 <= label < len(classes):
        raise _no_label(label, row, column, f"there are {len(classes)} classes, numbered from 0")
    return label


def _no_label(value, row, column, why):
    text = str(value)
    text = text if len(text) <= 40 else f"{text[:37]}..."
    return ValueError(f"The column {column!r} holds {text} in {row}, which is no label: {why}.")
