"""Answers to lesson 03 that were written without knowing its checks: wrong ones with a name, and right ones."""

import math

import numpy as np
import torch


def _rates(t, schedule):
    return float(schedule.signal[t]), float(schedule.noise[t])


def _apart(x, points):
    return x[:, None] - points[None]


def _squares(x, points, t, schedule, signal=None):
    signal = schedule.signal[t] if signal is None else signal
    return (_apart(x, signal * points) ** 2).sum(-1)


def _loop_distances(x, points, t, schedule):
    rows = []
    for row in x.tolist():
        ones = []
        for point in points.tolist():
            total = 0.0
            for a, b in zip(row, point, strict=True):
                total += (a - float(schedule.signal[t]) * b) ** 2
            ones.append(total)
        rows.append(ones)
    return torch.tensor(rows)


def _expanded_distances(x, points, t, schedule):
    moved = schedule.signal[t] * points
    return (x**2).sum(1, keepdim=True) - 2 * x @ moved.T + (moved**2).sum(1)


def _raises_distances(x, points, t, schedule):
    return (x - schedule.signal[t] * points[:, :, None]) ** 2 @ points


_DISTANCES = [
    (lambda x, p, t, s: _squares(x, p, t, s).sqrt(), "root of the squared distance"),
    (lambda x, p, t, s: _squares(x, p, t, s, 1.0), "points not scaled by the signal rate"),
    (lambda x, p, t, s: _squares(x, p, t, s, s.alpha_bar[t]), "points scaled by alpha_bar"),
    (lambda x, p, t, s: _squares(x, p, t, s, s.noise[t]), "points scaled by the noise rate"),
    (lambda x, p, t, s: (_apart(x / s.signal[t], p) ** 2).sum(-1), "x divided by the signal rate"),
    (lambda x, p, t, s: (_apart(s.signal[t] * x, p) ** 2).sum(-1), "x scaled in place of the points"),
    (lambda x, p, t, s: _squares(x, p, t, s).T, "transposed: (n, b)"),
    (lambda x, p, t, s: (_apart(x, s.signal[t] * p) ** 2).mean(-1), "mean over the coordinates"),
    (lambda x, p, t, s: _apart(x, s.signal[t] * p).sum(-1) ** 2, "squared after summing"),
    (lambda x, p, t, s: _apart(x, s.signal[t] * p).abs().sum(-1), "city block distance"),
    (lambda x, p, t, s: _apart(x, s.signal[t] * p) ** 2, "not summed over the coordinates"),
    (lambda x, p, t, s: (_apart(x, -s.signal[t] * p) ** 2).sum(-1), "plus for minus"),
    (lambda x, p, t, s: _squares(x, p, t, s) / s.noise[t] ** 2, "divided by the noise variance already"),
    (_raises_distances, "shapes that do not fit"),
    (lambda x, p, t, s: ((x[:, None] ** 2) - (s.signal[t] * p) ** 2).sum(-1), "difference of the squares"),
]


def _closeness(x, points, t, schedule, signal=1.0, power=2, factor=2.0, sign=-1, dim=1):
    rate, noise = _rates(t, schedule)
    return torch.softmax(sign * _squares(x, points, t, schedule, rate * signal) / (factor * noise**power), dim)


def _naive_softmax(x, points, t, schedule, power=None):
    _, noise = _rates(t, schedule)
    weights = torch.exp(-_squares(x, points, t, schedule) / (2 * noise**2))
    return weights / weights.sum(1, keepdim=True)


def _unnormalised(x, points, t, schedule):
    return torch.exp(-_squares(x, points, t, schedule) / (2 * schedule.noise[t] ** 2))


_CLOSENESS = [
    (lambda x, p, t, s: _closeness(x, p, t, s, dim=0), "softmax over the batch"),
    (lambda x, p, t, s: _closeness(x, p, t, s, sign=1), "sign: far points weigh most"),
    (lambda x, p, t, s: _closeness(x, p, t, s, factor=1), "missing 2"),
    (lambda x, p, t, s: _closeness(x, p, t, s, power=1), "noise in place of its square"),
    (lambda x, p, t, s: torch.softmax(-_squares(x, p, t, s, 1.0) / (2 * s.noise[t] ** 2), 1), "points not scaled"),
    (
        lambda x, p, t, s: torch.softmax(-_squares(x, p, t, s).sqrt() / (2 * s.noise[t] ** 2), 1),
        "distance for squared distance",
    ),
    (lambda x, p, t, s: torch.softmax(-_squares(x, p, t, s), 1), "noise forgotten"),
    (_unnormalised, "not normalised"),
    (lambda x, p, t, s: _closeness(x, p, t, s).T, "transposed: (n, b)"),
    (lambda x, p, t, s: _closeness(x, p, t, s, factor=0.5), "divided by 1/2: two brackets forgotten"),
    (
        lambda x, p, t, s: torch.softmax(-_squares(x, p, t, s) / (2 * s.alpha_bar[t]), 1),
        "divided by the signal's power",
    ),
    (
        lambda x, p, t, s: torch.softmax(-_squares(x, p, t, s) / (2 * (1 - s.alpha_bar[t])), 1),
        "assumes that the squares sum to one",
    ),
    (
        lambda x, p, t, s: (1 / (_squares(x, p, t, s) + 1e-8)) / (1 / (_squares(x, p, t, s) + 1e-8)).sum(1, True),
        "inverse distances",
    ),
    (
        lambda x, p, t, s: torch.nn.functional.one_hot(_squares(x, p, t, s).argmin(1), len(p)).double(),
        "only the nearest point",
    ),
    (lambda x, p, t, s: _unnormalised(x, p, t, s) / _unnormalised(x, p, t, s).sum(), "normalised over everything"),
]


def _predict(x, points, t, schedule):
    return _closeness(x, points, t, schedule).to(points.dtype) @ points


_PREDICTION = [
    (lambda x, p, t, s: p[_squares(x, p, t, s).argmin(1)], "the nearest point"),
    (lambda x, p, t, s: p.mean(0).expand(len(x), -1), "the mean of all points"),
    (lambda x, p, t, s: s.signal[t] * _predict(x, p, t, s), "scaled by the signal rate"),
    (lambda x, p, t, s: _predict(x, p, t, s) / s.signal[t], "divided by the signal rate"),
    (lambda x, p, t, s: x / s.signal[t], "x divided by the signal rate"),
    (lambda x, p, t, s: _closeness(x, p, t, s, dim=0) @ p.double(), "softmax over the batch"),
    (lambda x, p, t, s: _closeness(x, p, t, s, factor=1) @ p.double(), "missing 2"),
    (lambda x, p, t, s: _closeness(x, p, t, s, power=1) @ p.double(), "noise in place of its square"),
    (
        lambda x, p, t, s: torch.softmax(-_squares(x, p, t, s, 1.0) / (2 * s.noise[t] ** 2), 1) @ p.double(),
        "points not scaled in the distance",
    ),
    (lambda x, p, t, s: _closeness(x, p, t, s, sign=1) @ p.double(), "sign: the farthest points"),
    (lambda x, p, t, s: _unnormalised(x, p, t, s).double() @ p.double(), "weights not normalised"),
    (lambda x, p, t, s: _closeness(x, p, t, s), "the weights, not the points"),
    (lambda x, p, t, s: _closeness(x, p, t, s) @ p.double() / len(p), "mean in place of sum"),
    (lambda x, p, t, s: p.T @ _closeness(x, p, t, s), "wrong order of the product"),
    (lambda x, p, t, s: p[_closeness(x, p, t, s).argmin(1)], "the farthest point"),
]

_SCORE = [
    (lambda x, h, t, s: (x - s.signal[t] * h) / s.noise[t] ** 2, "sign"),
    (lambda x, h, t, s: (s.signal[t] * h - x) / s.noise[t], "noise in place of its square"),
    (lambda x, h, t, s: (x - s.signal[t] * h) / s.noise[t], "eps_hat"),
    (lambda x, h, t, s: (h - x) / s.noise[t] ** 2, "prediction not scaled"),
    (lambda x, h, t, s: (s.alpha_bar[t] * h - x) / s.noise[t] ** 2, "alpha_bar for the signal rate"),
    (lambda x, h, t, s: s.signal[t] * h - x, "not divided"),
    (lambda x, h, t, s: (s.signal[t] * h - x) / (2 * s.noise[t] ** 2), "a 2 in the denominator"),
    (lambda x, h, t, s: (s.signal[t] * h - x) / (1 - s.alpha_bar[t]), "assumes that the squares sum to one"),
    (lambda x, h, t, s: s.signal[t] * (h - x) / s.noise[t] ** 2, "both scaled"),
    (lambda x, h, t, s: (h - s.signal[t] * x) / s.noise[t] ** 2, "the wrong one scaled"),
    (lambda x, h, t, s: (s.signal[t] * h - x) / s.signal[t] ** 2, "divided by the signal's power"),
    (lambda x, h, t, s: s.signal[t] * h - x / s.noise[t] ** 2, "bracket forgotten"),
    (lambda x, h, t, s: (s.signal[t] * h + x) / s.noise[t] ** 2, "plus for minus"),
    (lambda x, h, t, s: (s.signal[t] * h - x) * s.noise[t] ** 2, "multiplied in place of divided"),
    (lambda x, h, t, s: ((s.signal[t] * h - x) / s.noise[t] ** 2).mean(), "mean over everything"),
]


def _mean(a, b):
    return torch.cdist(a.double(), b.double()).mean()


def _square(a, b):
    return (torch.cdist(a.double(), b.double()) ** 2).mean()


def _others(a):
    return torch.cdist(a.double(), a.double()).sum() / (len(a) * (len(a) - 1))


def _pairs_raise(a, b):
    return (a - b).norm(dim=1).mean() * 2 - _mean(a, a) - _mean(b, b)


_ENERGY = [
    (lambda a, b: 2 * _mean(a, b) - 2 * _mean(a, a), "the first set in place of the second"),
    (lambda a, b: (2 * _mean(a, b) - _mean(a, a) - _mean(b, b)).sqrt(), "root of it"),
    (lambda a, b: 2 * _mean(a, b), "only the part between the sets"),
    (lambda a, b: 2 * _mean(a, b) + _mean(a, a) + _mean(b, b), "plus for minus"),
    (lambda a, b: _mean(a, a) + _mean(b, b) - 2 * _mean(a, b), "sign"),
    (lambda a, b: 2 * _square(a, b) - _square(a, a) - _square(b, b), "squared distances"),
    (lambda a, b: 2 * _mean(a, b) - _others(a) - _others(b), "a point with itself left out"),
    (lambda a, b: (2 * _mean(a, b) - _mean(a, a) - _mean(b, b)) / 2, "halved"),
    (lambda a, b: 2 * _mean(a, b) - 2 * _mean(a, a) - 2 * _mean(b, b), "2 everywhere"),
    (lambda a, b: 2 * _mean(a, b) - _mean(a, a), "second set forgotten"),
    (
        lambda a, b: 2 * torch.cdist(a, b).sum() - torch.cdist(a, a).sum() - torch.cdist(b, b).sum(),
        "sums in place of means",
    ),
    (lambda a, b: (a.mean(0) - b.mean(0)).norm(), "distance of the means"),
    (
        lambda a, b: 2 * torch.cdist(a, b, p=1).mean() - torch.cdist(a, a, p=1).mean() - torch.cdist(b, b, p=1).mean(),
        "city block distance",
    ),
    (_pairs_raise, "row by row: raises where n differs from m"),
    (
        lambda a, b: 2 * torch.cdist(a, b).amin(1).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean(),
        "nearest point in place of the mean",
    ),
]


def _wide(theta, x0):
    return theta.reshape(-1, *[1] * (x0.ndim - 1))


def _pair(x0, eps, theta, target):
    c, s = _wide(theta, x0).cos(), _wide(theta, x0).sin()
    return c * x0 + s * eps, target(x0, eps, c, s)


_TRAINING_PAIR = [
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: c * e + s * x0), "plus in v"),
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: s * x0 - c * e), "sign of v"),
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: s * e - c * x0), "sine and cosine exchanged in v"),
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: e), "target eps"),
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: x0), "target x0"),
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: e - x0), "target of flow matching"),
    (
        lambda x0, e, th: (
            _wide(th, x0).sin() * x0 + _wide(th, x0).cos() * e,
            _wide(th, x0).cos() * e - _wide(th, x0).sin() * x0,
        ),
        "sine and cosine exchanged in y",
    ),
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: c * e - s * x0)[::-1], "y and v exchanged"),
    (lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: c * e - s * x0)[0], "y only"),
    (lambda x0, e, th: _pair(x0, e, th[:1], lambda x0, e, c, s: c * e - s * x0), "the first angle for all"),
    (lambda x0, e, th: _pair(x0, e, th.mean()[None], lambda x0, e, c, s: c * e - s * x0), "the mean angle for all"),
    (lambda x0, e, th: _pair(x0, e, torch.deg2rad(th), lambda x0, e, c, s: c * e - s * x0), "angles in degrees"),
    (
        lambda x0, e, th: (
            _wide(th, x0).cos() ** 2 * x0 + _wide(th, x0).sin() ** 2 * e,
            _wide(th, x0).cos() * e - _wide(th, x0).sin() * x0,
        ),
        "squared rates in y",
    ),
    (lambda x0, e, th: (th.cos() * x0 + th.sin() * e, th.cos() * e - th.sin() * x0), "angles not reshaped"),
    (
        lambda x0, e, th: (
            _wide(th, x0).cos() * x0 - _wide(th, x0).sin() * e,
            _wide(th, x0).cos() * e + _wide(th, x0).sin() * x0,
        ),
        "turned the other way",
    ),
]

WRONG = {
    "03.1": _DISTANCES,
    "03.2": _CLOSENESS,
    "03.3": _PREDICTION,
    "03.4": _SCORE,
    "03.5": _ENERGY,
    "03.6": _TRAINING_PAIR,
}


def _numpy_closeness(x, points, t, schedule):
    rate, noise = _rates(t, schedule)
    apart = x.double().numpy()[:, None] - rate * points.double().numpy()[None]
    logits = -np.einsum("bnd,bnd->bn", apart, apart) / (2 * noise**2)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def _loop_closeness(x, points, t, schedule):
    rate, noise = _rates(t, schedule)
    rows = []
    for one in x.double():
        logits = [-sum((one - rate * point.double()) ** 2).item() / (2 * noise**2) for point in points]
        best = max(logits)
        weights = [math.exp(logit - best) for logit in logits]
        rows.append([weight / sum(weights) for weight in weights])
    return torch.tensor(rows, dtype=torch.float64)


def _log_closeness(x, points, t, schedule):
    rate, noise = _rates(t, schedule)
    logits = -(torch.cdist(x.double(), rate * points.double()) ** 2) / 2 / noise / noise
    return (logits - torch.logsumexp(logits, 1, keepdim=True)).exp()


def _dropped_closeness(x, points, t, schedule):
    """|x|^2 is the same for every point, so the softmax does not see it."""
    rate, noise = _rates(t, schedule)
    x, points = x.double(), points.double()
    return torch.softmax((rate * x @ points.T - rate**2 * (points**2).sum(1) / 2) / noise**2, -1)


_RIGHT_CLOSENESS = [
    _numpy_closeness,
    _loop_closeness,
    _log_closeness,
    _dropped_closeness,
    lambda x, p, t, s: _squares(x, p, t, s).div(-2 * s.noise[t] ** 2).softmax(dim=-1).float(),
]


def _loop_energy(a, b):
    def mean(one, other):
        return sum(math.dist(u, v) for u in one.tolist() for v in other.tolist()) / (len(one) * len(other))

    return 2 * mean(a, b) - mean(a, a) - mean(b, b)


def _numpy_energy(a, b):
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    mean = lambda u, v: np.linalg.norm(u[:, None] - v[None], axis=2).mean()  # noqa: E731
    return 2 * mean(a, b) - mean(a, a) - mean(b, b)


def _loop_pair(x0, eps, theta):
    y, v = torch.empty_like(x0), torch.empty_like(x0)
    for k in range(len(x0)):
        c, s = math.cos(theta[k]), math.sin(theta[k])
        y[k], v[k] = c * x0[k] + s * eps[k], c * eps[k] - s * x0[k]
    return y, v


RIGHT = {
    "03.1": [
        _loop_distances,
        _expanded_distances,
        lambda x, p, t, s: torch.cdist(x.double(), s.signal[t] * p.double()) ** 2,
        lambda x, p, t, s: np.array(
            [[np.sum((a - float(s.signal[t]) * b) ** 2) for b in p.numpy()] for a in x.numpy()]
        ),
        lambda x, p, t, s: torch.einsum(
            "bnd,bnd->bn", x[:, None] - s.signal[t] * p, x[:, None] - s.signal[t] * p
        ).float(),
    ],
    "03.2": _RIGHT_CLOSENESS,
    "03.3": [
        lambda x, p, t, s: torch.tensor(_numpy_closeness(x, p, t, s)) @ p.double(),
        lambda x, p, t, s: _loop_closeness(x, p, t, s) @ p.double(),
        lambda x, p, t, s: torch.einsum("bn,nd->bd", _log_closeness(x, p, t, s), p.double()),
        lambda x, p, t, s: (_dropped_closeness(x, p, t, s)[:, :, None] * p[None]).sum(1),
        lambda x, p, t, s: (p.double().T @ _log_closeness(x, p, t, s).T).T.float(),
    ],
    "03.4": [
        lambda x, h, t, s: (s.signal[t] * h - x) / s.noise[t] ** 2,
        lambda x, h, t, s: -((x - s.signal[t] * h) / s.noise[t]) / s.noise[t],
        lambda x, h, t, s: h * (s.signal[t] / s.noise[t] ** 2) - x / s.noise[t].square(),
        lambda x, h, t, s: (float(s.signal[t]) * h.numpy() - x.numpy()) / float(s.noise[t]) ** 2,
        lambda x, h, t, s: torch.stack(
            [(s.signal[t] * b - a) * s.noise[t] ** -2 for a, b in zip(x, h, strict=True)]
        ).float(),
    ],
    "03.5": [
        lambda a, b: 2 * _mean(a, b) - _mean(a, a) - _mean(b, b),
        _loop_energy,
        _numpy_energy,
        lambda a, b: (_mean(a, b) - _mean(a, a)) + (_mean(b, a) - _mean(b, b)),
        lambda a, b: (
            2 * ((a[:, None] - b) ** 2).sum(-1).sqrt().mean().item()
            - ((a[:, None] - a) ** 2).sum(-1).sqrt().mean().item()
            - ((b[:, None] - b) ** 2).sum(-1).sqrt().mean().item()
        ),
    ],
    "03.6": [
        lambda x0, e, th: _pair(x0, e, th, lambda x0, e, c, s: c * e - s * x0),
        _loop_pair,
        lambda x0, e, th: list(_pair(x0.float(), e.float(), th.float(), lambda x0, e, c, s: c * e - s * x0)),
        lambda x0, e, th: (
            (x0.transpose(0, -1) * th.cos() + e.transpose(0, -1) * th.sin()).transpose(0, -1),
            (e.transpose(0, -1) * th.cos() - x0.transpose(0, -1) * th.sin()).transpose(0, -1),
        ),
        lambda x0, e, th: tuple(
            np.einsum("b,b...->b...", p.numpy(), u.numpy()) + np.einsum("b,b...->b...", q.numpy(), w.numpy())
            for p, u, q, w in ((th.cos(), x0, th.sin(), e), (th.cos(), e, -th.sin(), x0))
        ),
    ],
}
