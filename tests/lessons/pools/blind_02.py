"""Answers to lesson 02, written from the signatures alone: wrong ones of students, right ones in other styles."""

from __future__ import annotations

import math

import torch


def rates(t, schedule):
    """Signal and noise rate at `t`, as numbers."""
    return float(schedule.signal[t]), float(schedule.noise[t])


def spread(theta, x):
    """The angles with the dimensions of `x`."""
    return theta.reshape(-1, *[1] * (x.dim() - 1)).to(x)


def with_rates(f):
    """f(x, y, signal, noise) as an answer with (x, y, t, schedule)."""
    return lambda x, y, t, schedule: f(x, y, *rates(t, schedule))


def with_angle(f):
    """f(y, v, cos, sin) as an answer with (y, v, theta)."""
    return lambda y, v, theta: f(y, v, spread(theta, y).cos(), spread(theta, y).sin())


def with_data(f):
    """f(x, mean, std, signal, noise) as an answer with (x, t, mean, std, schedule)."""
    return lambda x, t, mean, std, schedule: f(x, mean, std, *rates(t, schedule))


def looped_v(y, v, theta):
    rows = [math.cos(float(angle)) * a - math.sin(float(angle)) * b for a, b, angle in zip(y, v, theta, strict=True)]
    return torch.stack(rows)


def by_precision(x, mean, std, signal, noise):
    """The mean of two Gaussians, weighted by their precisions."""
    if noise == 0 or std == 0:
        return x / signal if noise == 0 else torch.full_like(x, mean)
    from_image, from_data = signal**2 / noise**2, 1 / std**2
    return (
        (from_image * x / signal + from_data * mean) / (from_image + from_data) if signal else torch.full_like(x, mean)
    )


def kalman(x, mean, std, signal, noise):
    variance = (signal * std) ** 2 + noise**2
    return mean * (noise**2 / variance) + x * (signal * std**2 / variance)


WRONG = {
    "02.1": [
        (with_rates(lambda x, x0, s, n: (x - n * x0) / s), "rates exchanged"),
        (with_rates(lambda x, x0, s, n: x - s * x0), "not divided by the noise rate"),
        (with_rates(lambda x, x0, s, n: (x - s * x0) / s), "divided by the signal rate"),
        (with_rates(lambda x, x0, s, n: (x - x0) / n), "the signal rate is missing"),
        (with_rates(lambda x, x0, s, n: (s * x0 - x) / n), "sign"),
        (with_rates(lambda x, x0, s, n: (x + s * x0) / n), "plus for minus"),
        (with_rates(lambda x, x0, s, n: (x - s * x0) / n**2), "noise rate squared"),
        (with_rates(lambda x, x0, s, n: (x - s**2 * x0) / n), "alpha_bar for the signal rate"),
        (with_rates(lambda x, x0, s, n: x - s * x0 / n), "brackets"),
        (with_rates(lambda x, x0, s, n: (x - s * x0) * n), "multiplied by the noise rate"),
        (with_rates(lambda x, x0, s, n: (x - s * x0) / math.sqrt(abs(1 - s**2))), "variance preserving assumed"),
        (with_rates(lambda x, x0, s, n: (x - s * x0) / (1 - s)), "1 - signal for the noise rate"),
        (lambda x, x0, t, schedule: (x - schedule.signal[t - 1] * x0) / schedule.noise[t - 1], "one timestep too low"),
        (with_rates(lambda x, x0, s, n: x0), "the prediction itself"),
        (with_rates(lambda x, x0, s, n: ((x - s * x0) / n).clamp(-1, 1)), "noise clamped to [-1, 1]"),
    ],
    "02.2": [
        (with_rates(lambda x, e, s, n: x - n * e), "not divided by the signal rate"),
        (with_rates(lambda x, e, s, n: (x - s * e) / n), "rates exchanged"),
        (with_rates(lambda x, e, s, n: (x - e) / s), "the noise rate is missing"),
        (with_rates(lambda x, e, s, n: (x - n * e) / s**2), "divided by alpha_bar"),
        (with_rates(lambda x, e, s, n: (x + n * e) / s), "plus for minus"),
        (with_rates(lambda x, e, s, n: (x - n**2 * e) / s), "variance for the noise rate"),
        (with_rates(lambda x, e, s, n: (x - math.sqrt(abs(1 - s**2)) * e) / s), "variance preserving assumed"),
        (with_rates(lambda x, e, s, n: x / s - n * e), "brackets"),
        (with_rates(lambda x, e, s, n: (x - n * e) * s), "multiplied by the signal rate"),
        (with_rates(lambda x, e, s, n: (x - math.sqrt(n) * e) / math.sqrt(s)), "the root once too often"),
        (with_rates(lambda x, e, s, n: (x - (1 - s) * e) / s), "1 - signal for the noise rate"),
        (lambda x, e, t, schedule: (x - schedule.noise[t - 1] * e) / schedule.signal[t - 1], "one timestep too low"),
        (with_rates(lambda x, e, s, n: ((x - n * e) / s).clamp(-1, 1)), "clamped"),
        (with_rates(lambda x, e, s, n: (n * e - x) / s), "sign"),
        (with_rates(lambda x, e, s, n: s * x + n * e), "noise added instead of removed"),
    ],
    "02.3": [
        (with_angle(lambda y, v, c, s: c * y + s * v), "plus: as handed out"),
        (with_angle(lambda y, v, c, s: s * y - c * v), "sin and cos exchanged"),
        (with_angle(lambda y, v, c, s: s * y + c * v), "the noise instead of the image"),
        (with_angle(lambda y, v, c, s: (y - s * v) / c), "v taken for the noise"),
        (with_angle(lambda y, v, c, s: s * v - c * y), "sign"),
        (with_angle(lambda y, v, c, s: y - s * v), "cos is missing"),
        (with_angle(lambda y, v, c, s: c * y - v), "sin is missing"),
        (with_angle(lambda y, v, c, s: c**2 * y - s**2 * v), "squares"),
        (with_angle(lambda y, v, c, s: (c * y - s * v) / c), "divided by cos"),
        (with_angle(lambda y, v, c, s: c * v - s * y), "y and v exchanged"),
        (lambda y, v, theta: theta[0].cos() * y - theta[0].sin() * v, "the first angle for the whole batch"),
        (lambda y, v, theta: theta.mean().cos() * y - theta.mean().sin() * v, "the mean angle"),
        (
            lambda y, v, theta: spread(torch.deg2rad(theta), y).cos() * y - spread(torch.deg2rad(theta), y).sin() * v,
            "degrees",
        ),
        (with_angle(lambda y, v, c, s: (c * y - s * v) * c), "multiplied by cos at the end"),
        (lambda y, v, theta: (theta.cos() @ y.flatten(1)) - (theta.sin() @ v.flatten(1)), "summed over the batch"),
    ],
    "02.4": [
        (with_data(lambda x, m, d, s, n: x / s), "x over signal"),
        (with_data(lambda x, m, d, s, n: torch.full_like(x, float(m))), "always the mean"),
        (with_data(lambda x, m, d, s, n: s * d**2 / (s**2 * d**2 + n**2) * (x - s * m)), "the mean is not added"),
        (
            with_data(lambda x, m, d, s, n: m + s * d**2 / (s**2 * d**2 + n**2) * (x - m)),
            "x minus the mean, not scaled by signal",
        ),
        (with_data(lambda x, m, d, s, n: m + s * d / (s**2 * d + n**2) * (x - s * m)), "std for the variance"),
        (with_data(lambda x, m, d, s, n: m + s**2 * d**2 / (s**2 * d**2 + n**2) * (x - s * m)), "signal squared above"),
        (with_data(lambda x, m, d, s, n: m + s * d**2 / (s**2 * d**2 + n) * (x - s * m)), "noise not squared"),
        (with_data(lambda x, m, d, s, n: m + s * d**2 / (s * d**2 + n**2) * (x - s * m)), "signal not squared below"),
        (with_data(lambda x, m, d, s, n: m + s / (s**2 + n**2) * (x - s * m)), "std left out"),
        (with_data(lambda x, m, d, s, n: m + n**2 / (s**2 * d**2 + n**2) * (x - s * m)), "the other fraction"),
        (with_data(lambda x, m, d, s, n: m + s * d**2 * (x - s * m)), "no denominator"),
        (with_data(lambda x, m, d, s, n: s * m + s * d**2 / (s**2 * d**2 + n**2) * (x - s * m)), "the mean shrunk"),
        (with_data(lambda x, m, d, s, n: m + s * d**2 / (d**2 + n**2) * (x - s * m)), "signal missing below"),
        (with_data(lambda x, m, d, s, n: m - s * d**2 / (s**2 * d**2 + n**2) * (x - s * m)), "sign"),
        (with_data(lambda x, m, d, s, n: m + d**2 / (s**2 * d**2 + n**2) * (x - s * m)), "signal missing above"),
    ],
    "02.5": [
        (lambda e, s, n: (n / s) ** 2 * e, "upside down"),
        (lambda e, s, n: s / n * e, "not squared"),
        (lambda e, s, n: s**2 * e, "not divided by noise"),
        (lambda e, s, n: e / n**2, "signal is missing"),
        (lambda e, s, n: e, "the same error"),
        (lambda e, s, n: s**2 / n * e, "only the signal squared"),
        (lambda e, s, n: s / n**2 * e, "only the noise squared"),
        (lambda e, s, n: (s / n * e) ** 2, "the error squared too"),
        (lambda e, s, n: s / n * math.sqrt(e), "root of the error"),
        (lambda e, s, n: s**2 / (1 - s**2) * e, "variance preserving assumed"),
        (lambda e, s, n: (s * n) ** 2 * e, "product of the rates"),
        (lambda e, s, n: s**2 / (s**2 + n**2) * e, "fraction of the signal"),
        (lambda e, s, n: (s / n) ** 4 * e, "fourth power"),
        (lambda e, s, n: (1 - s * math.sqrt(e)) / n, "the conversion of the images applied to the error"),
        (lambda e, s, n: math.sqrt(s / n) * e, "root of the ratio"),
    ],
}

RIGHT = {
    "02.1": [
        with_rates(lambda x, x0, s, n: (x - s * x0) / n),
        with_rates(lambda x, x0, s, n: x / n - s / n * x0),
        lambda x, x0, t, schedule: (x - schedule.signal[t].item() * x0) * schedule.noise[t].item() ** -1,
        with_rates(lambda x, x0, s, n: torch.from_numpy((x.double().numpy() - s * x0.double().numpy()) / n)),
        with_rates(lambda x, x0, s, n: torch.stack([(a - s * b) / n for a, b in zip(x, x0, strict=True)])),
    ],
    "02.2": [
        with_rates(lambda x, e, s, n: (x - n * e) / s),
        with_rates(lambda x, e, s, n: x / s - n / s * e),
        with_rates(lambda x, e, s, n: torch.from_numpy((x.double().numpy() - n * e.double().numpy()) / s)),
        with_rates(
            lambda x, e, s, n: torch.einsum("k,k...->...", torch.tensor([1 / s, -n / s]).to(x), torch.stack([x, e]))
        ),
        lambda x, e, t, schedule: torch.sub(x, e * schedule.noise[t].item()).div(schedule.signal[t].item()),
    ],
    "02.3": [
        with_angle(lambda y, v, c, s: c * y - s * v),
        looped_v,
        lambda y, v, theta: (
            torch.einsum("b,b...->b...", theta.cos().to(y), y) - torch.einsum("b,b...->b...", theta.sin().to(y), v)
        ),
        lambda y, v, theta: (
            (theta.cos().to(y) * y.transpose(0, -1)) - (theta.sin().to(y) * v.transpose(0, -1))
        ).transpose(0, -1),
        with_angle(lambda y, v, c, s: (y - s * (c * v + s * y)) / c),
    ],
    "02.4": [
        with_data(lambda x, m, d, s, n: m + s * d**2 / (s**2 * d**2 + n**2) * (x - s * m)),
        with_data(by_precision),
        with_data(kalman),
        with_data(lambda x, m, d, s, n: (n**2 * m + s * d**2 * x) / ((s * d) ** 2 + n**2)),
        with_data(lambda x, m, d, s, n: m + (x - s * m) * s / (s**2 + (n / d) ** 2)),
    ],
    "02.5": [
        lambda e, s, n: (s / n) ** 2 * e,
        lambda e, s, n: e * s**2 / n**2,
        lambda e, s, n: e / (n / s) ** 2,
        lambda e, s, n: torch.tensor(float(e * s * s / (n * n)), dtype=torch.float64),
        lambda e, s, n: (float(s) / float(n) * float(e) ** 0.5) ** 2,
    ],
}
