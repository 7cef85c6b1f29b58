"""Lesson 03: typical wrong answers get the hint for their mistake, right ones pass; the figures it quotes are true."""

import math

import numpy as np
import pool
import pytest
import torch

from diffusion_edu import toy2d
from diffusion_edu.core import walk
from diffusion_edu.data.points import Points, two_moons
from diffusion_edu.denoisers import NeuralDenoiser, exact
from diffusion_edu.lessons.exercises.lesson_03 import EXERCISES
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced


def squares(x, points, t, c, rate=lambda c, t: c.signal[t]):
    return torch.cdist(x, rate(c, t) * points) ** 2


def squares_multiplied_out(x, points, t, c):
    p = c.signal[t] * points
    return (x**2).sum(1, keepdim=True) + (p**2).sum(1) - 2 * x @ p.T


def squares_in_loops(x, points, t, c):
    s = float(c.signal[t])
    return [[sum((a - s * b) ** 2 for a, b in zip(i, p, strict=True)) for p in points.tolist()] for i in x.tolist()]


def squares_in_numpy(x, points, t, c):
    return ((x.numpy()[:, None] - c.signal[t].numpy() * points.numpy()) ** 2).sum(-1)


def squares_in_einsum(x, points, t, c):
    away = c.signal[t] * points - x.unsqueeze(1)
    return torch.einsum("bnd,bnd->bn", away, away)


def weights(x, points, t, c, axis=1, rate=lambda c, t: c.signal[t], below=lambda c, t: 2 * c.noise[t] ** 2):
    return torch.softmax(-squares(x, points, t, c, rate) / below(c, t), axis)


def weights_by_hand(x, points, t, c):
    z = -squares(x, points, t, c) / (2 * c.noise[t] ** 2)
    w = torch.exp(z - z.max(1, keepdim=True).values)
    return w / w.sum(1, keepdim=True)


def weights_by_logarithms(x, points, t, c):
    z = -squares(x, points, t, c) / (2 * c.noise[t] ** 2)
    return (z - z.logsumexp(1, keepdim=True)).exp()


def weights_in_numpy(x, points, t, c):
    z = -squares_in_numpy(x, points, t, c) / (2 * float(c.noise[t]) ** 2)
    w = np.exp(z - z.max(1, keepdims=True))
    return w / w.sum(1, keepdims=True)


def weights_without_the_length_of_x(x, points, t, c):
    s, n = c.signal[t], c.noise[t]
    return ((s * x @ points.T - s**2 * points.square().sum(1) / 2) / n**2).softmax(-1)


def unstable(x, points, t, c):
    w = torch.exp(-squares(x, points, t, c) / (2 * c.noise[t] ** 2))
    return w / w.sum(1, keepdim=True)


def prediction(x, points, t, c, **options):
    return weights(x, points, t, c, **options) @ points


def prediction_by_the_library(x, points, t, c):
    return exact(points, c)(x, t)


def prediction_in_a_loop(x, points, t, c):
    w = weights_by_hand(x, points, t, c)
    return torch.stack([sum(w[k, j] * points[j] for j in range(len(points))) for k in range(len(x))])


def nearest(x, points, t, c):
    return points[squares(x, points, t, c).argmin(1)]


def arrow(x, x0, t, c, start=lambda x: x, end=lambda x0, c, t: c.signal[t] * x0, below=lambda c, t: c.noise[t] ** 2):
    return (end(x0, c, t) - start(x)) / below(c, t)


def eps(x, x0, t, c):
    return (x - c.signal[t] * x0) / c.noise[t]


def mean_distance(a, b, power=1):
    return (a[:, None] - b[None]).square().sum(-1).sqrt().pow(power).mean()


def energy(a, b, weights=(2, 1, 1), mean=mean_distance):
    return weights[0] * mean(a, b) - weights[1] * mean(a, a) - weights[2] * mean(b, b)


def energy_in_loops(a, b):
    def mean(one, other):
        return sum(math.dist(p, q) for p in one.tolist() for q in other.tolist()) / (len(one) * len(other))

    return 2 * mean(a, b) - mean(a, a) - mean(b, b)


def energy_in_numpy(a, b):
    a, b = a.numpy(), b.numpy()
    far = lambda p, q: np.linalg.norm(p[:, None] - q[None], axis=2).mean()  # noqa: E731
    return far(a, b) - far(a, a) + far(a, b) - far(b, b)


def pair(x0, eps, theta, sign=-1, axis=1):
    c, s = theta.cos().unsqueeze(axis), theta.sin().unsqueeze(axis)
    return c * x0 + s * eps, c * eps + sign * s * x0


def pair_in_rows(x0, eps, theta):
    rows = [
        (math.cos(a) * x + math.sin(a) * e, math.cos(a) * e - math.sin(a) * x)
        for x, e, a in zip(x0, eps, theta.tolist(), strict=True)
    ]
    return torch.stack([y for y, _ in rows]), torch.stack([v for _, v in rows])


def pair_by_differentiation(x0, eps, theta):
    turn = theta[:, None].clone().requires_grad_()
    y = turn.cos() * x0 + turn.sin() * eps
    columns = [torch.autograd.grad(y[:, k].sum(), turn, retain_graph=True)[0] for k in range(y.shape[1])]
    return y.detach(), torch.cat(columns, 1)


def pair_in_numpy(x0, eps, theta):
    c, s = np.cos(theta.numpy())[:, None], np.sin(theta.numpy())[:, None]
    return [c * x0.numpy() + s * eps.numpy(), c * eps.numpy() - s * x0.numpy()]


def pair_from_y(x0, eps, theta):
    y = pair(x0, eps, theta)[0]
    return y, (eps - theta.sin()[:, None] * y) / theta.cos()[:, None]


WRONG = {
    "03.1": [
        (lambda x, p, t, c: squares(x, p, t, c, lambda c, t: 1), "clean points"),
        (lambda x, p, t, c: squares(x, p, t, c, lambda c, t: c.alpha_bar[t]), "a power"),
        (lambda x, p, t, c: squares(x, p, t, c, lambda c, t: c.noise[t]), "noise rate"),
        (lambda x, p, t, c: squares(x, p, t, c).sqrt(), "one root too many"),
        (lambda x, p, t, c: squares(x, p, t, c) / x.shape[1], "mean over the coordinates"),
        (lambda x, p, t, c: torch.cdist(x, c.signal[t] * p, p=1), "absolute values"),
        (lambda x, p, t, c: (x[:, None] - c.signal[t] * p) ** 2, "not been added up"),
        (lambda x, p, t, c: squares(x, p, t, c).T, "exchanged"),
        (lambda x, p, t, c: squares(c.signal[t] * x, p, t, c), "shrink both"),
    ],
    "03.2": [
        (lambda *i: weights(*i, axis=0), "over the batch"),
        (lambda *i: weights(*i, rate=lambda c, t: 1), "clean points"),
        (lambda *i: weights(*i, below=lambda c, t: 2 * c.noise[t]), "variance"),
        (lambda *i: weights(*i, below=lambda c, t: c.noise[t] ** 2), "factor is missing"),
        (lambda *i: weights(*i, below=lambda c, t: -2 * c.noise[t] ** 2), "farthest"),
        (lambda *i: weights(*i, below=lambda c, t: 2 * (1 - c.alpha_bar[t])), "noise table"),
        (lambda x, p, t, c: (-squares(x, p, t, c) / (2 * c.noise[t] ** 2)).exp(), "not sum to one"),
        (unstable, "0 / 0 is NaN"),
        (lambda *i: torch.nn.functional.one_hot(weights(*i).argmax(1), len(i[1])), "nearest point gets a weight"),
    ],
    "03.3": [
        (lambda x, p, t, c: prediction(x, p, t, c) * c.signal[t], "noised points"),
        (lambda x, p, t, c: prediction(x, p, t, c) / c.signal[t], "clean already"),
        (nearest, "largest weight"),
        (lambda x, p, t, c: prediction(x, p, t, c) / len(p), "number of points"),
        (lambda x, p, t, c: p.mean(0).expand_as(x), "mean of all points"),
        (lambda *i: prediction(*i, axis=0), "over the batch"),
        (lambda x, p, t, c: x / c.signal[t], "all of its noise"),
        (lambda *i: prediction(*i, rate=lambda c, t: 1), "clean points"),
        (lambda x, p, t, c: eps(x, prediction(x, p, t, c), t, c), "noise that the prediction implies"),
    ],
    "03.4": [
        (eps, "away from the data"),
        (lambda *i: -eps(*i), "predicted noise"),
        (lambda *i: arrow(*i, end=lambda x0, c, t: x0), "clean point"),
        (lambda *i: arrow(*i, below=lambda c, t: 1), "Nothing divides"),
        (lambda *i: arrow(*i, below=lambda c, t: 2 * c.noise[t] ** 2), "two is left over"),
        (lambda *i: arrow(*i, below=lambda c, t: 1 - c.alpha_bar[t]), "squares do not add to one"),
        (lambda *i: arrow(*i, end=lambda x0, c, t: c.alpha_bar[t] * x0), "a power"),
        (lambda *i: -arrow(*i), "away from the data"),
        (lambda *i: arrow(*i, start=lambda x: 0 * x), "x does not enter"),
    ],
    "03.5": [
        (lambda a, b: energy(a, b, (2, 1, 0)), "b is compared with itself"),
        (lambda a, b: energy(a, b, (2, 0, 0)), "inside the sets are missing"),
        (lambda a, b: energy(a, b, (2, 2, 2)), "All three terms"),
        (lambda a, b: energy(a, b, (2, -1, -1)), "minus to a plus"),
        (lambda a, b: energy(a, b, (1, 0.5, 0.5)), "half"),
        (lambda a, b: energy(a, b, mean=lambda p, q: mean_distance(p, q, 2)), "squared"),
        (lambda a, b: energy(a, b, (1, 1, 1)).abs(), "absolute value"),
        (lambda a, b: (a.mean(0) - b.mean(0)).norm(), "two means"),
    ],
    "03.6": [
        (lambda *i: pair(*i, sign=1), "a sign is wrong"),
        (lambda *i: pair(*i, axis=0), "along the coordinates"),
        (lambda x0, e, th: pair(e, x0, th), "changed places"),
        (lambda x0, e, th: (pair(x0, e, th)[0], e), "prediction type eps"),
        (lambda x0, e, th: (pair(x0, e, th)[0], e - x0), "prediction type flow"),
        (lambda x0, e, th: pair(x0, e, th)[::-1], "wrong order"),
        (lambda x0, e, th: pair(x0, e, th[:1].expand(len(th))), "first one"),
        (lambda x0, e, th: pair(x0, e, th)[0], "Only y"),
    ],
}
RIGHT = {
    "03.1": [squares, squares_multiplied_out, squares_in_loops, squares_in_numpy, squares_in_einsum],
    "03.2": [weights, weights_by_hand, weights_by_logarithms, weights_in_numpy, weights_without_the_length_of_x],
    "03.3": [
        prediction,
        prediction_by_the_library,
        prediction_in_a_loop,
        lambda x, p, t, c: torch.from_numpy(weights_in_numpy(x, p, t, c)) @ p,
        lambda x, p, t, c: torch.einsum("bn,nd->bd", weights_by_logarithms(x, p, t, c), p),
    ],
    "03.4": [
        arrow,
        lambda *i: -eps(*i) / i[3].noise[i[2]],
        lambda x, x0, t, c: c.signal[t] / c.noise[t] ** 2 * x0 - x / c.noise[t] ** 2,
        lambda x, x0, t, c: (float(c.signal[t]) * x0.numpy() - x.numpy()) / float(c.noise[t]) ** 2,
        lambda x, x0, t, c: [arrow(x[k], x0[k], t, c).tolist() for k in range(len(x))],
    ],
    "03.5": [energy, energy_in_loops, energy_in_numpy, toy2d.energy_distance, lambda a, b: energy(b, a)],
    "03.6": [pair, pair_in_rows, pair_by_differentiation, pair_in_numpy, pair_from_y],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


@pytest.fixture(scope="module")
def moons():
    return two_moons(200, torch.Generator().manual_seed(0)).x, two_moons(1000, torch.Generator().manual_seed(5)).x


def sampled(denoise, count):
    eps = torch.randn(count, 2, generator=torch.Generator().manual_seed(1))
    step = lambda x, t, s: ddim_step(denoise, cosine(), x, t, s)  # noqa: E731
    *_, last = walk(step, eps, spaced(cosine(), 50, "log-SNR"))
    return last.x


def new(x, points):
    return (torch.cdist(x, points).amin(1) > 0.01).double().mean().item()


def test_the_points_are_as_far_apart_as_the_lesson_says(moons):
    points, fresh = moons
    gaps = torch.cdist(points, points).fill_diagonal_(torch.inf).amin(1)
    assert gaps.median().item() == pytest.approx(0.029, abs=0.001)
    assert new(fresh, points) > 0.85


def test_the_exact_denoiser_generates_hardly_anything_new_and_the_energy_distance_does_not_see_it(moons):
    points, fresh = moons
    copies = sampled(exact(points, cosine()), 1000)
    assert new(copies, points) == pytest.approx(0.01, abs=0.005)
    assert toy2d.energy_distance(copies, fresh) < 0.003
    assert toy2d.energy_distance(fresh / 2, fresh) > 0.05  # for comparison: the right shape at half the size


def test_at_high_noise_all_predictions_are_nearly_the_mean(moons):
    points, _ = moons
    x = torch.cartesian_prod(*[torch.linspace(-1.4, 1.4, 15)] * 2)
    stds = [exact(points, cosine())(x, t).std().item() for t in (900, 500, 100)]
    assert stds == pytest.approx([0.04, 0.26, 0.56], abs=0.01)


def test_a_network_generates_new_points_and_longer_training_on_few_points_hurts(moons):
    points, fresh = moons
    for state in toy2d.train_mlp(Points(points)):
        if state.step == 200:
            break
    with torch.no_grad():
        assert new(sampled(NeuralDenoiser(state.ema, cosine(), "v"), 250), points) > 0.85
    losses = []
    for state in toy2d.train_mlp(Points(points[:20])):
        if state.step in (60, 300):
            losses.append(toy2d.evaluate_loss(state.ema, Points(fresh)))
        if state.step == 300:
            break
    assert losses[1] > losses[0]
