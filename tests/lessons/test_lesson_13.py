"""Lesson 13: typical wrong answers get the hint for their mistake, right ones pass; the figures it quotes are true."""

from itertools import pairwise

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.core import walk
from diffusion_edu.data.points import two_moons
from diffusion_edu.denoisers import exact
from diffusion_edu.lessons.exercises import lesson_13_formulas
from diffusion_edu.lessons.exercises.lesson_13 import BUGS, EXERCISES, by_samples, mutation_score, right_step, verdicts
from diffusion_edu.samplers import ddim_step, ddpm_step
from diffusion_edu.schedules import Schedule, cosine, flow, linear
from diffusion_edu.spacings import spaced

LINEAR, FLOW = linear(1000), flow(1000)


def wide(tau):
    return tau.view(-1, 1, 1, 1)


def pair(x0, eps, tau, u=lambda x0, eps: eps - x0):
    return torch.lerp(x0, eps, wide(tau)), u(x0, eps)


def pair_image_by_image(x0, eps, tau):
    x = [(1 - a) * i + a * e for i, e, a in zip(x0, eps, tau.tolist(), strict=True)]
    return [torch.stack(x), torch.sub(eps, x0)]


def pair_in_numpy(x0, eps, tau):
    tau = tau.numpy()[:, None, None, None]
    return (1 - tau) * x0.numpy() + tau * eps.numpy(), eps.numpy() - x0.numpy()


def pair_by_schedule(x0, eps, tau):
    signal, noise = wide(1 - tau), wide(tau)
    x = torch.einsum("bijk,bchw->bchw", signal, x0) + torch.einsum("bijk,bchw->bchw", noise, eps)
    return x, (x - x0) / noise


def walk_with(change, at=lambda tau, after: tau, pairs=pairwise):
    def answer(denoise, x, taus):
        for tau, after in pairs(taus):
            x = change(x, denoise(x, at(tau, after)), tau, after)
        return x

    return answer


EULER = walk_with(lambda x, h, tau, after: x + (after - tau) * (x - h) / tau)


def walk_backwards_in_a_stack(denoise, x, taus):
    left = list(reversed(taus))
    tau = left.pop()
    while left:
        after = left.pop()
        h = denoise(x, tau)
        x, tau = h + after / tau * (x - h), after
    return x


def walk_in_numpy(denoise, x, taus):
    for tau, after in zip(np.array(taus[:-1]), np.array(taus[1:]), strict=True):
        u = (x - denoise(x, float(tau))) / float(tau)
        x = x - float(tau - after) * u
    return x


def inputs(b=3):
    random = torch.Generator().manual_seed(7)
    return torch.randn(3, b, 2, 4, generator=random, dtype=torch.float64)


PAIRS = [(1, 0), (50, 0), (400, 399), (700, 200), (1000, 600)]


def against_the_library(step, pairs=PAIRS, schedules=(LINEAR, FLOW), b=3, z=1, close=1e-7):
    x, x0_hat, noise = inputs(b)
    for schedule in schedules:
        for t, s in pairs:
            wanted = ddpm_step(lambda x, t: x0_hat, schedule, x, t, s, randn=lambda x: z * noise)[0]
            torch.testing.assert_close(step(x, x0_hat, t, s, z * noise, schedule), wanted, atol=close, rtol=0)


def against_the_papers_table(step):
    x, x0_hat, z = inputs()
    bar = LINEAR.alpha_bar
    for t, s in PAIRS:
        alpha = bar[t] / bar[s]
        mean = alpha.sqrt() * (1 - bar[s]) * x + bar[s].sqrt() * (1 - alpha) * x0_hat
        wanted = mean / (1 - bar[t]) + ((1 - alpha) * (1 - bar[s]) / (1 - bar[t])).sqrt() * z
        assert ((step(x, x0_hat, t, s, z, LINEAR) - wanted).abs() < 1e-8).all()


def by_signal_and_noise(step):
    one, z = torch.ones(2, 1).double(), torch.tensor([[1.0], [2.0]]).double()
    for schedule in (cosine(1000), FLOW):
        for t, s in PAIRS:
            assert torch.allclose(step(schedule.signal[t] * one, one, t, s, 0 * z, schedule), schedule.signal[s] * one)
            kept = step(schedule.noise[t] * one, 0 * one, t, s, 0 * z, schedule)
            new = step(0 * one, 0 * one, t, s, z, schedule) / z
            assert torch.allclose(kept**2 + new**2, (schedule.noise[s] ** 2).expand(2, 1), atol=1e-9)


def by_many_random_steps(step):
    random = torch.Generator().manual_seed(0)
    for k in range(40):
        s = 0 if k % 4 == 0 else int(torch.randint(1, 900, (1,), generator=random))
        t = s + int(torch.randint(2, 100, (1,), generator=random))
        against_the_library(step, [(t, s)])


def by_plain_numbers(step):
    small = Schedule("small", torch.tensor([1.0, 0.8, 0.0]).double(), torch.tensor([0.0, 0.6, 1.0]).double())
    x, x0_hat, z = (torch.tensor([values]).double().T for values in ([1.0, 2.0], [3.0, -1.0], [0.5, 1.5]))
    # at t = 2 there is no signal: mean 0.8 x0_hat, standard deviation 0.6
    assert torch.allclose(step(x, x0_hat, 2, 1, z, small), torch.tensor([[2.7], [0.1]]).double(), atol=1e-9)
    assert torch.allclose(step(x, x0_hat, 2, 0, z, small), x0_hat, atol=1e-9)
    against_the_library(step)


def only_asserts_that_it_is_small(step):
    x, x0_hat, z = inputs()
    wanted = right_step(x, x0_hat, 700, 200, z, LINEAR)
    assert not ((step(x, x0_hat, 700, 200, z, LINEAR) - wanted).abs() > 1e-6).any()


def too_strict(step):
    x, x0_hat, z = inputs()
    assert torch.equal(step(x, x0_hat, 700, 200, z, LINEAR), right_step(x.float(), x0_hat, 700, 200, z, LINEAR) + 1e-9)


def laws(formula, t, s, schedule, limit=1e-6):
    a, b, c = formula(t, s, schedule)
    mean = abs(float(a * schedule.signal[t] + b - schedule.signal[s])) < limit
    noise = abs(float((a * schedule.noise[t]) ** 2 + c**2 - schedule.noise[s] ** 2)) < limit
    return mean, noise


CASES = [(t, s, schedule) for schedule in (LINEAR, FLOW) for t, s in ((300, 0), (600, 300), (1000, 7))]


def chosen(combine=all, cases=CASES):
    return lambda formulas: [all(combine(laws(each, *case)) for case in cases) for each in formulas]


def chosen_by_samples(formulas):
    """Many x at once: their mean and their spread at s are those of timestep s."""
    kept = []
    for formula in formulas:
        for t, s, schedule in CASES:
            a, b, c = (float(value) for value in formula(t, s, schedule))
            eps, z = np.array([1.0, -1, 1, -1]), np.array([1.0, 1, -1, -1])  # mean 0, variance 1, independent
            x = a * (float(schedule.signal[t]) * 2 + float(schedule.noise[t]) * eps) + b * 2 + c * z
            if not np.allclose(
                [x.mean(), x.std()], [2 * float(schedule.signal[s]), float(schedule.noise[s])], atol=1e-5
            ):
                kept.append(False)
                break
        else:
            kept.append(True)
    return kept


def chosen_in_a_tensor(formulas):
    return torch.tensor(chosen()(formulas))


def chosen_with_early_return(formulas):
    def right(formula):
        for case in CASES:  # noqa: SIM110 - as students write it
            if not all(laws(formula, *case)):
                return False
        return True

    return list(map(right, formulas))


def chosen_by_distance(formulas):
    """1 for a right formula, 0 for a wrong one."""
    far = [
        sum(
            abs(a * c.signal[t] + b - c.signal[s]) + abs((a**2 * c.noise[t] ** 2 + g**2).sqrt() - c.noise[s])
            for t, s, c in CASES
            for a, b, g in [formula(t, s, c)]
        )
        for formula in formulas
    ]
    return [int(each < 1e-4) for each in far]


WRONG = {
    "13.1": [
        (lambda *i: pair(*i, u=lambda x0, eps: x0 - eps), "from the noise to the image"),
        (lambda *i: pair(*i, u=lambda x0, eps: eps), "prediction type eps"),
        (lambda *i: pair(*i, u=lambda x0, eps: x0), "prediction type x0"),
        (lambda x0, eps, tau: (pair(eps, x0, tau)[0], eps - x0), "changed places"),
        (lambda x0, eps, tau: ((1 - tau) * x0 + tau * eps, eps - x0), "columns of pixels"),
        (lambda x0, eps, tau: pair(x0, eps, tau[:1].expand(4)), "first one"),
        (lambda x0, eps, tau: (wide(1 - tau).sqrt() * x0 + wide(tau).sqrt() * eps, eps - x0), "roots"),
        (lambda x0, eps, tau: (x0 + wide(tau) * eps, eps - x0), "does not shrink"),
        (lambda x0, eps, tau: pair(x0, eps, tau)[0], "Only x"),
    ],
    "13.2": [
        (lambda x, h, tau: (h - x) / tau, "changed places"),
        (lambda x, h, tau: x - h, "divided by the time"),
        (lambda x, h, tau: (x - (1 - tau) * h) / tau, "the noise, not the velocity"),
        (lambda x, h, tau: (x - h) / (1 - tau), "left until the noise"),
        (lambda x, h, tau: (x - h) * tau, "multiply by the time"),
        (lambda x, h, tau: x - h / tau, "brackets"),
        (lambda x, h, tau: (x - h) / tau**2, "squared"),
        (lambda x, h, tau: x / tau, "does not enter"),
    ],
    "13.3": [
        (walk_with(lambda x, h, tau, after: x - (after - tau) * (x - h) / tau), "more noise"),
        (walk_with(lambda x, h, tau, after: x + (after - tau) * (x - h)), "not divided by tau"),
        (walk_with(lambda x, h, tau, after: x + (after - tau) * (x - (1 - tau) * h) / tau), "predicted noise"),
        (walk_with(lambda x, h, tau, after: x + (after - tau) * (x - h) / tau, at=lambda tau, after: after), "ends"),
        (walk_with(lambda x, h, tau, after: h), "all the way down"),
        (
            walk_with(lambda x, h, tau, after: x + (after - tau) * (x - h) / tau, pairs=lambda t: pairwise(t[:-1])),
            "last",
        ),
        (walk_with(lambda x, h, tau, after: (1 - after) * h + after * x), "mix the prediction"),
        (lambda denoise, x, taus: [EULER(denoise, x, taus[: k + 1]) for k in range(len(taus))], "all states"),
    ],
    "13.4": [
        (lambda step: None, "accepts every step"),
        (lambda step: against_the_library(step, [(700, 200)]), "timestep 0"),
        (lambda step: against_the_library(step, [(700, 699), (1, 0), (2, 1)]), "one timestep only"),
        (lambda step: against_the_library(step, b=1), "one image"),
        (lambda step: against_the_library(step, z=0), "z = 0"),
        (lambda step: against_the_library(step, close=0.1), "three digits"),
        (only_asserts_that_it_is_small, "accepts"),
        (too_strict, "refuses"),
    ],
    "13.5": [
        (lambda formulas: [True] * len(formulas), "accept everything"),
        (lambda formulas: [False] * len(formulas), "accept nothing"),
        (chosen(lambda held: held[0]), "mean only"),
        (chosen(lambda held: held[1]), "noise only"),
        (chosen(any), "one of the two"),
        (chosen(cases=[(t, s, LINEAR) for t, s, _ in CASES]), "squares add to one"),
        (chosen(cases=[(t, s, c) for t, s, c in CASES if s]), "never try a step to timestep 0"),
        (lambda formulas: [k for k, kept in enumerate(chosen()(formulas)) if kept], "positions"),
    ],
}
RIGHT = {
    "13.1": [
        pair,
        pair_image_by_image,
        pair_in_numpy,
        pair_by_schedule,
        lambda x0, e, tau: (x0 + wide(tau) * (e - x0), e - x0),
    ],
    "13.2": [
        lambda x, h, tau: (x - h) / tau,
        lambda x, h, tau: x / tau - h / tau,
        lambda x, h, tau: (x - (1 - tau) * h) / tau - h,
        lambda x, h, tau: (x.numpy() - h.numpy()) / tau,
        lambda x, h, tau: torch.stack([(a - b).div(tau) for a, b in zip(x, h, strict=True)]),
    ],
    "13.3": [
        EULER,
        walk_backwards_in_a_stack,
        walk_in_numpy,
        walk_with(lambda x, h, tau, after: (after * x + (tau - after) * h) / tau),
        walk_with(lambda x, h, tau, after: (1 - after) * h + after * (x - (1 - tau) * h) / tau),
    ],
    "13.4": [
        against_the_library,
        against_the_papers_table,
        by_signal_and_noise,
        by_many_random_steps,
        by_plain_numbers,
    ],
    "13.5": [chosen(), chosen_by_samples, chosen_in_a_tensor, chosen_with_early_return, chosen_by_distance],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_the_right_step_is_the_librarys_and_every_bug_differs_from_it():
    against_the_library(right_step)
    assert all(verdicts(against_the_library))
    assert mutation_score(against_the_library) == "Your test finds 10 of 10 bugs."


def test_the_score_names_a_bug_that_is_missed():
    assert "6 of 10" in mutation_score(by_spread) and "accepts a step that takes all the noise" in mutation_score(
        by_spread
    )


def by_spread(step):
    assert abs(by_samples(step) / by_samples(right_step) - 1) < 0.05


def test_comparing_samples_finds_six_of_ten_bugs():
    accepts, *found = verdicts(by_spread)
    assert accepts and sum(found) == 6
    assert by_samples(right_step) == pytest.approx(0.892, abs=0.001)
    assert len([name for name in BUGS if "(" in name]) == 8  # those with a number are the museum's


def test_right_formulas_are_right_and_wrong_ones_break_an_equation():
    kept = lesson_13_formulas.choose(lesson_13_formulas.RIGHT + lesson_13_formulas.WRONG)
    assert kept == [True] * 3 + [False] * len(lesson_13_formulas.WRONG)


def test_one_step_on_straight_paths_gives_a_single_point():
    moons = two_moons(200, torch.Generator().manual_seed(0)).x
    eps = torch.randn(2000, 2, generator=torch.Generator().manual_seed(1))
    denoise = exact(moons, FLOW)
    for steps, wanted in ((1, 0.0), (2, 0.44), (10, 0.91)):
        timesteps = spaced(FLOW, steps)
        *_, last = walk(lambda x, t, s: ddim_step(denoise, FLOW, x, t, s), eps, timesteps)
        mine = EULER(lambda x, tau: denoise(x, round(1000 * tau)), eps, [t / 1000 for t in timesteps])
        assert torch.allclose(mine, last.x, atol=1e-4)
        assert (last.x.std() / moons.std()).item() == pytest.approx(wanted, abs=0.005)
