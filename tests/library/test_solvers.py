"""How quickly the solvers converge where the answer is known in closed form, and what DPM-Solver++ remembers.

For data N(0, s^2) the best prediction is linear, and along the path without randomness x keeps its place among all
others: it is multiplied by the ratio of the standard deviations sqrt(signal^2 s^2 + noise^2) of both timesteps.
"""

import math
from functools import partial
from itertools import pairwise

import pytest
import torch
from walks import CALM, close, noise, wavy

from diffusion_edu.core import walk
from diffusion_edu.denoisers import exact_gaussian
from diffusion_edu.samplers import DpmSolver, ddim_step, sampler
from diffusion_edu.schedules import Schedule, cosine, flow
from diffusion_edu.spacings import spaced

STEPS = [20, 40, 80, 160, 320]


def between(steps, even):
    """A schedule with a clean timestep 0 and, above it, steps + 1 timesteps with log(signal / noise) from 4 down to -4,
    even in what is asked.
    """
    if even == "log-SNR":
        theta = torch.linspace(-4, 4, steps + 1, dtype=torch.float64).exp().atan()
    else:
        theta = torch.linspace(math.atan(math.exp(-4)), math.atan(math.exp(4)), steps + 1, dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    return Schedule(even, torch.cat([one, theta.cos()]), torch.cat([0 * one, theta.sin()]))


def error(name, even, std, steps):
    """How far a path from log(signal / noise) = -4 to 4 ends from where it should."""
    schedule, x = between(steps, even), torch.ones(1, 1, dtype=torch.float64)
    *_, last = walk(partial(sampler(name), exact_gaussian(0.0, std, schedule), schedule), x, range(steps + 1, 0, -1))
    spread = (schedule.signal**2 * std**2 + schedule.noise**2).sqrt()
    return abs(last.x.item() - (spread[1] / spread[-1]).item())


@pytest.mark.parametrize("std", [0.5, 2.0])
@pytest.mark.parametrize(("name", "even"), [("DPM-Solver++", "log-SNR"), ("Heun", "angle"), ("Heun", "log-SNR")])
def test_half_the_step_is_a_quarter_of_the_error(name, even, std):
    errors = [error(name, even, std, steps) for steps in STEPS]
    assert all(3.5 < coarse / fine < 4.5 for coarse, fine in pairwise(errors))
    assert errors[-1] < 1e-4


@pytest.mark.parametrize("std", [0.5, 2.0])
@pytest.mark.parametrize("even", ["log-SNR", "angle"])
def test_ddim_is_of_first_order(even, std):
    assert all(
        1.8 < coarse / fine < 2.2 for coarse, fine in pairwise(error("DDIM", even, std, steps) for steps in STEPS)
    )


@pytest.mark.parametrize("name", CALM)
@pytest.mark.parametrize("schedule", [cosine(1000), flow(1000)], ids=lambda schedule: schedule.name)
def test_with_more_steps_every_solver_comes_nearer_to_the_true_spread(schedule, name):
    """From pure noise to the image, on the schedules that people choose."""

    def off(steps):
        *_, last = walk(
            partial(sampler(name), exact_gaussian(0.0, 0.5, schedule), schedule),
            torch.ones(1, 1, dtype=torch.float64),
            timesteps(steps),
        )
        return abs(last.x.item() - 0.5)

    def timesteps(steps):
        return spaced(schedule, steps, "log-SNR" if name == "DPM-Solver++" else "angle")

    assert off(20) > 1.5 * off(40) > 1.5**2 * off(80)


def states(solver, x=None, schedule=None, path=None):
    schedule = schedule or cosine(1000)
    return walk(partial(solver, wavy, schedule), noise(4, 3) if x is None else x, path or spaced(schedule, 10))


def test_every_walk_gets_a_solver_of_its_own():
    assert sampler("DPM-Solver++") is not sampler("DPM-Solver++")
    assert sampler("DDIM") is sampler("DDIM") is ddim_step


def test_two_walks_that_take_turns_do_not_hear_of_each_other():
    alone = [list(states(DpmSolver(), noise(4, 3, seed=k))) for k in (3, 4)]
    first, second = (states(DpmSolver(), noise(4, 3, seed=k)) for k in (3, 4))
    for a, b, x, y in zip(*alone, first, second, strict=True):
        assert torch.equal(a.x, x.x) and torch.equal(b.x, y.x)


def test_a_solver_remembers_its_prediction_even_if_it_is_changed_outside():
    def second(spoil):
        solver, x = DpmSolver(), noise(2, 3)
        x_s, x0_hat = solver(wavy, cosine(1000), x, 700, 500)
        if spoil:
            x0_hat.zero_()
        return solver(wavy, cosine(1000), x_s, 500, 300)[0]

    assert torch.equal(second(True), second(False))


@pytest.mark.parametrize("stopped", [1, 5, 11])
def test_a_solver_that_is_used_again_has_forgotten_the_walk_before(stopped):
    used = DpmSolver()
    earlier = states(used, noise(4, 3, seed=9))
    for _ in range(stopped):
        next(earlier)
    for fresh, again in zip(states(DpmSolver()), states(used), strict=True):
        assert torch.equal(fresh.x, again.x)


def test_the_second_step_uses_the_first_prediction_and_a_jump_does_not():
    schedule = cosine(1000)
    solver, x = DpmSolver(), noise(4, 3)
    x_s, _ = solver(wavy, schedule, x, 900, 700)
    close(x_s, ddim_step(wavy, schedule, x, 900, 700)[0])
    for at in (900, 800, 600):  # a step that does not begin where the last one ended, as after going back up
        solver.last = (900, 700, wavy(x, 900))
        close(solver(wavy, schedule, x, at, 500)[0], ddim_step(wavy, schedule, x, at, 500)[0])
    solver.last = (900, 700, wavy(x, 900))
    remembered, _ = solver(wavy, schedule, x, 700, 500)
    assert (remembered - ddim_step(wavy, schedule, x, 700, 500)[0]).abs().max() > 0.1


def test_where_the_logarithm_is_infinite_the_solver_takes_ddims_step():
    schedule, x = flow(10), noise(4, 3)
    path = [10, 6, 3, 0]
    first, second, third, last = states(DpmSolver(), x, schedule, path)
    close(second.x, ddim_step(wavy, schedule, first.x, 10, 6)[0])
    close(third.x, ddim_step(wavy, schedule, second.x, 6, 3)[0])  # the prediction before it came from pure noise
    assert torch.equal(last.x, third.x0_hat)
    *_, fourth, fifth, _ = states(DpmSolver(), x, schedule, [10, 6, 3, 1, 0])
    assert (fifth.x - ddim_step(wavy, schedule, fourth.x, 3, 1)[0]).abs().max() > 0.01


def test_a_solver_sees_what_a_constraint_made_of_x():
    seen = []

    def held(x, t):
        return torch.cat([torch.full_like(x[:, :1], t / 1000), x[:, 1:]], dim=1)

    step = partial(DpmSolver(), lambda x, t: seen.append((t, x[:, 0].unique().tolist())) or wavy(x, t), cosine(1000))
    path = [1000, 700, 400, 0]
    *_, last = walk(step, noise(4, 3), path, held)
    assert seen == [(1000, [1.0]), (700, [0.7]), (400, [0.4])]
    assert last.x[:, 0].unique().tolist() == [0.0]


@pytest.mark.parametrize("name", ["DDIM", "DDPM", "Heun", "DPM-Solver++", "Euler ancestral", "Multistep renoising"])
def test_the_prediction_of_a_step_is_what_the_network_predicted_first(name):
    step, x, schedule = sampler(name), noise(2, 3), cosine(1000)
    for t, s in pairwise([1000, 600, 300, 100]):
        x_s, x0_hat = step(wavy, schedule, x, t, s, randn=torch.ones_like)
        close(x0_hat, wavy(x, t))
        x = x_s
