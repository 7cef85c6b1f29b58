"""Lesson 08: wrong answers get the hint for their mistake, right ones pass, and its figures are what it says."""

from functools import partial

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.analysis.measures import gradient_energy
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.core import walk
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.degradations import Degradation
from diffusion_edu.lessons.exercises.lesson_08 import EXERCISES
from diffusion_edu.lessons.figures.lesson_08 import decibels
from diffusion_edu.samplers import cold_step, naive_cold_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced

WRONG = {
    "08.1": [
        (lambda x0, t, T, color: x0 * t / T + color * (1 - t / T), "becomes stronger with t"),
        (lambda x0, t, T, color: x0 * (1 - t // T) + color * (t // T), "Whole-number division"),
        (lambda x0, t, T, color: x0 + color * t / T, "does not become weaker"),
        (lambda x0, t, T, color: x0 * (1 - t / T), "fades to grey"),
        (lambda x0, t, T, color: x0 * (1 - t / T) ** 0.5 + color * (t / T) ** 0.5, "noise schedule"),
        (lambda x0, t, T, color: x0 * (1 - t) + color * t, "t itself"),
        (lambda x0, t, T, color: x0 * (T - t) + color * t, "not divided by the number"),
        (lambda x0, t, T, color: x0 * (1 - t / T) - color * t / T, "colour has the wrong sign"),
        (lambda x0, t, T, color: (x0 + color) / 2, "half strength"),
        (lambda x0, t, T, color: x0, "does not become weaker. The colour is missing"),
    ],
    "08.2": [
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), t), "timestep you came from"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, s), s), "how degraded x is"),
        (lambda restore, degrade, x, t, s: restore(x, t), "degraded again"),
        (lambda restore, degrade, x, t, s: degrade(x, s), "degrade x once more"),
        (lambda restore, degrade, x, t, s: restore(degrade(x, t), s), "other way round"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), t - s), "difference of the two timesteps"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), t - 1), "always go down by one"),
        (lambda restore, degrade, x, t, s: cold_step(restore, degrade, x, t, s)[0], "the careful one"),
        (lambda restore, degrade, x, t, s: naive_cold_step(restore, degrade, x, t, s), "a pair"),
    ],
    "08.3": [
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), s), "algorithm 1"),
        (lambda restore, degrade, x, t, s: x - degrade(x, t) + degrade(x, s), "x itself"),
        (lambda restore, degrade, x, t, s: x + degrade(restore(x, t), t) - degrade(restore(x, t), s), "direction"),
        (lambda restore, degrade, x, t, s: x - degrade(restore(x, s), t) + degrade(restore(x, s), s), "how degraded"),
        (lambda restore, degrade, x, t, s: x + degrade(restore(x, t), s), "never take the old one away"),
        (lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t), "nothing in its place"),
        (lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t) + degrade(restore(x, s), s), "second"),
        (lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t) + restore(x, t), "prediction itself"),
        (lambda restore, degrade, x, t, s: cold_step(restore, degrade, x, t, t - 1)[0], "always go down by one"),
        (lambda restore, degrade, x, t, s: cold_step(restore, degrade, x, t, s), "a pair"),
    ],
    "08.4": [
        (lambda x, y: 10 * torch.log10(1 / (x - y).square().mean((1, 2, 3))), "black is -1"),
        (lambda x, y: 10 * torch.log10(2 / (x - y).square().mean((1, 2, 3))), "peak is not squared"),
        (lambda x, y: 10 * torch.log10(4 / (x - y).square().mean()), "whole batch"),
        (lambda x, y: 20 * torch.log10(4 / (x - y).square().mean((1, 2, 3))), "that of amplitudes"),
        (lambda x, y: 10 * torch.log(4 / (x - y).square().mean((1, 2, 3))), "natural logarithm"),
        (lambda x, y: 10 * torch.log10((x - y).square().mean((1, 2, 3)) / 4), "upside down"),
        (lambda x, y: (x - y).square().mean((1, 2, 3)), "mean squared error"),
        (lambda x, y: 10 * torch.log10(4 / (x - y).square().sum((1, 2, 3))), "added up"),
        (lambda x, y: 20 * torch.log10(2 / (x - y).abs().mean((1, 2, 3))), "absolute errors"),
        (lambda x, y: 10 * torch.log10(y.amax((1, 2, 3)) ** 2 / (x - y).square().mean((1, 2, 3))), "fixed number"),
    ],
    "08.5": [
        (lambda x0, t, order: x0 * (order >= t), "not one timestep later"),
        (lambda x0, t, order: x0 * (order < t), "inverted"),
        (lambda x0, t, order: x0 * (order != t), "vanished earlier"),
        (lambda x0, t, order: torch.where(order > t, x0, -1.0), "black"),
        (lambda x0, t, order: torch.where(order > t, x0, 1.0), "white"),
        (lambda x0, t, order: (order > t).double(), "This is the mask"),
        (lambda x0, t, order: x0[:, :, order > t], "keep its shape"),
        (lambda x0, t, order: x0 * (1 - t / order.max()), "become weaker"),
        (
            lambda x0, t, order: (
                x0 * (torch.rand(order.shape, generator=torch.Generator().manual_seed(0)) > t / order.max())
            ),
            "does not follow `order`",
        ),
        (lambda x0, t, order: x0 * (torch.rand(order.shape) > t / order.max()), "random numbers of its own"),
    ],
}
RIGHT = {
    "08.1": [
        lambda x0, t, T, color: x0 + t / T * (color - x0),
        lambda x0, t, T, color: (x0 * (T - t) + color * t) / T,
        lambda x0, t, T, color: torch.lerp(x0, torch.full_like(x0, color), t / T),
        lambda x0, t, T, color: (1 - t / T) * x0.numpy() + color * t / T,
        lambda x0, t, T, color: (x0.float() - color) * (1 - t / T) + color,
    ],
    "08.2": [
        lambda restore, degrade, x, t, s: degrade(restore(x, t), s),
        lambda restore, degrade, x, t, s: naive_cold_step(restore, degrade, x, t, s)[0],
        lambda restore, degrade, x, t, s: degrade(restore(x, t), s).numpy(),
        lambda restore, degrade, x, t, s: x + (degrade(restore(x, t), s) - x),
        lambda restore, degrade, x, t, s: degrade(restore(x.clone(), t).double(), s).float(),
    ],
    "08.3": [
        lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t) + degrade(restore(x, t), s),
        lambda restore, degrade, x, t, s: cold_step(restore, degrade, x, t, s)[0],
        lambda restore, degrade, x, t, s: degrade(restore(x, t), s) + (x - degrade(restore(x, t), t)),
        lambda restore, degrade, x, t, s: sum([x, -degrade(restore(x, t), t), degrade(restore(x, t), s)]),
        lambda restore, degrade, x, t, s: (
            x.numpy() - np.subtract(degrade(restore(x, t), t).numpy(), degrade(restore(x, t), s).numpy())
        ),
    ],
    "08.4": [
        lambda x, y: 20 * torch.log10(2 / (x - y).square().mean((1, 2, 3)).sqrt()),
        lambda x, y: [10 * float(torch.log10(4 / (a - b).square().mean())) for a, b in zip(x, y, strict=True)],
        lambda x, y: 10 * torch.log10(1 / ((x - y) / 2).square().flatten(1).mean(1)),
        lambda x, y: -10 * np.log10(((x - y).numpy() ** 2).mean((1, 2, 3)) / 4),
        lambda x, y: 10 * torch.log10(4 * x[0].numel() / torch.einsum("bchw,bchw->b", x - y, x - y)),
    ],
    "08.5": [
        lambda x0, t, order: x0 * (order > t),
        lambda x0, t, order: x0.masked_fill(order <= t, 0),
        lambda x0, t, order: np.where(order.numpy() > t, x0.numpy(), 0),
        lambda x0, t, order: x0 * (order - t).clamp(0, 1),
        lambda x0, t, order: torch.stack([torch.where(order > t, image, 0.0) for image in x0]),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_the_code_handed_out_counts_as_open_and_lets_two_in_five_pixels_come_back():
    given, order = EXERCISES["08.5"].given, torch.arange(4096).remainder(100).add(1).view(64, 64)
    assert pool.grade(EXERCISES["08.5"], given).status == "open"
    gone, there = (given(torch.ones(1, 1, 64, 64), t, order)[0, 0] for t in (30, 60))
    assert there[gone == 0].mean() == pytest.approx(0.4, abs=0.03)


def test_the_hints_of_the_steps_show_a_case_to_do_by_hand():
    said = pool.grade(EXERCISES["08.3"], lambda restore, degrade, x, t, s: degrade(restore(x, t), s)).hints[1]
    assert "x is one pixel of value 1, t = 5 and s = 2" in said and said.endswith("you return [[[[1.2]]]].")


def test_algorithm_1_is_worse_than_nothing_and_algorithm_2_as_good_as_one_prediction():
    """On generated flowers, as in the lesson; the card says the same of photographs that the network never saw."""
    x0 = to_signed(load_images(PRETRAINED / "flower_samples.parquet").images[:8])
    model, degrade = load("flowers_cold"), Degradation("blur", tuple(range(8)))
    restore, x = model.restorer(degrade), degrade(x0, 60)
    ends = {}
    for step in (naive_cold_step, cold_step):
        *_, end = walk(partial(step, restore, degrade), x, spaced(cosine(100), 20, top=60))
        ends[step] = end.x
    with torch.no_grad():
        one = restore(x, 60)
    assert decibels(x, x0) == pytest.approx(14.39, abs=0.01)
    assert decibels(one, x0) == pytest.approx(17.45, abs=0.3)
    assert decibels(ends[naive_cold_step], x0) == pytest.approx(13.6, abs=0.6)
    assert decibels(ends[cold_step], x0) == pytest.approx(17.4, abs=0.4)
    assert gradient_energy(ends[cold_step]).mean() > 1.8 * gradient_energy(one).mean()  # sharper
    scores = model.card.scores["restored"]["blur"]["60"]
    assert {name: row["PSNR"] for name, row in scores.items()} == {
        "input": 14.46,
        "one prediction": 16.17,
        "algorithm 1": 12.54,
        "algorithm 2": 16.01,
    }
