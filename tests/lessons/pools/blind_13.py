"""Answers to 13.1 to 13.3 that were written without knowing the checks: wrong ones with a name, and right ones."""

from itertools import pairwise

import numpy as np
import torch


def _wide(tau, x0):
    return tau.reshape(-1, *[1] * (x0.ndim - 1))


def _mix(x0, eps, tau):
    tau = _wide(tau, x0)
    return (1 - tau) * x0 + tau * eps


def _same_tau(x0, eps, tau):
    return (1 - tau) * x0 + tau * eps, eps - x0


_PAIR = [
    (lambda x0, e, tau: (_mix(x0, e, tau), x0 - e), "velocity with the wrong sign"),
    (lambda x0, e, tau: (_mix(e, x0, tau), e - x0), "image and noise exchanged in x"),
    (lambda x0, e, tau: (_mix(e, x0, tau), x0 - e), "time runs from noise to image"),
    (lambda x0, e, tau: (_mix(x0, e, tau), e), "target eps"),
    (lambda x0, e, tau: (_mix(x0, e, tau), x0), "target x0"),
    (lambda x0, e, tau: (_mix(x0, e, tau), e - _mix(x0, e, tau)), "eps - x: starts at the noisy image"),
    (lambda x0, e, tau: (_mix(x0, e, tau), _wide(tau, x0) * (e - x0)), "velocity multiplied by tau"),
    (
        lambda x0, e, tau: ((1 - _wide(tau, x0)).sqrt() * x0 + _wide(tau, x0).sqrt() * e, e - x0),
        "roots of tau: variance preserving",
    ),
    (
        lambda x0, e, tau: ((1 - _wide(tau, x0) ** 2).sqrt() * x0 + _wide(tau, x0) * e, e - x0),
        "squares sum to one",
    ),
    (lambda x0, e, tau: (x0 + _wide(tau, x0) * e, e - x0), "the image does not shrink"),
    (lambda x0, e, tau: (_mix(x0, e, tau[:1]), e - x0), "the first tau for all"),
    (lambda x0, e, tau: (_mix(x0, e, tau.mean()[None]), e - x0), "the mean tau for all"),
    (_same_tau, "tau not reshaped"),
    (lambda x0, e, tau: (e - x0, _mix(x0, e, tau)), "x and u exchanged"),
    (lambda x0, e, tau: _mix(x0, e, tau), "x only"),
]

_VELOCITY = [
    (lambda x, h, tau: (h - x) / tau, "sign"),
    (lambda x, h, tau: x - h, "not divided"),
    (lambda x, h, tau: (x - h) * tau, "multiplied in place of divided"),
    (lambda x, h, tau: (x - h) / (1 - tau), "divided by what is left of the image"),
    (lambda x, h, tau: (x - (1 - tau) * h) / tau, "eps_hat in place of the velocity"),
    (lambda x, h, tau: (x + h) / tau, "plus for minus"),
    (lambda x, h, tau: x - h / tau, "bracket forgotten"),
    (lambda x, h, tau: x / tau - h, "only x divided"),
    (lambda x, h, tau: (x - h) / tau**2, "tau squared"),
    (lambda x, h, tau: (x - h) / tau**0.5, "root of tau"),
    (lambda x, h, tau: ((1 - tau) * h - x) / tau, "-eps_hat"),
    (lambda x, h, tau: (x - tau * h) / (1 - tau), "x0 and eps exchanged"),
    (lambda x, h, tau: x * 0 + h, "the prediction itself"),
    (lambda x, h, tau: x, "x itself"),
    (lambda x, h, tau: ((x - h) / tau).mean(), "mean over everything"),
]


def _euler(denoise, x, taus, step):
    for tau, after in pairwise(taus):
        x = step(x, denoise(x, tau), tau, after)
    return x


def _in_place_of_last(denoise, x, taus):
    for tau, after in pairwise(taus[:-1]):
        x = x + (after - tau) * (x - denoise(x, tau)) / tau
    return x


def _returns_in_loop(denoise, x, taus):
    for tau, after in pairwise(taus):
        return x + (after - tau) * (x - denoise(x, tau)) / tau
    return x


def _ascending(denoise, x, taus):
    return _euler(denoise, x, sorted(taus), lambda x, h, tau, after: x + (after - tau) * (x - h) / max(tau, 1e-8))


def _every_state(denoise, x, taus):
    states = [x]
    for tau, after in pairwise(taus):
        states.append(states[-1] + (after - tau) * (states[-1] - denoise(states[-1], tau)) / tau)
    return states


def _one_prediction(denoise, x, taus):
    h = denoise(x, taus[0])
    return _euler(lambda x, tau: h, x, taus, lambda x, h, tau, after: x + (after - tau) * (x - h) / tau)


def _start_kept(denoise, x, taus):
    start = x
    for tau, after in pairwise(taus):
        x = start + (after - tau) * (x - denoise(x, tau)) / tau
    return x


def _even_steps(denoise, x, taus):
    steps = len(taus) - 1
    return _euler(denoise, x, taus, lambda x, h, tau, after: x - (x - h) / tau / steps)


def _divides_by_zero(denoise, x, taus):
    for k in range(len(taus)):
        after = taus[k + 1] if k + 1 < len(taus) else 0.0
        x = x + (after - taus[k]) * (x - denoise(x, taus[k])) / taus[k]
    return x


def _past_the_end(denoise, x, taus):
    for k in range(len(taus)):
        x = x + (taus[k + 1] - taus[k]) * (x - denoise(x, taus[k])) / taus[k]
    return x


_EULER = [
    (
        lambda d, x, taus: _euler(d, x, taus, lambda x, h, tau, after: x + (tau - after) * (x - h) / tau),
        "sign: away from the image",
    ),
    (_in_place_of_last, "last step left out"),
    (_returns_in_loop, "return inside the loop"),
    (_ascending, "from clean to noise"),
    (_every_state, "all states in place of the last"),
    (_one_prediction, "predicted once, at the start"),
    (_start_kept, "every step starts from the noise"),
    (_even_steps, "equal steps whatever the taus"),
    (_divides_by_zero, "a step from tau 0: divides by zero or raises"),
    (_past_the_end, "index past the end: raises"),
    (
        lambda d, x, taus: _euler(
            lambda x, tau: d(x, tau), x, taus, lambda x, h, tau, after: x + (after - tau) * (x - h)
        ),
        "velocity not divided by tau",
    ),
    (
        lambda d, x, taus: _euler(d, x, taus, lambda x, h, tau, after: x + after * (x - h) / tau),
        "next tau in place of the difference",
    ),
    (
        lambda d, x, taus: _euler(d, x, taus, lambda x, h, tau, after: x - tau * (x - h) / tau),
        "jumps to the prediction in every step",
    ),
    (
        lambda d, x, taus: _euler(d, x, taus, lambda x, h, tau, after: (1 - after) * h + after * x),
        "the prediction mixed with x in place of eps_hat",
    ),
    (
        lambda d, x, taus: [x := x + (b - a) * (x - d(x, b)) / a for a, b in pairwise(taus)][-1],
        "predicts at the next tau",
    ),
]

WRONG = {"13.1": _PAIR, "13.2": _VELOCITY, "13.3": _EULER}


def _loop_pair(x0, eps, tau):
    x = torch.stack([x0[k] * (1 - tau[k]) + eps[k] * tau[k] for k in range(len(x0))])
    return [x, torch.stack([e - a for a, e in zip(x0, eps, strict=True)])]


def _recursion(denoise, x, taus):
    if len(taus) == 1:
        return x
    return _recursion(denoise, x + (taus[1] - taus[0]) * (x - denoise(x, taus[0])) / taus[0], taus[1:])


def _indexed(denoise, x, taus):
    for k in range(1, len(taus)):
        h = denoise(x, taus[k - 1])
        x = h + (x - h) * (taus[k] / taus[k - 1])
    return x


def _while(denoise, x, taus):
    left = list(taus)
    while len(left) > 1:
        tau = left.pop(0)
        h = denoise(x, tau)
        eps_hat = (x - (1 - tau) * h) / tau
        x = (1 - left[0]) * h + left[0] * eps_hat
    return x


RIGHT = {
    "13.1": [
        lambda x0, e, tau: (_mix(x0, e, tau), e - x0),
        _loop_pair,
        lambda x0, e, tau: (x0 + _wide(tau, x0) * (e - x0), -(x0 - e)),
        lambda x0, e, tau: (torch.lerp(x0, e.to(x0), _wide(tau, x0).to(x0)), e - x0),
        lambda x0, e, tau: (
            np.einsum("b,b...->b...", 1 - tau.numpy(), x0.numpy()) + np.einsum("b,b...->b...", tau.numpy(), e.numpy()),
            np.subtract(e.numpy(), x0.numpy()),
        ),
    ],
    "13.2": [
        lambda x, h, tau: (x - h) / tau,
        lambda x, h, tau: x / tau - h / tau,
        lambda x, h, tau: -(h - x) * (1 / tau),
        lambda x, h, tau: (x - (1 - tau) * h) / tau - h,
        lambda x, h, tau: (x.numpy() - h.numpy()) / np.float64(tau),
    ],
    "13.3": [
        lambda d, x, taus: _euler(d, x, taus, lambda x, h, tau, after: x + (after - tau) * (x - h) / tau),
        _recursion,
        _indexed,
        _while,
        lambda d, x, taus: _euler(d, x, taus, lambda x, h, tau, after: (x * after + h * (tau - after)) / tau),
    ],
}
