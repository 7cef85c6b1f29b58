"""Inpainting: known pixels stay at every timestep, and resampling (RePaint) makes both parts match."""

import math
from functools import partial
from itertools import combinations, pairwise

import pytest
import torch
from walks import close, noise, noise_like, wavy

from diffusion_edu.core import walk
from diffusion_edu.denoisers import exact
from diffusion_edu.editing.inpainting import (
    keep_known,
    keep_known_with_new_noise,
    resampling_step,
    resampling_timesteps,
)
from diffusion_edu.samplers import SAMPLERS, ddim_step, sampler
from diffusion_edu.schedules import cosine, flow, linear, zero_terminal_snr
from diffusion_edu.spacings import spaced

SCHEDULES = [linear(1000), cosine(1000), flow(1000), zero_terminal_snr(linear(1000))]
named = {"ids": lambda schedule: schedule.name}
MASK = torch.tensor([1.0, 1.0, 0.0, 0.0])


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_known_pixels_have_the_noise_of_their_timestep_and_are_exact_at_the_end(schedule, name):
    """Pitfall 32: the known part has the noise of the current timestep of x, not of the previous one."""
    known, eps, seen = noise(3, 4, seed=1), noise(3, 4, seed=2), []
    step = partial(sampler(name), lambda x, t: seen.append((t, x)) or wavy(x, t), schedule)
    timesteps = spaced(schedule, 10)
    states = list(walk(step, noise(3, 4), timesteps, keep_known(known, MASK, schedule, eps)))
    for state in states:
        close(state.x[:, :2], schedule.signal[state.t] * known[:, :2] + schedule.noise[state.t] * eps[:, :2])
    assert torch.equal(states[-1].x[:, :2], known[:, :2])
    assert not torch.isclose(states[-1].x[:, 2:], known[:, 2:]).any()
    assert all(
        any(t == state.t and torch.equal(x, state.x) for t, x in seen) for state in states[:-1]
    )  # and the sampler has seen it


def test_unknown_pixels_follow_the_sampler():
    schedule, known = cosine(1000), noise(3, 4, seed=1)
    states = list(
        walk(
            partial(ddim_step, wavy, schedule),
            noise(3, 4),
            spaced(schedule, 10),
            keep_known(known, MASK, schedule, noise(3, 4)),
        )
    )
    for now, later in pairwise(states):
        assert torch.equal(later.x[:, 2:], ddim_step(wavy, schedule, now.x, now.t, later.t)[0][:, 2:])


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_new_noise_for_known_pixels_has_mean_and_variance_of_every_timestep(schedule):
    """Pitfall 32: x is signal * known without noise, plus the noise rate with noise 1."""
    known, x = noise(3, 4, seed=1), noise(3, 4)
    for t in (1000, 999, 500, 1, 0):
        mean, one = (
            keep_known_with_new_noise(known, MASK, schedule, randn)(x, t)
            for randn in (torch.zeros_like, torch.ones_like)
        )
        close(mean[:, :2], schedule.signal[t] * known[:, :2])
        close(one[:, :2] - mean[:, :2], schedule.noise[t].expand(3, 2))
        assert torch.equal(mean[:, 2:], x[:, 2:]) and torch.equal(one[:, 2:], x[:, 2:])
    assert torch.equal(keep_known_with_new_noise(known, MASK, schedule, torch.randn_like)(x, 0)[:, :2], known[:, :2])


def test_new_noise_differs_at_every_timestep_and_constant_noise_does_not():
    schedule, known, generator = cosine(1000), torch.zeros(1, 4, dtype=torch.float64), torch.Generator().manual_seed(0)
    fresh, always = (
        keep_known_with_new_noise(known, MASK, schedule, partial(noise_like, generator)),
        keep_known(known, MASK, schedule, noise(1, 4)),
    )
    a, b = (fresh(known, t)[:, :2] / schedule.noise[t] for t in (800, 400))
    assert (a - b).abs().min() > 1e-3
    close(*(always(known, t)[:, :2] / schedule.noise[t] for t in (800, 400)))


def test_resampled_timesteps_jump_back_as_in_the_paper():
    """RePaint, fig. 3, by hand."""
    assert resampling_timesteps([4, 3, 2, 1, 0], 2, 2) == [4, 3, 2, 4, 3, 2, 1, 0, 2, 1, 0]
    assert resampling_timesteps([4, 3, 2, 1, 0], 1, 3) == [
        4,
        3,
        4,
        3,
        4,
        3,
        2,
        3,
        2,
        3,
        2,
        1,
        2,
        1,
        2,
        1,
        0,
        1,
        0,
        1,
        0,
    ]
    assert resampling_timesteps([9, 5, 2, 0], 2, 2) == [9, 5, 2, 9, 5, 2, 0, 2, 0]
    assert resampling_timesteps([9, 5, 2, 0], 10, 2) == [9, 5, 2, 0, 9, 5, 2, 0]
    assert resampling_timesteps([0], 3, 2) == [0]


@pytest.mark.parametrize("steps", [1, 2, 7, 20])
@pytest.mark.parametrize("jump", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("repeats", [1, 2, 5])
def test_resampled_timesteps_keep_both_ends_and_repeat_every_step(steps, jump, repeats):
    timesteps = spaced(cosine(100), steps)
    path = resampling_timesteps(timesteps, jump, repeats)
    assert (path[0], path[-1]) == (100, 0)
    down, above = [(t, s) for t, s in pairwise(path) if t > s], [(t, s) for t, s in pairwise(path) if t < s]
    assert sorted(down) == sorted(list(pairwise(timesteps)) * repeats)
    assert len(above) == math.ceil(steps / jump) * (repeats - 1)
    assert all(
        timesteps.index(t) - timesteps.index(s) == min(jump, timesteps.index(t) % jump or jump) for t, s in above
    )
    if repeats == 1:
        assert path == timesteps


@pytest.mark.parametrize(("jump", "repeats"), [(0, 2), (2, 0), (-1, 1)])
def test_impossible_resampling_is_refused_in_one_sentence(jump, repeats):
    with pytest.raises(ValueError, match="of resampling_timesteps must be a whole number"):
        resampling_timesteps([3, 2, 1, 0], jump, repeats)


def down(x, t, s):
    raise AssertionError("a step up takes no step down")


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_the_step_up_has_mean_and_variance_of_the_forward_process(schedule):
    """RePaint, algorithm 1, line 11: the rates of timestep t become those of s, from 0 to T."""
    timesteps = [0, 1, 2, 50, 500, 999, 1000]
    probe = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    for t, s in combinations(timesteps, 2):
        x_s, x0_hat = resampling_step(down, lambda x, t: 2 * x, schedule, probe, t, s, randn=lambda x: 1 - x)
        kept, added = x_s.flatten().tolist()
        assert kept * schedule.signal[t].item() == pytest.approx(schedule.signal[s].item(), abs=1e-12)
        assert (kept * schedule.noise[t].item()) ** 2 + added**2 == pytest.approx(
            schedule.noise[s].item() ** 2, abs=1e-12
        )
        assert torch.equal(x0_hat, 2 * probe if t else probe)


def test_the_step_down_is_the_samplers_own():
    schedule, x = cosine(1000), noise(4, 3)
    step = partial(ddim_step, wavy, schedule)
    ours, plain = resampling_step(step, wavy, schedule, x, 500, 300), step(x, 500, 300)
    assert torch.equal(ours[0], plain[0]) and torch.equal(ours[1], plain[1])


def repainted(name, schedule, repeats, rows=100):
    """Inpaint half of five images many times with the exact denoiser of those five; returns walk, path and
    true images.
    """
    data, randn = 2 * noise(5, 16, seed=3), partial(noise_like, torch.Generator().manual_seed(0))
    half, denoise, known = (torch.arange(16) < 8).double(), exact(data, schedule), data.repeat(rows // 5, 1)
    step = partial(
        resampling_step, partial(sampler(name), denoise, schedule, randn=randn), denoise, schedule, randn=randn
    )
    path = resampling_timesteps(spaced(schedule, 50), 10, repeats)
    return (
        walk(step, noise(rows, 16, seed=4), path, keep_known_with_new_noise(known, half, schedule, randn)),
        path,
        known,
    )


@pytest.mark.parametrize("name", ["DDPM", "DDIM"])
@pytest.mark.parametrize("schedule", [cosine(1000), flow(1000)], **named)
def test_repaint_with_the_exact_denoiser_completes_each_image(schedule, name):
    """With the paper's ten repeats of ten steps, the unknown half becomes that of the same image."""
    states, path, known = repainted(name, schedule, repeats=10, rows=50)
    visited = []
    for state in states:
        visited.append(state.t)
    assert visited == path
    assert torch.equal(state.x[:, :8], known[:, :8])
    close(state.x, known)


def test_without_resampling_some_halves_do_not_match():
    states, _, known = repainted("DDIM", cosine(1000), repeats=1)
    *_, last = states
    assert torch.equal(last.x[:, :8], known[:, :8])
    assert ((last.x - known).abs().amax(1) > 1).sum() >= 5


def test_a_multistep_solver_starts_again_after_a_jump_back():
    """The first step after a jump back is DDIM's."""
    schedule = cosine(1000)
    step = partial(
        resampling_step, partial(sampler("DPM-Solver++"), wavy, schedule), wavy, schedule, randn=torch.zeros_like
    )
    states = list(walk(step, noise(4, 3), [1000, 800, 600, 1000, 800, 0]))
    close(states[4].x, ddim_step(wavy, schedule, states[3].x, 1000, 800)[0])
