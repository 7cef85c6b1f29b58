"""Lesson 01: wrong answers meet the hint for their mistake, right ones pass in any form; its figures are measured."""

import math

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.lessons.checks.grading import grade
from diffusion_edu.lessons.exercises.lesson_01 import EXERCISES
from diffusion_edu.lessons.figures import lesson_01 as figures
from diffusion_edu.schedules import cosine, linear


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


def kept(s, t, schedule):
    return schedule.signal[t] / schedule.signal[s]


def jump(x, z, s, t, schedule):
    k = kept(s, t, schedule).item()
    return k * x + math.sqrt(schedule.noise[t].item() ** 2 - k * k * schedule.noise[s].item() ** 2) * z


RIGHT = {
    "01.1": [
        lambda x0, eps, t, a: a[t].sqrt() * x0 + torch.sqrt(1 - a[t]) * eps,
        lambda x0, eps, t, a: torch.lerp(eps * 0, x0, a[t].sqrt().item()) + eps * np.sqrt(1 - a[t].item()),
        lambda x0, eps, t, a: (a[t] ** 0.5 * x0 + torch.sin(torch.acos(a[t] ** 0.5)) * eps).numpy(),
        lambda x0, eps, t, a: (math.sqrt(a[t]) * x0 + math.sqrt(1 - a[t]) * eps).float(),
        lambda x0, eps, t, a: torch.stack([x0, eps], dim=-1) @ torch.stack([a[t], 1 - a[t]]).sqrt(),
    ],
    "01.2": [
        loop,
        lambda b: torch.cat([torch.tensor([1.0]), (1 - b).float().cumprod(0)]),
        lambda b: np.append(1, np.cumprod(1 - b.numpy())),
        lambda b: torch.exp(torch.nn.functional.pad(torch.log1p(-b).cumsum(0), (1, 0))),
        lambda b: [math.prod((1 - b[:t]).tolist()) for t in range(len(b) + 1)],
    ],
    "01.3": [
        lambda s, n, v: s * s * v + n * n,
        lambda s, n, v: torch.tensor([s * v**0.5, n]).norm() ** 2,
        lambda s, n, v: np.hypot(s * np.sqrt(v), n) ** 2,
        lambda s, n, v: abs(complex(s * v**0.5, n)) ** 2,
        lambda s, n, v: torch.dot(torch.tensor([s * s, n * n]), torch.tensor([v, 1.0])),
    ],
    "01.4": [
        first_by_hand,
        lambda s, n: (n < s).sum(),
        lambda s, n: (n >= s).nonzero()[0],
        lambda s, n: min(t for t in range(len(s)) if n[t] >= s[t]),
        lambda s, n: int(np.argmax((n >= s).numpy())),
    ],
    "01.5": [
        one_by_one,
        lambda x0, t, eps, a: (
            torch.einsum("b,bchw->bchw", a[t] ** 0.5, x0) + torch.einsum("b,bchw->bchw", (1 - a[t]) ** 0.5, eps)
        ),
        lambda x0, t, eps, a: side(a[t].sqrt()) * x0 + side(1 - a[t]).sqrt() * eps,
        lambda x0, t, eps, a: (a[t].sqrt() * x0.movedim(0, -1) + (1 - a[t]).sqrt() * eps.movedim(0, -1)).movedim(-1, 0),
        lambda x0, t, eps, a: (
            a[t].sqrt().reshape(6, 1, 1, 1).numpy() * x0.numpy() + side(1 - a[t]).sqrt().numpy() * eps.numpy()
        ),
    ],
    "01.6": [
        jump,
        lambda *inputs: jump(*inputs).float(),
        lambda x, z, s, t, at: (
            kept(s, t, at) * x + at.noise[t] * (1 - (kept(s, t, at) * at.noise[s] / at.noise[t]) ** 2) ** 0.5 * z
        ),
        lambda x, z, s, t, at: (
            (
                at.signal[t] * x
                + (at.noise[t] ** 2 * at.signal[s] ** 2 - at.signal[t] ** 2 * at.noise[s] ** 2) ** 0.5 * z
            )
            / at.signal[s]
        ),
        lambda x, z, s, t, at: jump(x, z, s, t, at).numpy(),
    ],
}

WRONG = {
    "01.1": [
        (lambda x0, eps, t, a: torch.lerp(eps, x0, a[t]), "multiplied by powers"),
        (lambda x0, eps, t, a: a[t].sqrt() * x0 + (1 - a[t]) * eps, "noise is multiplied by its variance"),
        (lambda x0, eps, t, a: a[t] * x0 + (1 - a[t]).sqrt() * eps, "image is multiplied by a power"),
        (lambda x0, eps, t, a: a[t] * x0 + (1 - a[t] ** 2).sqrt() * eps, "took alpha_bar for the signal rate"),
        (lambda x0, eps, t, a: a[t].sqrt() * x0 + (1 - a[t] ** 2).sqrt() * eps, "do not square it again"),
        (
            lambda x0, eps, t, a: a.cumprod(0)[t].sqrt() * x0 + (1 - a.cumprod(0)[t]).sqrt() * eps,
            "multiplied all entries",
        ),
        (lambda x0, eps, t, a: a[t].sqrt() * (x0 - eps) + eps, "rates do not add up to one"),
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
        (lambda x0, eps, t, a: x0 + a[t] * eps, "has not shrunk. It has a rate, too. The noise becomes weaker"),
    ],
    "01.2": [
        (lambda b: loop(b)[1:], "begins at timestep 1"),
        (lambda b: 1 - torch.cat([torch.zeros(1), b]).cumsum(0), "added up the losses"),
        (lambda b: torch.cat([torch.ones(1), b.cumprod(0)]), "fraction that is lost"),
        (lambda b: torch.tensor(loop(b)) ** 0.5, "one root too many"),
        (lambda b: 1 - torch.tensor(loop(b)), "noise's power"),
        (lambda b: torch.cat([torch.ones(1), 1 - b]), "by itself"),
        (lambda b: [0.0, *loop(b)[1:]], "all of its power is there"),
        (lambda b: [*loop(b)[1:], 1.0], "stands at the end"),
        (lambda b: loop(b.sqrt()), "not its root"),
        (lambda b: loop(1 - (1 - b) ** 2), "squared it again"),
        (lambda b: loop(b)[-1], "end of the table only"),
        (lambda b: torch.exp(-torch.cat([torch.zeros(1), b]).cumsum(0)), "limit of infinitely many"),
        (lambda b: [1.0, *loop(b)], "shape"),
    ],
    "01.3": [
        (lambda s, n, v: 1, "always one"),
        (lambda s, n, v: np.hypot(s * v**0.5, n), "standard deviation"),
        (lambda s, n, v: v * s + n, "multiplied variances by the rates themselves"),
        (lambda s, n, v: v * s + n * n, "when the image is doubled"),
        (lambda s, n, v: v * s * s + n, "before it is multiplied by its rate"),
        (lambda s, n, v: n * n + v, "has shrunk"),
        (lambda s, n, v: (np.sqrt(v) * s + n) ** 2, "added standard deviations"),
        (lambda s, n, v: (s * v) ** 2 + n**2, "a square already"),
        (lambda s, n, v: s * s * v, "brings its own variance"),
        (lambda s, n, v: v * (s * s + n * n), "weighted the noise"),
        (lambda s, n, v: -s * v - n, "never negative"),
    ],
    "01.4": [
        (lambda s, n: len(s) // 2 if len(s) % 2 else len(s) // 2 - 1, "middle of the table"),
        (lambda s, n: first_by_hand(s, n) - 1, "too early"),
        (lambda s, n: first_by_hand(s, n) + 1, "too late"),
        (lambda s, n: (n <= s).sum(), "Equal is enough"),
        (lambda s, n: (s > 0.5).sum(), "signal rate falls to one half"),
        (lambda s, n: (n < 0.5).sum(), "noise rate reaches one half"),
        (lambda s, n: len(s) - 1 - first_by_hand(s, n), "wrong end"),
        (lambda s, n: (s <= n).sum(), "from there on"),
        (lambda s, n: (s >= n).int().argmax(), "wrong way round"),
        (lambda s, n: s[first_by_hand(s, n)].item(), "This is a rate"),
        (lambda s, n: torch.abs(n - s).min(0).indices, "differ least"),
        (lambda s, n: (n >= s).nonzero().flatten().tolist(), "all timesteps with the property"),
        (lambda s, n: n >= s, "for every timestep"),
        (lambda s, n: 2.5, "whole number"),
    ],
    "01.5": [
        (lambda x0, t, eps, a: a[t, None].sqrt() * x0 + (1 - a[t, None]).sqrt() * eps, "every row of pixels"),
        (lambda x0, t, eps, a: a[t[0]].sqrt() * x0 + (1 - a[t[0]]).sqrt() * eps, "timestep of one of them"),
        (lambda x0, t, eps, a: one_by_one(x0, torch.full_like(t, int(t.float().mean())), eps, a), "timestep of one"),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * x0 + (1 - a[t]).sqrt() * eps, "noise still changes"),
        (lambda x0, t, eps, a: a[t].sqrt() * x0 + side((1 - a[t]).sqrt()) * eps, "image's rate still changes"),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * x0 + side(1 - a[t]) * eps, "multiplied by its variance"),
        (lambda x0, t, eps, a: side(a[t]) * x0 + side((1 - a[t]).sqrt()) * eps, "multiplied by a power"),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * (x0 - eps) + eps, "rates do not add up to one"),
        (lambda x0, t, eps, a: one_by_one(x0, sorted(t), eps, a), "another order"),
        (lambda x0, t, eps, a: one_by_one(x0, t, eps[:1].expand_as(eps), a), "share the noise"),
        (lambda x0, t, eps, a: one_by_one(x0, t - 1, eps, a), "too low"),
        (lambda x0, t, eps, a: side(a[t].sqrt()) * x0 + 0.5 * eps, "timestep 0"),
        (lambda x0, t, eps, a: a[t].view(1, -1, 1, 1) * x0, "RuntimeError in line"),
    ],
    "01.6": [
        (lambda x, z, s, t, at: kept(s, t, at) * x + at.noise[t] * z, "Some noise is in x already"),
        (lambda x, z, s, t, at: at.signal[t] * x + at.noise[t] * z, "treated x as a clean image"),
        (
            lambda x, z, s, t, at: kept(s, t, at) * x + (at.noise[t] - kept(s, t, at) * at.noise[s]) * z,
            "rates do not add",
        ),
        (lambda x, z, s, t, at: kept(s, t, at) * x + (at.noise[t] - at.noise[s]) * z, "rates do not add, and"),
        (
            lambda x, z, s, t, at: kept(s, t, at) * x + (at.noise[t] ** 2 - (kept(s, t, at) * at.noise[s]) ** 2) * z,
            "a standard deviation",
        ),
        (lambda x, z, s, t, at: jump(x, z, s, t, at) + (1 - kept(s, t, at)) * x, "does not shrink"),
        (lambda x, z, s, t, at: jump(x, z, s, t, at) + (1 / kept(s, t, at) - kept(s, t, at)) * x, "upside down"),
        (
            lambda x, z, s, t, at: kept(s, t, at) * x + (at.noise[t] ** 2 - at.noise[s] ** 2) ** 0.5 * z,
            "shrinks together",
        ),
        (
            lambda x, z, s, t, at: kept(s, t, at) * x + (1 - kept(s, t, at) ** 2) ** 0.5 * z,
            "squares of the rates add up",
        ),
        (lambda x, z, s, t, at: jump(x, z, s, t, at) + 0.3 * x, "signal rate of timestep t"),
        (lambda x, z, s, t, at: jump(x, z, s, t, at) + 0.3 * z, "variance of timestep t"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_code_that_was_handed_out_counts_as_open():
    assert grade(EXERCISES["01.5"], lambda x0, t, eps, a: a[t].sqrt() * x0 + (1 - a[t]).sqrt() * eps).status == "open"


@pytest.fixture(scope="module")
def flowers():
    return to_signed(load_images(PRETRAINED / "flower_samples.parquet", size=64).images[:256])


def test_equal_rates_at_260_and_equal_powers_at_160(flowers):
    shown = figures.powers(flowers, linear(1000))
    assert "equal at t = 260" in shown.caption and "at t = 160 already" in shown.caption and "0.31" in shown.caption
    assert 10 * math.log10(flowers.var()) == pytest.approx(-5.1, abs=0.05)


def test_the_numbers_in_the_replies(flowers):
    assert linear(1000).alpha_bar[740] < 0.01
    assert linear(1000).alpha_bar[500] == pytest.approx(0.08, abs=0.005)
    assert cosine(1000).alpha_bar[500] == pytest.approx(0.5, abs=0.01)
    assert figures.drowned_at(flowers, linear(1000)) == (79, 483)


def test_noise_rates_do_not_add():
    """From 400 to 500, the difference of the rates is half of what is right."""
    schedule, x, z = linear(1000), torch.zeros(1, 1).double(), torch.ones(1, 1).double()
    right = EXERCISES["01.6"].answer(x, z, 400, 500, schedule).item()
    assert right == pytest.approx(0.77, abs=0.005)
    assert schedule.noise[500] - kept(400, 500, schedule) * schedule.noise[400] == pytest.approx(0.39, abs=0.005)


def test_single_jumps_are_the_betas_and_two_jumps_are_one():
    schedule, x, z, none = linear(1000), torch.ones(1).double(), torch.ones(1).double(), torch.zeros(1).double()
    answer, beta = EXERCISES["01.6"].answer, 1 - schedule.alpha_bar[300] / schedule.alpha_bar[299]
    assert answer(x, none, 299, 300, schedule) == pytest.approx((1 - beta).sqrt().item())
    assert answer(none, z, 299, 300, schedule) == pytest.approx(beta.sqrt().item())
    steps = [(100, 400), (400, 700)]
    factor = math.prod(answer(x, none, s, t, schedule).item() for s, t in steps)
    first, second = (answer(none, z, s, t, schedule).item() for s, t in steps)
    assert factor == pytest.approx(answer(x, none, 100, 700, schedule).item())
    shrunk = answer(x, none, 400, 700, schedule).item() * first
    assert math.hypot(shrunk, second) == pytest.approx(answer(none, z, 100, 700, schedule).item())
