"""Lesson 01: typical wrong answers get the hint for their mistake; right ones are accepted in any form."""

import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

LESSONS = Path(__file__).parents[2] / "lessons"
sys.path.insert(0, str(LESSONS))

from checks.exercise import TRIALS, grade  # noqa: E402 - found beside the notebooks, as the notebooks find it
from checks.lesson_01 import EXERCISES  # noqa: E402


def side(rates):
    return rates[:, None, None, None]


def loop(betas):
    left = [1.0]
    for beta in betas.tolist():
        left.append(left[-1] * (1 - beta))
    return left


def first_by_hand(signal, noise):
    t = 0
    while noise[t] < signal[t]:
        t += 1
    return t


def one_by_one(x0, t, eps, a):
    return torch.stack([a[t[k]] ** 0.5 * x0[k] + (1 - a[t[k]]) ** 0.5 * eps[k] for k in range(len(t))])


RIGHT = {
    "01.1": [
        lambda x0, eps, t, a: a[t].sqrt() * x0 + torch.sqrt(1 - a[t]) * eps,
        lambda x0, eps, t, a: torch.lerp(eps * 0, x0, a[t].sqrt().item()) + eps * np.sqrt(1 - a[t].item()),
        lambda x0, eps, t, a: (
            torch.cos(torch.acos(a[t] ** 0.5)) * x0 + torch.sin(torch.acos(a[t] ** 0.5)) * eps
        ).numpy(),
    ],
    "01.2": [
        loop,
        lambda b: torch.cat([torch.tensor([1.0]), (1 - b).float().cumprod(0)]),
        lambda b: np.append(1, np.cumprod(1 - b.numpy())),
    ],
    "01.3": [lambda s, n, v: s * s * v + n * n, lambda s, n, v: torch.tensor([s * v**0.5, n]).norm() ** 2],
    "01.4": [
        lambda s, n: 10 * ((s / n) ** 2).log10(),
        lambda s, n: 20 * (s.log() - n.log()) / np.log(10),
        lambda s, n: -20 * torch.log10(n / s),
    ],
    "01.5": [
        first_by_hand,
        lambda s, n: (n < s).sum(),
        lambda s, n: (n >= s).nonzero()[0],
        lambda s, n: torch.searchsorted(-(s / n), -1.0),
    ],
    "01.6": [
        one_by_one,
        lambda x0, t, eps, a: (
            torch.einsum("b,bchw->bchw", a[t] ** 0.5, x0) + torch.einsum("b,bchw->bchw", (1 - a[t]) ** 0.5, eps)
        ),
    ],
}

WRONG = {
    "01.1": [
        (lambda x0, eps, t, a: torch.lerp(eps.double(), x0.double(), a[t]), "powers where rates belong"),
        (lambda x0, eps, t, a: a[t].sqrt() * x0 + (1 - a[t]) * eps, "sigma squared"),
        (lambda x0, eps, t, a: a[t] * x0 + (1 - a[t]).sqrt() * eps, "multiplied by alpha_bar, a power"),
        (lambda x0, eps, t, a: a[t].sqrt() * (x0 - eps) + eps, "rates add up to one"),
        (lambda x0, eps, t, a: a[t].sqrt() * eps + (1 - a[t]).sqrt() * x0, "changed places"),
        (lambda x0, eps, t, a: x0 + (1 - a[t]).sqrt() * eps, "has not shrunk"),
        (lambda x0, eps, t, a: a[t].sqrt() * x0 + eps, "full strength"),
        (lambda x0, eps, t, a: a[t - 1].sqrt() * x0 + (1 - a[t - 1]).sqrt() * eps, "too low"),
        (lambda x0, eps, t, a: a[t + 1].sqrt() * x0 + (1 - a[t + 1]).sqrt() * eps, "too high"),
        (lambda x0, eps, t, a: a[t].sqrt() * x0 - (1 - a[t]).sqrt() * eps, "wrong sign"),
        (
            lambda x0, eps, t, a: a[t].sqrt() * x0 + (1 - a[t]).sqrt() * torch.randn_like(x0),
            "random numbers of its own",
        ),
        (lambda x0, eps, t, a: a[t].sqrt() * x0 + 0.5 * eps, "At timestep 0"),
    ],
    "01.2": [
        (lambda b: loop(b)[1:], "begins at timestep 1"),
        (lambda b: 1 - torch.cat([torch.zeros(1), b]).cumsum(0), "added up the losses"),
        (lambda b: torch.cat([torch.ones(1), b.cumprod(0)]), "fractions that are lost"),
        (lambda b: torch.tensor(loop(b)) ** 0.5, "one root too many"),
        (lambda b: 1 - torch.tensor(loop(b)), "noise's power"),
        (lambda b: torch.cat([torch.ones(1), 1 - b]), "by itself"),
        (lambda b: [0.0, *loop(b)[1:]], "not none of it"),
        (lambda b: loop(b.sqrt()), "not its root"),
        (lambda b: loop(1 - (1 - b) ** 2), "squared once too often"),
        (lambda b: loop(b)[-1], "end of the table only"),
        (lambda b: torch.exp(-torch.cat([torch.zeros(1), b]).cumsum(0)), "only the limit"),
        (lambda b: [1.0, *loop(b)], "shape"),
    ],
    "01.3": [
        (lambda s, n, v: 1, "always one"),
        (lambda s, n, v: np.hypot(s * v**0.5, n), "standard deviation"),
        (lambda s, n, v: v * s + n, "when its image is doubled"),
        (lambda s, n, v: v * s + n * n, "The noise's part is right"),
        (lambda s, n, v: v * s * s + n, "The image's part is right"),
        (lambda s, n, v: n * n + v, "has not shrunk"),
        (lambda s, n, v: (np.sqrt(v) * s + n) ** 2, "added standard deviations"),
        (lambda s, n, v: (s * v) ** 2 + n**2, "squared the image's variance"),
        (lambda s, n, v: s * s * v, "variance of its own"),
        (lambda s, n, v: v * (s * s + n * n), "weighted the noise"),
        (lambda s, n, v: -s * v - n, "never negative"),
    ],
    "01.4": [
        (lambda s, n: 10 * (s.log10() - n.log10()), "if these were powers"),
        (lambda s, n: -20 * (s / n).log10(), "upside down"),
        (lambda s, n: 20 * (s**2 / n**2).log10(), "squared twice"),
        (lambda s, n: 20 * (s.log() - n.log()), "natural logarithm"),
        (lambda s, n: 20 * (s.log2() - n.log2()), "base 2"),
        (lambda s, n: (s / n).square(), "ratio of the powers itself"),
        (lambda s, n: s / n, "ratio of the rates itself"),
        (lambda s, n: 2 * (s / n).log10(), "bels"),
        (lambda s, n: 10 * (s * s).log10(), "compared with the noise"),
        (lambda s, n: s * 0 + 1, "More signal than noise"),
    ],
    "01.5": [
        (lambda s, n: len(s) // 2 if len(s) % 2 else len(s) // 2 - 1, "middle of the table"),
        (lambda s, n: first_by_hand(s, n) - 1, "too early"),
        (lambda s, n: first_by_hand(s, n) + 1, "too late"),
        (lambda s, n: (s > 0.5).sum(), "signal rate falls to one half"),
        (lambda s, n: (n < 0.5).sum(), "noise rate reaches one half"),
        (lambda s, n: len(s) - 1 - first_by_hand(s, n), "wrong end"),
        (lambda s, n: (s <= n).sum(), "far side"),
        (lambda s, n: (s >= n).int().argmax(), "right way round"),
        (lambda s, n: s[first_by_hand(s, n)].item(), "This is a rate"),
        (lambda s, n: torch.abs(n - s).min(0).indices, "differ least"),
        (lambda s, n: 2.5, "whole number"),
        (lambda s, n: (s**2 > 0.5).sum(), "signal alone"),
        (lambda s, n: (n < 0.5**0.5).sum(), "noise alone"),
    ],
    "01.6": [
        (lambda x0, t, eps, a: a[t, None].sqrt() * x0 + (1 - a[t, None]).sqrt() * eps, "every row of pixels"),
        (lambda x0, t, eps, a: a[t[0]].sqrt() * x0 + (1 - a[t[0]]).sqrt() * eps, "timestep of the first one"),
        (
            lambda x0, t, eps, a: one_by_one(x0, torch.full_like(t, int(t.float().mean())), eps, a),
            "one timestep in the middle",
        ),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * x0 + (1 - a[t]).sqrt() * eps, "the noise still changes"),
        (lambda x0, t, eps, a: a[t].sqrt() * x0 + side((1 - a[t]).sqrt()) * eps, "the signal still changes"),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * x0 + side(1 - a[t]) * eps, "sigma squared"),
        (lambda x0, t, eps, a: side(a[t]) * x0 + side((1 - a[t]).sqrt()) * eps, "by a power"),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * (x0 - eps) + eps, "rates add up to one"),
        (lambda x0, t, eps, a: one_by_one(x0, sorted(t), eps, a), "another order"),
        (lambda x0, t, eps, a: one_by_one(x0, t, eps[:1].expand_as(eps), a), "share the noise"),
        (lambda x0, t, eps, a: one_by_one(x0, t - 1, eps, a), "too low"),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * x0 + 0.5 * eps, "timestep 0"),
        (lambda x0, t, eps, a: a[t].view(1, -1, 1, 1) * x0, "RuntimeError in line"),
    ],
}

WAYS = [(name, answer) for name, answers in RIGHT.items() for answer in answers]
SLIPS = [(name, answer, words) for name, answers in WRONG.items() for answer, words in answers]


def test_every_exercise_is_tried_often_enough():
    assert RIGHT.keys() == WRONG.keys() == EXERCISES.keys()
    assert all(len(ways) >= 2 for ways in RIGHT.values()) and all(len(slips) >= 6 for slips in WRONG.values())


@pytest.mark.parametrize(("name", "answer"), WAYS)
def test_a_right_answer_is_accepted_however_it_is_written(name, answer):
    assert grade(EXERCISES[name], answer).status == "right"


@pytest.mark.parametrize(("name", "answer", "words"), SLIPS)
def test_a_wrong_answer_meets_the_hint_that_names_its_mistake(name, answer, words):
    verdict = grade(EXERCISES[name], answer)
    assert verdict.status == "wrong" and words in verdict.text


@pytest.mark.parametrize("name", EXERCISES)
def test_every_named_mistake_differs_from_all_others(name):
    for mistake in EXERCISES[name].mistakes:
        assert grade(EXERCISES[name], mistake.answer).text == mistake.hint


INPUTS = [(name, k) for name, exercise in EXERCISES.items() for k in range(len(exercise.draw(torch.Generator())))]
RATES = [
    ("01.5", lambda s, n: (s, (1 - s**2).clamp(min=0).sqrt())),
    ("01.5", lambda s, n: (s, 1 - s)),
    ("01.5", lambda s, n: ((1 - n**2).clamp(min=0).sqrt(), n)),
    ("01.4", lambda s, n: (s, (1 - s**2).clamp(min=1e-9).sqrt())),
    ("01.3", lambda s, n, v: (s, (1 - s**2) ** 0.5, v)),
    ("01.3", lambda s, n, v: (s, n, 1.0)),
]


@pytest.mark.parametrize(("name", "k"), INPUTS)
def test_an_answer_that_never_looks_at_one_of_its_inputs_is_not_right(name, k):
    """Its k-th input is always that of another case."""
    exercise = EXERCISES[name]
    other = exercise.draw(torch.Generator().manual_seed(1))[k]
    blind = lambda *inputs: exercise.answer(*inputs[:k], other, *inputs[k + 1 :])  # noqa: E731
    assert grade(exercise, blind).status == "wrong"


@pytest.mark.parametrize(("name", "inputs_of"), RATES)
def test_an_answer_that_infers_one_rate_from_the_other_is_not_right(name, inputs_of):
    assert grade(EXERCISES[name], lambda *inputs: EXERCISES[name].answer(*inputs_of(*inputs))).status == "wrong"


def test_code_that_was_handed_out_counts_as_open():
    assert grade(EXERCISES["01.6"], lambda x0, t, eps, a: a[t].sqrt() * x0 + (1 - a[t]).sqrt() * eps).status == "open"


@pytest.mark.parametrize("name", EXERCISES)
def test_no_message_shows_the_solution(name):
    """Neither its code, nor a number that it returns."""
    random = torch.Generator().manual_seed(0)
    exercise = EXERCISES[name]
    numbers = torch.cat(
        [torch.as_tensor(exercise.answer(*exercise.draw(random))).double().flatten() for _ in range(TRIALS)]
    )
    solved = nbformat.read(LESSONS / "solutions" / "01_adding_noise.ipynb", as_version=4)
    code = next(cell.source for cell in solved.cells if cell.id == f"exercise-{name[-1]}-answer")
    returned = re.search(r"return (.*)", code)[1]
    said = [grade(exercise, answer).text for slip, answer, _ in SLIPS if slip == name]
    said += [
        grade(exercise, answer).text
        for answer in (lambda *_: 0, lambda *_: torch.zeros(3), lambda *_: "x", lambda *_: 1 / 0)
    ]
    for text in [*said, *(mistake.hint for mistake in exercise.mistakes), *(law.broken for law in exercise.properties)]:
        assert returned not in text
        assert not any(
            torch.isclose(numbers, torch.tensor(float(n), dtype=torch.float64)).any()
            for n in re.findall(r"\d+\.\d+", text)
        )
