"""Lesson 02: typical wrong answers get the hint for their mistake; right ones are accepted in any form."""

import math

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.denoisers import exact, exact_gaussian
from diffusion_edu.lessons.exercises.lesson_02 import EXERCISES
from diffusion_edu.lessons.figures.lesson_02 import error, gaussian_error
from diffusion_edu.schedules import linear


def wide(theta):
    return theta[:, None, None, None]


def turned_one_by_one(y, v, theta):
    return torch.stack([math.cos(a) * b - math.sin(a) * c for a, b, c in zip(theta, y, v, strict=True)])


def as_complex(y, v, theta):
    return (torch.complex(y, v) * torch.polar(torch.ones_like(theta), theta)[:, None, None, None]).real


def by_matrix(y, v, theta):
    turn = torch.stack([theta.cos(), -theta.sin()], dim=1)
    return torch.einsum("bk,kb...->b...", turn, torch.stack([y, v]))


def shrunk(numerator, denominator, away=lambda x, s, m: x - s * m):
    def answer(x, t, mean, std, schedule):
        s, n, v = schedule.signal[t], schedule.noise[t], std**2
        return mean + numerator(s, v) / denominator(s, n, v) * away(x, s, mean)

    return answer


def whole_variance(s, n, v):
    return s**2 * v + n**2


def by_precision(x, t, mean, std, schedule):
    """Weigh the mean and x / signal by one over their variances."""
    s, n = schedule.signal[t].item(), max(schedule.noise[t].item(), 1e-9)
    prior, seen = 1 / std**2, s**2 / n**2
    return (prior * mean + seen * x / s) / (prior + seen)


RIGHT = {
    "02.1": [
        lambda x, h, t, sch: x / sch.noise[t] - sch.signal[t] / sch.noise[t] * h,
        lambda x, h, t, sch: (x.numpy() - float(sch.signal[t]) * h.numpy()) / float(sch.noise[t]),
        lambda x, h, t, sch: -(sch.signal[t] * h - x) * sch.noise[t] ** -1,
        lambda x, h, t, sch: torch.stack([(a - sch.signal[t] * b) / sch.noise[t] for a, b in zip(x, h, strict=True)]),
        lambda x, h, t, sch: (x.float() - sch.alpha_bar[t].sqrt().float() * h.float()) / sch.noise[t].float(),
    ],
    "02.2": [
        lambda x, e, t, sch: x / sch.signal[t] - sch.noise[t] / sch.signal[t] * e,
        lambda x, e, t, sch: (x.numpy() - float(sch.noise[t]) * e.numpy()) / float(sch.signal[t]),
        lambda x, e, t, sch: (x - sch.noise[t] * e) / sch.alpha_bar[t].sqrt(),
        lambda x, e, t, sch: torch.stack([(a - sch.noise[t] * b) / sch.signal[t] for a, b in zip(x, e, strict=True)]),
        lambda x, e, t, sch: (x.float() - sch.noise[t].float() * e.float()) / sch.signal[t].float(),
    ],
    "02.3": [
        turned_one_by_one,
        as_complex,
        by_matrix,
        lambda y, v, theta: (wide(theta).cos() * y).float() - (wide(theta).sin() * v).float(),
        lambda y, v, theta: y.numpy() * np.cos(wide(theta).numpy()) - v.numpy() * np.sin(wide(theta).numpy()),
    ],
    "02.4": [
        by_precision,
        lambda x, t, mean, std, sch: exact_gaussian(mean, std, sch)(x, t),
        shrunk(lambda s, v: v, whole_variance, lambda x, s, m: s * (x - s * m)),
        lambda x, t, mean, std, sch: torch.lerp(
            torch.full_like(x, mean),
            x / sch.signal[t],
            (sch.alpha_bar[t] * std**2 / whole_variance(sch.signal[t], sch.noise[t], std**2)).item(),
        ),
        lambda x, t, mean, std, sch: (
            (mean * sch.noise[t] ** 2 + sch.signal[t] * std**2 * x).float()
            / whole_variance(sch.signal[t], sch.noise[t], std**2).float()
        ),
    ],
    "02.5": [
        lambda e, s, n: s**2 * e / n**2,
        lambda e, s, n: (s * e**0.5 / n) ** 2,
        lambda e, s, n: torch.tensor(e) * (s / n) ** 2,
        lambda e, s, n: math.exp(2 * math.log(s) - 2 * math.log(n) + math.log(e)),
        lambda e, s, n: np.float64(e) / (n / s) ** 2,
    ],
}

WRONG = {
    "02.1": [
        (lambda x, h, t, sch: (x - sch.signal[t] * h) / sch.signal[t], "belongs to the noise"),
        (lambda x, h, t, sch: (x - sch.alpha_bar[t] * h) / sch.noise[t], "you took away its power"),
        (lambda x, h, t, sch: x - sch.signal[t] * h, "not yet the noise itself"),
        (lambda x, h, t, sch: (x - h) / sch.noise[t], "not at full strength"),
        (lambda x, h, t, sch: (x - sch.signal[t] * h) / (1 - sch.alpha_bar[t]).sqrt(), "Try the schedule flow"),
        (lambda x, h, t, sch: (x - sch.noise[t] * h) / sch.signal[t], "have changed places"),
        (lambda x, h, t, sch: (x + sch.signal[t] * h) / sch.noise[t], "but you added it"),
        (lambda x, h, t, sch: x - sch.signal[t] * h / sch.noise[t], "bracket is missing"),
        (lambda x, h, t, sch: (sch.signal[t] * h - x) / sch.noise[t], "wrong sign"),
        (lambda x, h, t, sch: (h - sch.signal[t] * x) / sch.noise[t], "have changed places"),
        (lambda x, h, t, sch: h, "You return `x0_hat`"),
        (lambda x, h, t, sch: ((x - sch.signal[t] * h) / sch.noise[t]).clamp(-1, 1), "must give x again"),
    ],
    "02.2": [
        (lambda x, e, t, sch: x - sch.noise[t] * e, "not yet the image itself"),
        (lambda x, e, t, sch: (x - sch.noise[t] * e) / sch.alpha_bar[t], "divided by a power"),
        (lambda x, e, t, sch: (x - (1 - sch.alpha_bar[t]).sqrt() * e) / sch.signal[t], "Try the schedule flow"),
        (lambda x, e, t, sch: (x - sch.noise[t] ** 2 * e) / sch.signal[t], "you took away its power"),
        (lambda x, e, t, sch: (x - e) / sch.signal[t], "not at full strength"),
        (lambda x, e, t, sch: (x + sch.noise[t] * e) / sch.signal[t], "but you added it"),
        (lambda x, e, t, sch: x / sch.signal[t], "forgot to take the noise away"),
        (lambda x, e, t, sch: (x - sch.noise[t] * e) * sch.signal[t], "undoes a multiplication"),
        (lambda x, e, t, sch: ((x - sch.noise[t] * e) / sch.signal[t]).clamp(-1, 1), "must give x again"),
    ],
    "02.3": [
        (lambda y, v, theta: wide(theta).sin() * y + wide(theta).cos() * v, "This is the noise"),
        (lambda y, v, theta: (y - wide(theta).sin() * v) / wide(theta).cos(), "as if it were the noise"),
        (lambda y, v, theta: wide(theta).cos() * y, "v is missing"),
        (lambda y, v, theta: wide(theta).sin() * y - wide(theta).cos() * v, "at angle 0"),
        (lambda y, v, theta: theta[0].cos() * y - theta[0].sin() * v, "first angle"),
        (lambda y, v, theta: wide(theta).cos() * v - wide(theta).sin() * y, "changed places"),
        (lambda y, v, theta: y - wide(theta).sin() * v, "y was not multiplied"),
        (lambda y, v, theta: turned_one_by_one(y, v, torch.deg2rad(theta)), "degrees"),
        (lambda y, v, theta: wide(theta).cos() ** 2 * y - wide(theta).sin() ** 2 * v, "was squared"),
        (lambda y, v, theta: turned_one_by_one(y, v, theta).clamp(-1, 1), "must give y"),
    ],
    "02.4": [
        (lambda x, t, m, std, sch: x / sch.signal[t], "as if x held no noise"),
        (lambda x, t, m, std, sch: torch.full_like(x, m), "always predict the mean"),
        (shrunk(lambda s, v: v, whole_variance), "Above the line a rate is missing"),
        (shrunk(lambda s, v: s * v**0.5, whole_variance), "Variances are compared"),
        (shrunk(lambda s, v: s * v, lambda s, n, v: s**2 + n**2), "do not have variance 1"),
        (shrunk(lambda s, v: s * v, lambda s, n, v: v + n**2), "have shrunk in it"),
        (shrunk(lambda s, v: s * v, whole_variance, lambda x, s, m: x - m), "has shrunk in x"),
        (shrunk(lambda s, v: s * v, whole_variance, lambda x, s, m: x), "not x itself"),
        (shrunk(lambda s, v: s * v, lambda s, n, v: s**2 * v + 1 - s**2), "Try the schedule flow"),
        (shrunk(lambda s, v: s * v, lambda s, n, v: s**2 * v + n**2 / 2), "The factor is not"),
        (shrunk(lambda s, v: s * v, lambda s, n, v: s**2 * v + 2 * n**2), "The factor is not"),
    ],
    "02.5": [
        (lambda e, s, n: s / n * e, "square of a factor"),
        (lambda e, s, n: (n / s) ** 2 * e, "have changed places"),
        (lambda e, s, n: e / n**2, "signal rate is missing"),
        (lambda e, s, n: s**2 * e, "noise rate is missing"),
        (lambda e, s, n: s**2 / (1 - s**2) * e, "Try the schedule flow"),
        (lambda e, s, n: s / n**2 * e, "signal rate is not squared"),
        (lambda e, s, n: (s / n) ** 2 * e**2, "squared the error, too"),
        (lambda e, s, n: e, "You return `x0_error`"),
        (lambda e, s, n: (s / n) ** 2 * e**0.5, "took its root"),
        (lambda e, s, n: (s / n) ** 3 * e, "has no name"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_the_errors_of_the_prediction_are_those_of_the_lesson():
    schedule = linear(1000)
    in_x0 = {t: gaussian_error(schedule, t, 0.5) for t in (900, 100)}
    in_eps = {t: e * (schedule.signal[t] / schedule.noise[t]).item() ** 2 for t, e in in_x0.items()}
    assert in_x0 == {900: pytest.approx(0.24998, abs=1e-5), 100: pytest.approx(0.0787, abs=1e-4)}
    assert in_eps == {900: pytest.approx(6.88e-5, rel=1e-3), 100: pytest.approx(0.6853, abs=1e-4)}


def test_no_other_affine_prediction_has_a_lower_error():
    random, schedule = torch.Generator().manual_seed(3), linear(1000)
    x0 = 0.2 + 0.5 * torch.randn(200_000, 1, generator=random, dtype=torch.float64)
    x = schedule.corrupt(x0, 100, torch.randn(x0.shape, generator=random, dtype=torch.float64))
    best = EXERCISES["02.4"].answer(x, 100, 0.2, 0.5, schedule)
    lowest = error(best, x0)
    assert lowest == pytest.approx(gaussian_error(schedule, 100, 0.5), rel=0.01)
    for factor, shift in [(0.95, 0), (1.05, 0), (1, 0.03), (1, -0.03)]:
        assert error(factor * best + shift, x0) > lowest


def test_the_exact_denoiser_is_blurred_at_the_last_timestep_and_finds_the_flower_at_600():
    flowers, schedule = to_signed(load_images(PRETRAINED / "flower_samples.parquet").images[:300]), linear(1000)
    x0, denoise = flowers[5:6], exact(flowers, schedule)
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(2026))
    at_the_end, half_way = (denoise(schedule.corrupt(x0, t, eps), t) for t in (1000, 600))
    assert error(at_the_end, flowers.mean(0)) < 0.02 < 0.1 < error(at_the_end, x0)
    assert error(half_way, x0) < 1e-4
