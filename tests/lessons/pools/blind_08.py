"""Answers to the exercises of lesson 08 that were written without a look at its checks: WRONG ones and RIGHT ones."""

import math

import numpy as np
import torch


def _fade_loop(x0, t, T, color):
    out = torch.empty_like(x0)
    for k in range(len(x0)):
        out[k] = (x0[k : k + 1] * (T - t) / T + color * t / T)[0]
    return out


def _cold_steps(restore, degrade, x, t, s):
    x0_hat = restore(x, t)
    before, after = degrade(x0_hat, t), degrade(x0_hat, s)
    return x + (after - before)


def _cold_numpy(restore, degrade, x, t, s):
    x0_hat = restore(x, t)
    return np.asarray(x) - np.asarray(degrade(x0_hat, t)) + np.asarray(degrade(x0_hat, s))


def _cold_stack(restore, degrade, x, t, s):
    x0_hat = restore(x, t)
    return torch.stack([x, degrade(x0_hat, s), -degrade(x0_hat, t)]).sum(0)


def _cold_residual(restore, degrade, x, t, s):
    x0_hat = restore(x, t)
    unexplained = x - degrade(x0_hat, t)
    return degrade(x0_hat, s).add(unexplained)


def _cold_average(restore, degrade, x, t, s):
    return (degrade(restore(x, t), s) + x) / 2


def _mse(x, reference):
    return ((x - reference) ** 2).mean((1, 2, 3))


def _psnr_loop(x, reference):
    return [10 * math.log10(4 / ((a - b) ** 2).mean().item()) for a, b in zip(x, reference, strict=True)]


def _psnr_numpy(x, reference):
    error = np.asarray(x, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    return 20 * np.log10(2 / np.sqrt((error**2).reshape(len(error), -1).mean(1)))


def _psnr_unit(x, reference):
    return -10 * _mse((x + 1) / 2, (reference + 1) / 2).log10()


def _mask_loop(x0, t, order):
    out = x0.clone()
    for i in range(order.shape[0]):
        for j in range(order.shape[1]):
            if order[i, j] <= t:
                out[:, :, i, j] = 0
    return out


WRONG = {
    "08.1": [
        (lambda x0, t, T, color: x0 * t / T + color * (1 - t / T), "image and colour swapped"),
        (lambda x0, t, T, color: x0 * (1 - t / T), "fades to black, colour forgotten"),
        (lambda x0, t, T, color: x0 + color * t / T, "the image does not fade"),
        (lambda x0, t, T, color: x0 * (1 - t / T) + color, "the colour is there from the start"),
        (lambda x0, t, T, color: x0 * (1 - t // T) + color * (t // T), "integer division"),
        (lambda x0, t, T, color: x0 * (1 - t / (T - 1)) + color * t / (T - 1), "divides by T - 1"),
        (lambda x0, t, T, color: x0 * (1 - (t + 1) / T) + color * (t + 1) / T, "one timestep too high"),
        (lambda x0, t, T, color: x0 * (1 - (t - 1) / T) + color * (t - 1) / T, "one timestep too low"),
        (lambda x0, t, T, color: x0 * math.sqrt(1 - t / T) + color * math.sqrt(t / T), "roots, as for noise"),
        (lambda x0, t, T, color: x0 * (1 - t / T) - color * t / T, "sign of the colour"),
        (lambda x0, t, T, color: x0 * (1 - t) + color * t, "t not divided by T"),
        (lambda x0, t, T, color: x0 * (1 - (t / T) ** 2) + color * (t / T) ** 2, "quadratic instead of linear"),
        (lambda x0, t, T, color: (x0 + color) * t / T, "one factor for both"),
        (lambda x0, t, T, color: (x0 * (1 - t / T) + color * t / T)[0], "only the first image"),
        (lambda x0, t, T, color: (x0 + color) / 2, "halfway, whatever t is"),
    ],
    "08.2": [
        (lambda restore, degrade, x, t, s: restore(x, t), "returns the restored image"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), t), "degrades to t again"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, s), s), "restores from s"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, s), t), "t and s exchanged"),
        (lambda restore, degrade, x, t, s: restore(degrade(x, s), t), "degrades first, then restores"),
        (lambda restore, degrade, x, t, s: degrade(x, s), "degrades x itself"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), t - s), "degrades to the difference t - s"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), t - 1), "one timestep lower instead of s"),
        (
            lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t) + degrade(restore(x, t), s),
            "algorithm 2 instead",
        ),
        (lambda restore, degrade, x, t, s: restore(x, t) + degrade(x, s), "adds the two"),
        (lambda restore, degrade, x, t, s: x, "nothing is done"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), s).mean(), "returns a mean"),
        (lambda restore, degrade, x, t, s: restore(x, t) - degrade(x, s), "a difference"),
        (lambda restore, degrade, x, t, s: degrade(restore(x), s), "restore called without t: raises"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t - s), s), "restore called with t - s"),
    ],
    "08.3": [
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), s), "algorithm 1"),
        (
            lambda restore, degrade, x, t, s: x + degrade(restore(x, t), t) - degrade(restore(x, t), s),
            "sign of the correction",
        ),
        (lambda restore, degrade, x, t, s: x - degrade(x, t) + degrade(x, s), "degrades x, not the prediction"),
        (
            lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t) + degrade(restore(x, s), s),
            "predicts a second time, at s",
        ),
        (
            lambda restore, degrade, x, t, s: x - degrade(restore(x, s), t) + degrade(restore(x, s), s),
            "restore called with s",
        ),
        (lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t), "nothing added back"),
        (lambda restore, degrade, x, t, s: x + degrade(restore(x, t), s), "nothing taken away"),
        (lambda restore, degrade, x, t, s: degrade(restore(x, t), s) - degrade(restore(x, t), t), "x is missing"),
        (
            lambda restore, degrade, x, t, s: restore(x, t) - degrade(restore(x, t), t) + degrade(restore(x, t), s),
            "starts from the prediction",
        ),
        (lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t) + restore(x, t), "adds the clean prediction"),
        (
            lambda restore, degrade, x, t, s: x - restore(x, t) + degrade(restore(x, t), s),
            "takes the clean prediction away",
        ),
        (lambda restore, degrade, x, t, s: x - degrade(x, t) + degrade(restore(x, t), s), "takes degraded x away"),
        (_cold_average, "average of x and algorithm 1"),
        (
            lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t) + degrade(restore(x, t), t - 1),
            "one timestep lower instead of s",
        ),
        (lambda restore, degrade, x, t, s: x - degrade(restore(x, t), t - s), "one degradation to t - s"),
    ],
    "08.4": [
        (lambda x, reference: 10 * (1 / _mse(x, reference)).log10(), "peak 1"),
        (lambda x, reference: 10 * (4 / ((x - reference) ** 2).mean()).log10(), "one number for the batch"),
        (lambda x, reference: 10 * (2 / _mse(x, reference)).log10(), "peak not squared"),
        (lambda x, reference: 20 * (4 / _mse(x, reference)).log10(), "20 in front of a ratio of powers"),
        (lambda x, reference: 10 * (4 / _mse(x, reference)).log(), "natural logarithm"),
        (lambda x, reference: 10 * (_mse(x, reference) / 4).log10(), "ratio upside down"),
        (lambda x, reference: 10 * (4 / (x - reference).abs().mean((1, 2, 3))).log10(), "absolute error"),
        (lambda x, reference: 10 * (4 / ((x - reference) ** 2).sum((1, 2, 3))).log10(), "sum instead of mean"),
        (lambda x, reference: 10 * (255**2 / _mse(x, reference)).log10(), "peak 255"),
        (lambda x, reference: 10 * (4 / _mse(x, reference).sqrt()).log10(), "root of the mean squared error"),
        (lambda x, reference: (4 / _mse(x, reference)).log10(), "no factor 10"),
        (lambda x, reference: 10 * (4 / ((x - reference) ** 2).mean((2, 3))).log10(), "one number per channel"),
        (lambda x, reference: _mse(x, reference), "the error itself"),
        (lambda x, reference: 10 * (4 / ((x - reference).mean((1, 2, 3))) ** 2).log10(), "square of the mean error"),
        (lambda x, reference: 10 * (2 / _mse(x, reference).sqrt()).log10(), "10 in front of a ratio of amplitudes"),
    ],
    "08.5": [
        (lambda x0, t, order: x0 * (order < t), "the mask is inverted"),
        (lambda x0, t, order: x0 * (order >= t), "one timestep late"),
        (lambda x0, t, order: x0 * (order == t), "only the pixels of this timestep stay"),
        (lambda x0, t, order: x0 * (order != t), "only the pixels of this timestep vanish"),
        (lambda x0, t, order: x0 * (order > t + 1), "one timestep early"),
        (lambda x0, t, order: torch.where(order > t, x0, torch.ones_like(x0)), "vanished pixels are white"),
        (lambda x0, t, order: torch.where(order > t, x0, -torch.ones_like(x0)), "vanished pixels are black"),
        (lambda x0, t, order: x0, "nothing vanishes"),
        (lambda x0, t, order: x0 * 0, "everything vanishes"),
        (lambda x0, t, order: (order > t).float(), "returns the mask"),
        (lambda x0, t, order: x0[:, :, order > t], "keeps a list of pixels, shape lost"),
        (lambda x0, t, order: x0 * (1 - t / order.max()), "fades all pixels alike"),
        (lambda x0, t, order: x0 * (torch.rand(x0.shape[-2:]) > t / order.max()), "still draws a mask"),
        (lambda x0, t, order: x0 * (order > t / order.max()), "t divided by T"),
        (lambda x0, t, order: x0 * order, "multiplies by the order"),
    ],
}

RIGHT = {
    "08.1": [
        lambda x0, t, T, color: x0 + (color - x0) * (t / T),
        lambda x0, t, T, color: ((T - t) * x0 + t * color) / T,
        lambda x0, t, T, color: np.asarray(x0) * (1 - t / T) + np.asarray(color) * (t / T),
        lambda x0, t, T, color: torch.lerp(x0, torch.as_tensor(color, dtype=x0.dtype).expand_as(x0), t / T),
        _fade_loop,
    ],
    "08.2": [
        lambda restore, degrade, x, t, s: degrade(restore(x, t), s),
        lambda restore, degrade, x, t, s: (lambda x0_hat: degrade(x0_hat, s))(restore(x, t)),
        lambda restore, degrade, x, t, s: np.asarray(degrade(restore(x.clone(), t), s)),
        lambda restore, degrade, x, t, s: degrade(restore(x, int(t)), int(s)).tolist(),
        lambda restore, degrade, x, t, s: degrade(restore(x, t), s) + 0 * x,
    ],
    "08.3": [_cold_steps, _cold_numpy, _cold_stack, _cold_residual, lambda *a: _cold_steps(*a).tolist()],
    "08.4": [
        lambda x, reference: 10 * torch.log10(2**2 / ((x - reference) ** 2).flatten(1).mean(1)),
        _psnr_loop,
        _psnr_numpy,
        _psnr_unit,
        lambda x, reference: 20 * math.log10(2) - 10 * torch.log10((x - reference).square().mean(dim=(1, 2, 3))),
    ],
    "08.5": [
        lambda x0, t, order: x0 * (order > t),
        _mask_loop,
        lambda x0, t, order: np.where(np.asarray(order) > t, np.asarray(x0), 0),
        lambda x0, t, order: x0.masked_fill(order <= t, 0),
        lambda x0, t, order: torch.einsum("bchw,hw->bchw", x0, (order > t).to(x0.dtype)),
    ],
}
