"""The contract: what a walk yields, when it computes, and that it leaves its caller's gradients alone."""

from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest
import torch

from diffusion_edu.core import State, walk
from diffusion_edu.denoisers import clipped
from diffusion_edu.samplers import SAMPLERS, cold_step, ddim_step, naive_cold_step, sampler
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced


def halve(x, t, s):
    return x / 2, x / 4


def start(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
def test_n_steps_yield_n_plus_1_states_with_pure_noise_first_and_the_image_last(steps):
    timesteps, x = spaced(cosine(50), steps), start(2, 3)
    states = list(walk(halve, x, timesteps))
    assert [state.t for state in states] == timesteps
    assert torch.equal(states[0].x, x)
    assert torch.equal(states[-1].x, x / 2**steps)
    assert states[-1].x0_hat is states[-1].x


def test_every_state_is_in_step_with_itself_and_with_the_next():
    schedule = cosine(50)
    denoise = clipped(lambda x, t: (1 + t / 50) * x.sin())
    step = partial(ddim_step, denoise, schedule)
    states = list(walk(step, start(2, 3), spaced(cosine(50), 10)))
    for now, later in zip(states, states[1:], strict=False):
        assert torch.equal(now.x0_hat, denoise(now.x, now.t))
        assert torch.equal(later.x, step(now.x, now.t, later.t)[0])


def test_a_walk_computes_nothing_before_it_is_asked_and_one_step_per_state():
    steps = []

    def step(x, t, s):
        steps.append((t, s))
        return x, x

    states = walk(step, start(1, 2), [3, 2, 0])
    assert steps == []
    next(states)
    assert steps == [(3, 2)]
    next(states)
    assert steps == [(3, 2), (2, 0)]
    next(states)
    assert steps == [(3, 2), (2, 0)]
    assert next(states, None) is None


def test_constrain_acts_on_x_at_every_timestep_before_the_step_sees_it():
    seen = []

    def constrain(x, t):
        return torch.full_like(x, t)

    def step(x, t, s):
        seen.append((t, x.unique().tolist()))
        return x, x

    states = list(walk(step, start(1, 2), [5, 3, 0], constrain))
    assert seen == [(5, [5.0]), (3, [3.0])]
    assert [state.x.unique().tolist() for state in states] == [[5.0], [3.0], [0.0]]


def test_the_walk_needs_no_gradients_and_leaves_those_of_its_caller_on():
    inside = []

    def step(x, t, s):
        inside.append(torch.is_grad_enabled())
        return x, x

    states = walk(step, start(1, 2).requires_grad_(), [2, 1, 0])
    for _ in states:
        assert torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert inside == [False, False]
    abandoned = walk(step, start(1, 2), [2, 1, 0])
    next(abandoned)
    abandoned.close()
    assert torch.is_grad_enabled()


def test_a_walk_never_changes_the_noise_it_was_given():
    x = start(2, 3)
    before = x.clone()
    list(walk(partial(ddim_step, lambda x, t: x, cosine(50)), x, spaced(cosine(50), 5)))
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", [*SAMPLERS, "cold", "naive cold", "identity"])
def test_whoever_changes_the_tensors_of_a_state_does_not_change_the_walk(name):
    def states():
        z = torch.ones(2, 3, dtype=torch.float64)
        schedule, others = cosine(50), {"cold": cold_step, "naive cold": naive_cold_step}
        if name == "identity":
            step = lambda x, t, s: (x, x)  # noqa: E731
        elif name in others:
            step = partial(others[name], lambda x, t: x / 2, lambda x0, t: x0 * (1 - t / 50) if t else x0)
        else:
            step = partial(sampler(name), lambda x, t: torch.sin(3 * x + t), schedule, randn=lambda x: z)
        return walk(step, start(2, 3), spaced(schedule, 5))

    untouched = [(state.x.clone(), state.x0_hat.clone()) for state in states()]
    for state, (x, x0_hat) in zip(states(), untouched, strict=True):
        assert torch.equal(state.x, x) and torch.equal(state.x0_hat, x0_hat)
        state.x.fill_(7), state.x0_hat.fill_(9)


@pytest.mark.parametrize("timesteps", [[], [3, -1], [2.5, 0], "10", None, 3])
def test_impossible_timesteps_are_refused_before_anything_is_computed(timesteps):
    with pytest.raises(ValueError, match="timesteps of walk must be a list of whole numbers"):
        walk(halve, start(2, 3), timesteps)


@pytest.mark.parametrize("timesteps", [(4, 2, 0), range(4, -1, -2), np.array([4, 2, 0]), torch.tensor([4, 2, 0])])
def test_timesteps_may_come_in_any_kind_of_list(timesteps):
    assert [state.t for state in walk(halve, start(2, 3), timesteps)] == [4, 2, 0]


def test_a_state_cannot_be_changed():
    state = State(1, start(1), start(1))
    with pytest.raises(FrozenInstanceError):
        state.t = 2
