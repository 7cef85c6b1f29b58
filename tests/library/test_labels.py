"""Labels of classes: numbers or names, checked once, in words."""

import math
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from diffusion_edu.data.labels import class_labels


def labelled(values, classes=()):
    return class_labels(values, classes, [f"row {k}" for k in range(len(values))], "label")


@pytest.mark.parametrize(
    ("values", "labels", "classes"),
    [
        ([0, 2, 0], [0, 1, 0], ["0", "2"]),
        ([10, 9, 0], [2, 1, 0], ["0", "9", "10"]),
        ([np.int64(1), np.int32(0)], [1, 0], ["0", "1"]),
        ([1.0, 0.0, math.nan], [1, 0, None], ["0", "1"]),
        (["rose", " iris", "rose "], [1, 0, 1], ["iris", "rose"]),
        (["rose", None, "", "iris"], [1, None, None, 0], ["iris", "rose"]),
        (["10", "9"], [1, 0], ["9", "10"]),
        ([True, False, True], [1, 0, 1], ["False", "True"]),
        ([b"rose", b"iris"], [1, 0], ["iris", "rose"]),
        ([3, "rose"], [0, 1], ["3", "rose"]),
        ([10**9, 0], [1, 0], ["0", "1000000000"]),
        ([None, None], [None, None], []),
        (["cafe\u0301", "caf\u00e9"], [0, 0], ["caf\u00e9"]),
    ],
)
def test_numbers_and_names_are_labels(values, labels, classes):
    assert labelled(values) == (labels, classes)


def test_numbers_of_named_classes_and_their_names_are_labels_and_minus_one_is_none():
    assert labelled([1, -1, 0, None, "iris", "1"], ["rose", "iris"]) == ([1, None, 0, None, 1, 1], ["rose", "iris"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "holds -1 in row 1, which is no label: numbers of classes begin at 0"),
        (0.5, "holds 0.5 in row 1, which is no label: a class is one name or one whole number"),
        (math.inf, "holds inf in row 1"),
        (1e300, "holds 1e"),
        ([0, 1], r"holds \[0, 1\] in row 1"),
        ({"name": "rose"}, "one name or one whole number"),
        (date(2026, 1, 1), "holds 2026-01-01 in row 1"),
        (Decimal("0.5"), "holds 0.5 in row 1"),
        (list(range(1000)), r"holds \[0, 1, 2.*\.\.\. in row 1"),
    ],
)
def test_what_is_no_label_is_refused_with_its_row(value, words):
    with pytest.raises(ValueError, match=f"The column 'label' .*{words}|{words}") as problem:
        labelled([0, value, 1])
    assert "\n" not in str(problem.value) and len(str(problem.value)) < 200


@pytest.mark.parametrize("value", [2, -2, "tulip", "7", 0.5])
def test_what_named_classes_do_not_have_is_refused(value):
    with pytest.raises(ValueError, match="which is no label"):
        labelled([0, value], ["rose", "iris"])
