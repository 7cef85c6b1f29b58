"""Answers to the exercises of lesson 01 as students might write them; whoever wrote its checks had not seen them."""

import math

import numpy as np
import torch


def _each(values):
    """Shape numbers (b,) so that they meet the images x0 (b, c, h, w)."""
    return values.reshape(-1, 1, 1, 1)


def _kept(s, t, schedule):
    return schedule.signal[t] / schedule.signal[s]


def _added(s, t, schedule):
    return schedule.noise[t] ** 2 - (_kept(s, t, schedule) * schedule.noise[s]) ** 2


def _one():
    return torch.ones(1, dtype=torch.float64)


WRONG = {
    "01.1": [
        (lambda x0, eps, t, alpha_bar: alpha_bar[t] * x0 + (1 - alpha_bar[t]) * eps, "no roots"),
        (lambda x0, eps, t, alpha_bar: alpha_bar[t] * x0 + (1 - alpha_bar[t]).sqrt() * eps, "root of noise only"),
        (lambda x0, eps, t, alpha_bar: alpha_bar[t].sqrt() * x0 + (1 - alpha_bar[t]) * eps, "root of signal only"),
        (lambda x0, eps, t, alpha_bar: (1 - alpha_bar[t]).sqrt() * x0 + alpha_bar[t].sqrt() * eps, "exchanged"),
        (
            lambda x0, eps, t, alpha_bar: alpha_bar[t] * x0 + (1 - alpha_bar[t] ** 2).sqrt() * eps,
            "alpha_bar taken for the signal rate",
        ),
        (
            lambda x0, eps, t, alpha_bar: alpha_bar[t].sqrt() * x0 + (1 - alpha_bar[t].sqrt()) * eps,
            "1 minus the root",
        ),
        (
            lambda x0, eps, t, alpha_bar: alpha_bar[t].sqrt() * x0 - (1 - alpha_bar[t]).sqrt() * eps,
            "noise subtracted",
        ),
        (lambda x0, eps, t, alpha_bar: x0 + (1 - alpha_bar[t]).sqrt() * eps, "image not shrunk"),
        (lambda x0, eps, t, alpha_bar: alpha_bar[t].sqrt() * x0 + eps, "noise not shrunk"),
        (
            lambda x0, eps, t, alpha_bar: alpha_bar[t - 1].sqrt() * x0 + (1 - alpha_bar[t - 1]).sqrt() * eps,
            "table read at t - 1",
        ),
        (
            lambda x0, eps, t, alpha_bar: alpha_bar[t].sqrt() * (x0 + (1 - alpha_bar[t]).sqrt() * eps),
            "signal rate on both",
        ),
        (
            lambda x0, eps, t, alpha_bar: (
                alpha_bar[t].sqrt() * x0 + (1 - alpha_bar[t]).sqrt() * torch.randn(x0.shape, dtype=x0.dtype)
            ),
            "noise of its own",
        ),
        (
            lambda x0, eps, t, alpha_bar: (alpha_bar[t].sqrt() * x0 + (1 - alpha_bar[t]).sqrt() * eps).clamp(-1, 1),
            "clipped",
        ),
        (lambda x0, eps, t, alpha_bar: math.sqrt(alpha_bar) * x0 + math.sqrt(1 - alpha_bar) * eps, "t forgotten"),
        (
            lambda x0, eps, t, alpha_bar: (alpha_bar[t] * x0 + (1 - alpha_bar[t]) * eps).abs().sqrt(),
            "root of the whole",
        ),
    ],
    "01.2": [
        (lambda betas: torch.cumprod(1 - betas, 0), "no entry for timestep 0"),
        (lambda betas: torch.cat([torch.cumprod(1 - betas.double(), 0), _one()]), "1 at the wrong end"),
        (lambda betas: torch.cat([_one(), torch.cumprod(betas.double(), 0)]), "product of the betas"),
        (lambda betas: torch.cat([_one(), torch.cumsum(1 - betas.double(), 0)]), "sum for product"),
        (lambda betas: torch.cat([_one(), 1 - betas.double()]), "no product"),
        (lambda betas: torch.cat([_one(), 1 - torch.cumsum(betas.double(), 0)]), "1 minus the sum"),
        (lambda betas: torch.cat([0 * _one(), torch.cumprod(1 - betas.double(), 0)]), "0 at timestep 0"),
        (lambda betas: torch.cat([_one(), torch.cumprod(1 - betas.double(), 0).sqrt()]), "root: the signal rate"),
        (lambda betas: torch.cat([_one(), torch.cumprod((1 - betas.double()).sqrt(), 0) ** 4]), "squared"),
        (lambda betas: torch.cat([_one(), 1 - torch.cumprod(1 - betas.double(), 0)]), "the noise's power"),
        (lambda betas: torch.cat([_one(), 1 - torch.cumprod(betas.double(), 0)]), "1 minus the product of betas"),
        (lambda betas: torch.cat([_one(), torch.cumprod(1 + betas.double(), 0)]), "1 + beta"),
        (lambda betas: torch.cat([_one(), torch.cumprod(1 - betas.double(), 0)[:-1]]), "last one missing"),
        (lambda betas: torch.prod(1 - betas), "one product instead of all"),
        (lambda betas: torch.cat([_one(), torch.cumprod((1 - betas.double()).flip(0), 0)]), "from the end"),
    ],
    "01.3": [
        (lambda signal, noise, variance: signal * variance + noise, "no squares"),
        (lambda signal, noise, variance: signal**2 * variance + noise, "noise not squared"),
        (lambda signal, noise, variance: signal * variance + noise**2, "signal not squared"),
        (lambda signal, noise, variance: signal**2 * variance**2 + noise**2, "variance squared"),
        (lambda signal, noise, variance: (signal * math.sqrt(variance) + noise) ** 2, "standard deviations added"),
        (lambda signal, noise, variance: math.sqrt(signal**2 * variance + noise**2), "standard deviation"),
        (lambda signal, noise, variance: signal**2 * variance, "noise forgotten"),
        (lambda signal, noise, variance: signal**2 + noise**2, "variance forgotten"),
        (lambda signal, noise, variance: (signal**2 + noise**2) * variance, "noise has the image's variance"),
        (lambda signal, noise, variance: signal**2 * variance * noise**2, "times for plus"),
        (lambda signal, noise, variance: signal**2 * variance - noise**2, "minus"),
        (lambda signal, noise, variance: noise**2 * variance + signal**2, "exchanged"),
        (lambda signal, noise, variance: signal**2 * variance + (1 - signal**2), "squares assumed to sum to one"),
        (lambda signal, noise, variance: variance + noise**2, "image not shrunk"),
        (lambda signal, noise, variance: 1.0, "always one"),
        (lambda signal, noise, variance: signal**2 * math.sqrt(variance) + noise**2, "std for variance"),
    ],
    "01.4": [
        (lambda signal, noise: _first(noise >= signal) - 1, "one too low"),
        (lambda signal, noise: _first(noise >= signal) + 1, "one too high"),
        (lambda signal, noise: int((signal - noise).argmin()), "argmin without abs: T"),
        (lambda signal, noise: int((noise - signal).argmin()), "argmin of the other difference: 0"),
        (lambda signal, noise: _first(noise**2 >= signal), "noise squared"),
        (lambda signal, noise: _first(noise >= signal**2), "signal squared"),
        (lambda signal, noise: int((noise >= signal).sum()), "counts the timesteps after it"),
        (lambda signal, noise: _first(noise >= 0.5), "noise rate one half"),
        (lambda signal, noise: _first(signal <= 0.5), "signal rate one half"),
        (lambda signal, noise: _first(noise > 0), "first noise"),
        (lambda signal, noise: len(signal) // 2, "the middle"),
        (lambda signal, noise: noise >= signal, "returns the mask"),
        (lambda signal, noise: (noise >= signal).nonzero(), "all of them"),
        (lambda signal, noise: float(noise[_first(noise >= signal)]), "the rate, not the timestep"),
        (lambda signal, noise: _first(noise >= signal) / (len(signal) - 1), "as a fraction of T"),
        (lambda signal, noise: int((noise == signal).nonzero()[0]), "equality of decimals"),
    ],
    "01.5": [
        (lambda x0, t, eps, alpha_bar: alpha_bar[t].sqrt() * x0 + (1 - alpha_bar[t]).sqrt() * eps, "as handed out"),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t[:1].expand_as(t), eps, alpha_bar), "first timestep for all"),
        (lambda x0, t, eps, alpha_bar: _shaped(x0, t, eps, alpha_bar, (1, -1, 1, 1)), "along the channels"),
        (lambda x0, t, eps, alpha_bar: _shaped(x0, t, eps, alpha_bar, (1, 1, -1, 1)), "along the rows"),
        (
            lambda x0, t, eps, alpha_bar: _each(alpha_bar[t]) * x0 + _each(1 - alpha_bar[t]) * eps,
            "no roots any more",
        ),
        (
            lambda x0, t, eps, alpha_bar: _each((1 - alpha_bar[t]).sqrt()) * x0 + _each(alpha_bar[t].sqrt()) * eps,
            "exchanged",
        ),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t.float().mean().long().expand_as(t), eps, alpha_bar), "mean of t"),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t.max().expand_as(t), eps, alpha_bar), "highest timestep for all"),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t - 1, eps, alpha_bar), "table read at t - 1"),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t.flip(0), eps, alpha_bar), "reversed batch"),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t, eps[:1].expand_as(eps), alpha_bar), "one noise for all"),
        (lambda x0, t, eps, alpha_bar: _batch(x0[:1], t[:1], eps[:1], alpha_bar), "first image only"),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t, eps, alpha_bar).mean(0), "mean over the batch"),
        (
            lambda x0, t, eps, alpha_bar: _each(alpha_bar[t].sqrt()) * x0 + (1 - alpha_bar[t]).sqrt() * eps,
            "only the signal reshaped",
        ),
        (
            lambda x0, t, eps, alpha_bar: alpha_bar[t].sqrt().mean() * x0 + (1 - alpha_bar[t]).sqrt().mean() * eps,
            "mean of the rates",
        ),
        (lambda x0, t, eps, alpha_bar: _batch(x0, t, eps, alpha_bar).sum((1, 2, 3)), "sum of the pixels"),
    ],
    "01.6": [
        (
            lambda x, z, s, t, schedule: _kept(s, t, schedule) * x + schedule.noise[t] * z,
            "all the noise of t once more",
        ),
        (lambda x, z, s, t, schedule: schedule.signal[t] * x + schedule.noise[t] * z, "as if x were clean"),
        (lambda x, z, s, t, schedule: _kept(s, t, schedule) * x + _added(s, t, schedule) * z, "root forgotten"),
        (
            lambda x, z, s, t, schedule: (
                _kept(s, t, schedule) * x + (schedule.noise[t] - _kept(s, t, schedule) * schedule.noise[s]) * z
            ),
            "noise rates subtracted",
        ),
        (lambda x, z, s, t, schedule: x + _added(s, t, schedule).sqrt() * z, "not shrunk"),
        (
            lambda x, z, s, t, schedule: x / _kept(s, t, schedule) + _added(s, t, schedule).sqrt() * z,
            "ratio upside down",
        ),
        (
            lambda x, z, s, t, schedule: (
                _kept(s, t, schedule) * x + (schedule.noise[t] ** 2 - schedule.noise[s] ** 2).sqrt() * z
            ),
            "old noise not shrunk",
        ),
        (
            lambda x, z, s, t, schedule: _kept(s, t, schedule) * x + (1 - _kept(s, t, schedule) ** 2).abs().sqrt() * z,
            "squares assumed to sum to one",
        ),
        (lambda x, z, s, t, schedule: _kept(s, t, schedule) * x - _added(s, t, schedule).sqrt() * z, "minus"),
        (lambda x, z, s, t, schedule: _kept(s, t, schedule) * x, "no fresh noise"),
        (
            lambda x, z, s, t, schedule: _kept(s, t, schedule) ** 2 * x + _added(s, t, schedule).sqrt() * z,
            "ratio squared",
        ),
        (
            lambda x, z, s, t, schedule: _kept(s, t, schedule) ** 0.5 * x + _added(s, t, schedule).sqrt() * z,
            "root of the ratio",
        ),
        (
            lambda x, z, s, t, schedule: (
                _kept(s, t, schedule) * x
                + (schedule.noise[t] ** 2 - _kept(s, t, schedule) * schedule.noise[s] ** 2).sqrt() * z
            ),
            "ratio not squared in the variance",
        ),
        (
            lambda x, z, s, t, schedule: _kept(s, t, schedule) * x + (schedule.noise[t] - schedule.noise[s]) * z,
            "difference of the noise rates",
        ),
        (
            lambda x, z, s, t, schedule: (
                _kept(s, t, schedule) * x
                + (schedule.noise[t] ** 2 + (_kept(s, t, schedule) * schedule.noise[s]) ** 2).sqrt() * z
            ),
            "plus in the variance",
        ),
        (
            lambda x, z, s, t, schedule: (
                (schedule.signal[t] - schedule.signal[s]) * x + _added(s, t, schedule).sqrt() * z
            ),
            "difference for ratio",
        ),
    ],
}


def _first(true):
    """The first index where a tensor is true, 0 if none."""
    return int(true.to(torch.uint8).argmax())


def _shaped(x0, t, eps, alpha_bar, shape):
    kept = alpha_bar[t].reshape(shape)
    return kept.sqrt() * x0 + (1 - kept).sqrt() * eps


def _batch(x0, t, eps, alpha_bar):
    return _shaped(x0, t, eps, alpha_bar, (-1, 1, 1, 1))


def _running_product(betas):
    table = [1.0]
    for beta in betas.tolist():
        table.append(table[-1] * (1 - beta))
    return table


def _search(signal, noise):
    t = 0
    while noise[t] < signal[t]:
        t += 1
    return t


def _image_by_image(x0, t, eps, alpha_bar):
    result = torch.empty_like(x0)
    for k in range(len(x0)):
        result[k] = alpha_bar[t[k]].sqrt() * x0[k] + (1 - alpha_bar[t[k]]).sqrt() * eps[k]
    return result


def _jump_in_numbers(x, z, s, t, schedule):
    signal, noise = schedule.signal.tolist(), schedule.noise.tolist()
    k = signal[t] / signal[s]
    return k * x + math.sqrt(noise[t] ** 2 - k**2 * noise[s] ** 2) * z


RIGHT = {
    "01.1": [
        lambda x0, eps, t, alpha_bar: alpha_bar[t].sqrt() * x0 + (1 - alpha_bar[t]).sqrt() * eps,
        lambda x0, eps, t, alpha_bar: math.sqrt(alpha_bar[t]) * x0 + math.sqrt(1 - alpha_bar[t]) * eps,
        lambda x0, eps, t, alpha_bar: (
            np.sqrt(float(alpha_bar[t])) * x0.numpy() + np.sqrt(1 - float(alpha_bar[t])) * eps.numpy()
        ),
        lambda x0, eps, t, alpha_bar: float(alpha_bar[t]) ** 0.5 * x0 + eps * (1 - float(alpha_bar[t])) ** 0.5,
        lambda x0, eps, t, alpha_bar: torch.add(
            x0 * torch.sqrt(alpha_bar)[t], eps, alpha=float(torch.sqrt(1 - alpha_bar)[t])
        ),
    ],
    "01.2": [
        _running_product,
        lambda betas: torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)]),
        lambda betas: np.concatenate([[1.0], np.cumprod(1 - betas.numpy())]),
        lambda betas: torch.nn.functional.pad(torch.cumprod(1 - betas, 0), (1, 0), value=1.0),
        lambda betas: torch.cat([torch.zeros(1), torch.log1p(-betas).cumsum(0)]).exp(),
        lambda betas: torch.stack([torch.prod(1 - betas[:t]) for t in range(len(betas) + 1)]),
    ],
    "01.3": [
        lambda signal, noise, variance: signal**2 * variance + noise**2,
        lambda signal, noise, variance: (signal * variance**0.5) ** 2 + noise * noise,
        lambda signal, noise, variance: math.hypot(signal * math.sqrt(variance), noise) ** 2,
        lambda signal, noise, variance: float(np.dot([signal**2, noise**2], [variance, 1])),
        lambda signal, noise, variance: torch.tensor([float(signal) ** 2 * float(variance), float(noise) ** 2]).sum(),
    ],
    "01.4": [
        _search,
        lambda signal, noise: int((noise >= signal).int().argmax()),
        lambda signal, noise: (noise >= signal).nonzero()[0, 0],
        lambda signal, noise: min(t for t in range(len(signal)) if noise[t] >= signal[t]),
        lambda signal, noise: int((noise < signal).sum()),
        lambda signal, noise: np.argmax(noise.numpy() >= signal.numpy()),
    ],
    "01.5": [
        _image_by_image,
        lambda x0, t, eps, alpha_bar: _batch(x0, t, eps, alpha_bar),
        lambda x0, t, eps, alpha_bar: (
            torch.einsum("b,bchw->bchw", alpha_bar[t].sqrt().to(x0.dtype), x0)
            + torch.einsum("b,bchw->bchw", (1 - alpha_bar[t]).sqrt().to(eps.dtype), eps)
        ),
        lambda x0, t, eps, alpha_bar: (
            alpha_bar[t][:, None, None, None] ** 0.5 * x0 + (1 - alpha_bar)[t][:, None, None, None] ** 0.5 * eps
        ),
        lambda x0, t, eps, alpha_bar: (
            (alpha_bar[t].sqrt() * x0.movedim(0, -1)).movedim(-1, 0)
            + ((1 - alpha_bar[t]).sqrt() * eps.movedim(0, -1)).movedim(-1, 0)
        ),
    ],
    "01.6": [
        _jump_in_numbers,
        lambda x, z, s, t, schedule: _kept(s, t, schedule) * x + _added(s, t, schedule).sqrt() * z,
        lambda x, z, s, t, schedule: (
            (
                schedule.signal[t] * x
                + ((schedule.noise[t] * schedule.signal[s]) ** 2 - (schedule.signal[t] * schedule.noise[s]) ** 2).sqrt()
                * z
            )
            / schedule.signal[s]
        ),
        lambda x, z, s, t, schedule: (
            float(_kept(s, t, schedule)) * x.numpy() + np.sqrt(float(_added(s, t, schedule))) * z.numpy()
        ),
        lambda x, z, s, t, schedule: (
            schedule.signal[t] / schedule.signal[s] * x
            + schedule.signal[t]
            * ((schedule.noise[t] / schedule.signal[t]) ** 2 - (schedule.noise[s] / schedule.signal[s]) ** 2).sqrt()
            * z
        ),
    ],
}
