"""Answers to the exercises of lesson 5 (DDIM), written from their specification alone, before the checks were read.

`WRONG` are answers that students would write, each with the short name of its mistake; `RIGHT` are right answers in
other styles.
"""

import math

import numpy as np
import torch


def _eps(x, x0_hat, t, schedule):
    return (x - schedule.signal[t] * x0_hat) / schedule.noise[t]


def _ddim(x, x0_hat, t, s, schedule):
    return schedule.signal[s] * x0_hat + schedule.noise[s] * _eps(x, x0_hat, t, schedule)


def _added(t, s, schedule):
    return schedule.noise[t] ** 2 - (schedule.signal[t] / schedule.signal[s] * schedule.noise[s]) ** 2


# 05.1 ----------------------------------------------------------------------------------------------------------------


def _stepped(signal=lambda c, t, s: c.signal[s], noise=lambda c, t, s: c.noise[s], eps=_eps):
    """The step with other factors, or with another prediction of the noise."""
    return lambda x, x0_hat, t, s, c: signal(c, t, s) * x0_hat + noise(c, t, s) * eps(x, x0_hat, t, c)


def _ddpm_mean(x, x0_hat, t, s, c):
    a = _added(t, s, c)
    return (
        c.signal[t] / c.signal[s] * c.noise[s] ** 2 / c.noise[t] ** 2 * x + c.signal[s] * a / c.noise[t] ** 2 * x0_hat
    )


def _by_coefficients(x, x0_hat, t, s, c):
    ratio = c.noise[s] / c.noise[t]
    return ratio * x + (c.signal[s] - ratio * c.signal[t]) * x0_hat


def _by_change(x, x0_hat, t, s, c):
    eps_hat = _eps(x, x0_hat, t, c)
    return x + (c.signal[s] - c.signal[t]) * x0_hat + (c.noise[s] - c.noise[t]) * eps_hat


def _ddim_in_numpy(x, x0_hat, t, s, c):
    signal, noise = c.signal.numpy(), c.noise.numpy()
    eps_hat = (x.numpy() - signal[t] * x0_hat.numpy()) / noise[t]
    return signal[s] * x0_hat.numpy() + noise[s] * eps_hat


def _ddim_image_by_image(x, x0_hat, t, s, c):
    rows = []
    for image, clean in zip(x, x0_hat, strict=True):
        rows.append(_ddim(image, clean, t, s, c))
    return torch.stack(rows)


def _ddim_in_float32(x, x0_hat, t, s, c):
    x, x0_hat = x.float(), x0_hat.float()
    return torch.lerp(c.signal[s].float() * x0_hat, _ddim(x, x0_hat, t, s, c), 1.0)


# 05.2 ----------------------------------------------------------------------------------------------------------------


def _sigma(t, s, eta, c):
    return eta * _added(t, s, c).sqrt() * c.noise[s] / c.noise[t]


def _with_eta(sigma=_sigma, direction=lambda n, sigma: (n**2 - sigma**2).sqrt(), fresh=lambda sigma: sigma):
    """The step with another sigma, another factor of eps_hat or another factor of z."""

    def answer(x, x0_hat, t, s, eta, z, c):
        g = sigma(t, s, eta, c)
        return c.signal[s] * x0_hat + direction(c.noise[s], g) * _eps(x, x0_hat, t, c) + fresh(g) * z

    return answer


def _eta_with_the_signal_of_t(x, x0_hat, t, s, eta, z, c):
    g = _sigma(t, s, eta, c)
    return c.signal[t] * x0_hat + (c.noise[s] ** 2 - g**2).sqrt() * _eps(x, x0_hat, t, c) + g * z


def _eta_on_x(x, x0_hat, t, s, eta, z, c):
    g = _sigma(t, s, eta, c)
    return c.signal[s] * x0_hat + (c.noise[s] ** 2 - g**2).sqrt() * x + g * z


def _eta_in_floats(x, x0_hat, t, s, eta, z, c):
    n, m, k = float(c.noise[t]), float(c.noise[s]), float(c.signal[t]) / float(c.signal[s])
    g = eta * math.sqrt(n * n - k * k * m * m) * m / n
    eps_hat = (x - float(c.signal[t]) * x0_hat) / n
    return float(c.signal[s]) * x0_hat + math.sqrt(m * m - g * g) * eps_hat + g * z


def _eta_in_numpy(x, x0_hat, t, s, eta, z, c):
    signal, noise = c.signal.numpy(), c.noise.numpy()
    g = eta * noise[s] * np.sqrt(1 - (signal[t] * noise[s] / signal[s] / noise[t]) ** 2)
    eps_hat = (x.numpy() - signal[t] * x0_hat.numpy()) / noise[t]
    return signal[s] * x0_hat.numpy() + np.sqrt(noise[s] ** 2 - g**2) * eps_hat + g * z.numpy()


def _eta_by_hypotenuse(x, x0_hat, t, s, eta, z, c):
    g = _sigma(t, s, eta, c)
    left = torch.sqrt((c.noise[s] - g) * (c.noise[s] + g))
    return torch.einsum(
        "k,k...->...",
        torch.stack([c.signal[s], left, g]).to(x.dtype),
        torch.stack([x0_hat, _eps(x, x0_hat, t, c), z]).to(x.dtype),
    )


def _eta_as_a_correction(x, x0_hat, t, s, eta, z, c):
    eps_hat, g = _eps(x, x0_hat, t, c), _sigma(t, s, eta, c)
    return _ddim(x, x0_hat, t, s, c) + ((c.noise[s] ** 2 - g**2).sqrt() - c.noise[s]) * eps_hat + g * z


def _eta_image_by_image(x, x0_hat, t, s, eta, z, c):
    return torch.stack([_with_eta()(x[k], x0_hat[k], t, s, eta, z[k], c) for k in range(len(x))])


# 05.3 ----------------------------------------------------------------------------------------------------------------


def _evenly(T, steps):
    return [round(T * (1 - k / steps)) for k in range(steps + 1)]


def _by_integer_division(T, steps):
    return list(range(T, -1, -(T // steps)))


def _in_numpy(T, steps):
    return np.rint(np.linspace(T, 0, steps + 1)).astype(int)


def _in_torch(T, steps):
    return torch.linspace(T, 0, steps + 1, dtype=torch.float64).round().long()


def _by_repeated_subtraction(T, steps):
    return [int(round(T - k * T / steps)) for k in range(steps + 1)]


def _reversed(T, steps):
    return list(reversed([round(T * k / steps) for k in range(steps + 1)]))


# 05.4 ----------------------------------------------------------------------------------------------------------------


def _clipped(low=-1.0, high=1.0):
    return lambda x, x0_hat, t, s, c: _ddim(x, x0_hat.clamp(low, high), t, s, c)


def _clip_the_result(x, x0_hat, t, s, c):
    return _ddim(x, x0_hat, t, s, c).clamp(-1, 1)


def _clip_x(x, x0_hat, t, s, c):
    return _ddim(x.clamp(-1, 1), x0_hat.clamp(-1, 1), t, s, c)


def _clip_eps_instead(x, x0_hat, t, s, c):
    return c.signal[s] * x0_hat + c.noise[s] * _eps(x, x0_hat, t, c).clamp(-1, 1)


def _clip_both(x, x0_hat, t, s, c):
    clean = x0_hat.clamp(-1, 1)
    return c.signal[s] * clean + c.noise[s] * _eps(x, clean, t, c).clamp(-1, 1)


def _eps_clipped_image_not(x, x0_hat, t, s, c):
    return c.signal[s] * x0_hat + c.noise[s] * _eps(x, x0_hat.clamp(-1, 1), t, c)


def _scaled_by_its_largest(x, x0_hat, t, s, c):
    return _ddim(x, x0_hat / x0_hat.abs().max().clamp(min=1), t, s, c)


def _rates_exchanged(x, x0_hat, t, s, c):
    clean = x0_hat.clamp(-1, 1)
    return c.noise[s] * clean + c.signal[s] * _eps(x, clean, t, c)


def _through_tanh(x, x0_hat, t, s, c):
    return _ddim(x, x0_hat.tanh(), t, s, c)


def _not_divided(x, x0_hat, t, s, c):
    clean = x0_hat.clamp(-1, 1)
    return c.signal[s] * clean + c.noise[s] * (x - c.signal[t] * clean)


def _clip_at_t_too(x, x0_hat, t, s, c):
    clean = x0_hat.clamp(-1, 1)
    return c.signal[t] * clean + c.noise[s] * _eps(x, clean, t, c)


def _clip_in_numpy(x, x0_hat, t, s, c):
    return _ddim_in_numpy(x, torch.from_numpy(np.clip(x0_hat.numpy(), -1, 1)), t, s, c)


def _clip_with_where(x, x0_hat, t, s, c):
    clean = torch.where(x0_hat > 1, 1.0, torch.where(x0_hat < -1, -1.0, x0_hat.double()))
    return _by_coefficients(x, clean, t, s, c)


def _clip_with_minimum(x, x0_hat, t, s, c):
    clean = torch.minimum(torch.maximum(x0_hat, -torch.ones_like(x0_hat)), torch.ones_like(x0_hat))
    return _by_change(x, clean, t, s, c)


def _clip_image_by_image(x, x0_hat, t, s, c):
    return _ddim_image_by_image(x, x0_hat.clip(-1, 1), t, s, c)


# 05.5 ----------------------------------------------------------------------------------------------------------------


def _inverted(
    signal=lambda c, s, t: c.signal[t], noise=lambda c, s, t: c.noise[t], eps=lambda x, x0, s, t, c: _eps(x, x0, s, c)
):
    """The step upwards with other factors, or with another prediction of the noise."""
    return lambda x, x0_hat, s, t, c: signal(c, s, t) * x0_hat + noise(c, s, t) * eps(x, x0_hat, s, t, c)


def _add_noise_again(x, x0_hat, s, t, c):
    k = c.signal[t] / c.signal[s]
    return k * x + _added(t, s, c).sqrt() * _eps(x, x0_hat, s, c)


def _old_noise_twice(x, x0_hat, s, t, c):
    return c.signal[t] / c.signal[s] * x + c.noise[t] * _eps(x, x0_hat, s, c)


def _invert_by_change(x, x0_hat, s, t, c):
    return _by_change(x, x0_hat, s, t, c)


def _invert_by_solving(x, x0_hat, s, t, c):
    """The x_t from which the DDIM step with this prediction leads to x."""
    ratio = c.noise[s] / c.noise[t]
    return (x - (c.signal[s] - ratio * c.signal[t]) * x0_hat) / ratio


WRONG = {
    "05.1": [
        (_stepped(signal=lambda c, t, s: c.signal[t]), "signal rate of t"),
        (_stepped(noise=lambda c, t, s: c.noise[t]), "noise rate of t"),
        (_stepped(eps=lambda x, x0, t, c: x - c.signal[t] * x0), "not divided by the noise rate"),
        (_stepped(eps=lambda x, x0, t, c: (x - x0) / c.noise[t]), "prediction not scaled in eps"),
        (_stepped(eps=lambda x, x0, t, c: (c.signal[t] * x0 - x) / c.noise[t]), "sign of eps"),
        (_stepped(eps=lambda x, x0, t, c: (x - c.noise[t] * x0) / c.signal[t]), "rates exchanged in eps"),
        (_stepped(eps=lambda x, x0, t, c: x), "x taken for eps"),
        (_stepped(eps=lambda x, x0, t, c: (x - c.signal[t] * x0) / c.noise[t] ** 2), "variance as divisor"),
        (_stepped(signal=lambda c, t, s: c.alpha_bar[s]), "alpha_bar for the rate"),
        (_stepped(signal=lambda c, t, s: c.noise[s], noise=lambda c, t, s: c.signal[s]), "rates exchanged"),
        (_stepped(noise=lambda c, t, s: (1 - c.alpha_bar[s]).sqrt()), "squares taken to add to one"),
        (_ddpm_mean, "mean of DDPM"),
        (lambda x, x0_hat, t, s, c: _ddim(x, x0_hat, t, t - 1, c), "one timestep for the stride"),
        (lambda x, x0_hat, t, s, c: c.signal[s] * x0_hat, "noise left out"),
        (lambda x, x0_hat, t, s, c: c.signal(s) * x0_hat + c.noise(s) * x, "round brackets: raises"),
    ],
    "05.2": [
        (_with_eta(direction=lambda n, g: n), "all old noise kept"),
        (_with_eta(direction=lambda n, g: n - g), "rates subtracted"),
        (_with_eta(direction=lambda n, g: n**2 - g**2), "no root"),
        (_with_eta(direction=lambda n, g: g), "sigma as direction"),
        (_with_eta(direction=lambda n, g: (1 - g**2).sqrt()), "one for the noise rate"),
        (_with_eta(fresh=lambda g: g**2), "variance times z"),
        (_with_eta(fresh=lambda g: 0 * g), "z left out"),
        (_with_eta(fresh=lambda g: -g), "sign of z"),
        (_with_eta(sigma=lambda t, s, eta, c: eta * _added(t, s, c).sqrt()), "root of a alone"),
        (_with_eta(sigma=lambda t, s, eta, c: eta * c.noise[s]), "eta times the noise rate"),
        (_with_eta(sigma=lambda t, s, eta, c: eta * _added(t, s, c) * c.noise[s] / c.noise[t]), "no root of a"),
        (_with_eta(sigma=lambda t, s, eta, c: eta**0.5 * _sigma(t, s, 1, c)), "root of eta"),
        (_with_eta(sigma=lambda t, s, eta, c: _sigma(t, s, 1, c)), "eta left out"),
        (_eta_with_the_signal_of_t, "signal rate of t"),
        (_eta_on_x, "x taken for eps"),
    ],
    "05.3": [
        (_by_integer_division, "integer division"),
        (lambda T, steps: _evenly(T, steps)[::-1], "rising"),
        (lambda T, steps: _evenly(T, steps)[:-1], "0 left out"),
        (lambda T, steps: _evenly(T, steps)[1:], "T left out"),
        (lambda T, steps: _evenly(T, steps - 1), "one too few"),
        (lambda T, steps: _evenly(T, steps + 1), "one too many"),
        (lambda T, steps: _evenly(T - 1, steps), "starts at T - 1"),
        (lambda T, steps: [int(T * (1 - k / steps)) for k in range(steps + 1)], "cut off, not rounded"),
        (lambda T, steps: [math.ceil(T * (1 - k / steps)) for k in range(steps + 1)], "rounded up"),
        (lambda T, steps: [T * (1 - k / steps) for k in range(steps + 1)], "not rounded"),
        (lambda T, steps: [k * (T // steps) for k in range(steps)][::-1], "leading"),
        (lambda T, steps: [T - k * (T // steps) for k in range(steps)] + [0], "integer division, 0 at the end"),
        (lambda T, steps: [T * (1 - k / steps) for k in range(steps + 1)].round(), "a list has no round: raises"),
        (lambda T, steps: list(range(T, -1, -steps)), "steps taken for the stride"),
        (lambda T, steps: [max(1, t) for t in _evenly(T, steps)], "ends at 1"),
    ],
    "05.4": [
        (_clip_the_result, "result clipped"),
        (_clip_x, "x clipped too"),
        (_ddim, "nothing clipped"),
        (_clip_eps_instead, "eps clipped instead"),
        (_clip_both, "eps clipped too"),
        (_eps_clipped_image_not, "only eps follows the clipped image"),
        (_clipped(0.0, 1.0), "clipped to 0..1"),
        (_clipped(-0.5, 0.5), "clipped to half the range"),
        (_clipped(-1.0, 1e9), "only the lower end"),
        (_clipped(-1e9, 1.0), "only the upper end"),
        (_scaled_by_its_largest, "scaled instead of clipped"),
        (_through_tanh, "tanh instead of clipping"),
        (_rates_exchanged, "rates exchanged"),
        (_not_divided, "not divided by the noise rate"),
        (_clip_at_t_too, "signal rate of t"),
    ],
    "05.5": [
        (_inverted(signal=lambda c, s, t: c.signal[s]), "signal rate of s"),
        (_inverted(noise=lambda c, s, t: c.noise[s]), "noise rate of s"),
        (_inverted(eps=lambda x, x0, s, t, c: _eps(x, x0, t, c)), "eps with the rates of t"),
        (_old_noise_twice, "old noise counted twice"),
        (_inverted(eps=lambda x, x0, s, t, c: (x - c.signal[t] * x0) / c.noise[s]), "wrong signal rate in eps"),
        (_inverted(eps=lambda x, x0, s, t, c: x - c.signal[s] * x0), "not divided"),
        (_inverted(eps=lambda x, x0, s, t, c: (x - x0) / c.noise[s]), "prediction not scaled in eps"),
        (_inverted(eps=lambda x, x0, s, t, c: -_eps(x, x0, s, c)), "sign of eps"),
        (_inverted(eps=lambda x, x0, s, t, c: x), "x taken for eps"),
        (_inverted(noise=lambda c, s, t: (1 - c.alpha_bar[t]).sqrt()), "squares taken to add to one"),
        (_inverted(signal=lambda c, s, t: c.alpha_bar[t]), "alpha_bar for the rate"),
        (_inverted(noise=lambda c, s, t: c.noise[t] ** 2), "variance for the rate"),
        (lambda x, x0_hat, s, t, c: _ddim(x, x0_hat, t, s, c), "step downwards"),
        (_add_noise_again, "forward process with eps_hat"),
        (lambda x, x0_hat, s, t, c: 2 * x - _ddim(x, x0_hat, t, s, c), "step downwards, mirrored"),
    ],
}

RIGHT = {
    "05.1": [_by_coefficients, _by_change, _ddim_in_numpy, _ddim_image_by_image, _ddim_in_float32],
    "05.2": [_eta_in_floats, _eta_in_numpy, _eta_by_hypotenuse, _eta_as_a_correction, _eta_image_by_image],
    "05.3": [_evenly, _in_numpy, _in_torch, _by_repeated_subtraction, _reversed],
    "05.4": [_clipped(), _clip_in_numpy, _clip_with_where, _clip_with_minimum, _clip_image_by_image],
    "05.5": [
        _inverted(),
        _invert_by_change,
        _invert_by_solving,
        lambda x, x0_hat, s, t, c: _ddim_in_numpy(x, x0_hat, s, t, c),
        lambda x, x0_hat, s, t, c: _ddim_image_by_image(x, x0_hat, s, t, c),
    ],
}
