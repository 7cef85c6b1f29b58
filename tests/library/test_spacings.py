"""The timesteps of a walk: whole, falling from the top to 0, exactly as many steps as asked for, and even in what their
name says.
"""

import warnings
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffusion_edu.schedules import SCHEDULES, Schedule, cosine, flow, linear, zero_terminal_snr
from diffusion_edu.spacings import SPACINGS, spaced


@cache
def schedule(name, T):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # betas meant for 1000 timesteps
        return SCHEDULES[name](T)


def check(timesteps, top, steps):
    """The top is visited, the previous timestep is the next in the list, none comes twice."""
    assert len(timesteps) == steps + 1
    assert (timesteps[0], timesteps[-1]) == (top, 0)
    assert all(type(timestep) is int for timestep in timesteps)
    assert all(t > s for t, s in pairwise(timesteps))


@pytest.mark.parametrize("T", [1, 2, 3, 10, 50, 300])
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_spaced_timesteps_fall_strictly_from_T_to_0_for_every_possible_number_of_steps(spacing, name, T):
    """Pitfalls 7, 8, 10 and 13."""
    for steps in range(1, T + 1) if T <= 50 else [*range(1, 40), *range(40, T, 13), T - 1, T]:
        check(spaced(schedule(name, T), steps, spacing), T, steps)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_timesteps_fall_strictly_on_a_fine_grid_and_from_any_top(spacing, name):
    for top, steps in [(1000, n) for n in (1, 2, 3, 10, 20, 50, 333, 997, 999)] + [
        (997, 50),
        (500, 499),
        (37, 20),
        (2, 2),
        (2, 1),
        (1, 1),
    ]:
        check(spaced(schedule(name, 1000), steps, spacing, top), top, steps)


@pytest.mark.parametrize("make", [linear, cosine])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_top_without_any_signal_is_visited_too(spacing, make):
    stretched = zero_terminal_snr(make(1000))
    for steps in (1, 2, 3, 10, 50, 999, 1000):
        check(spaced(stretched, steps, spacing), 1000, steps)


@pytest.mark.parametrize("T", [1, 2, 3, 10, 50, 300, 1000])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_as_many_steps_as_timesteps_are_the_full_grid(spacing, T):
    """Pitfall 9."""
    for name in ("cosine", "flow"):
        assert spaced(schedule(name, T), T, spacing) == list(range(T, -1, -1))


@pytest.mark.parametrize("spacing", SPACINGS)
def test_one_step_goes_all_the_way(spacing):
    assert spaced(cosine(1000), 1, spacing) == [1000, 0]
    assert spaced(cosine(1000), 1, spacing, top=7) == [7, 0]


@pytest.mark.parametrize(("T", "steps"), [(10, 0), (10, -1), (10, 11), (1, 2), (300, 500), (1000, 1001)])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_impossible_numbers_of_steps_are_refused_in_words(spacing, T, steps):
    with pytest.raises(ValueError, match=f"between 1 and {T} steps, not {steps}"):
        spaced(flow(T), steps, spacing)


def test_steps_are_counted_from_the_top_and_the_top_lies_on_the_schedule():
    with pytest.raises(ValueError, match="timestep 20 to 0 takes between 1 and 20 steps, not 21"):
        spaced(flow(100), 21, top=20)
    for top in (0, -1, 101):
        with pytest.raises(ValueError, match=f"between the timesteps 1 and 100, not at {top}"):
            spaced(flow(100), 1, top=top)


def test_an_unknown_spacing_is_refused_in_words():
    with pytest.raises(ValueError, match="trailing, leading, linspace, log-SNR, angle; not 'karras'"):
        spaced(flow(10), 5, "karras")


@pytest.mark.parametrize("T", [3, 10, 50, 300, 1000])
def test_trailing_timesteps_lie_within_half_a_timestep_of_even_ones(T):
    for steps in range(1, T + 1):
        timesteps = spaced(flow(T), steps)
        assert max(abs(timestep - T * (steps - k) / steps) for k, timestep in enumerate(timesteps)) <= 0.5


def test_trailing_is_the_formula_of_lin_et_al():
    """Table 2: round(flip(arange(T, 0, -T / n))), their timestep 0 being our timestep 1 and ours the clean image."""
    for steps in (1, 4, 5, 8, 10, 20, 25, 40, 50, 100, 125, 200, 250, 500, 1000):
        assert spaced(linear(1000), steps) == [*np.round(np.arange(1000, 0, -1000 / steps)).astype(int).tolist(), 0]


def test_leading_timesteps_are_multiples_of_a_whole_stride_below_the_top():
    """Pitfall 7: what the published rule leaves out at the top is one longer step here."""
    assert spaced(flow(1000), 5, "leading") == [1000, 601, 401, 201, 1, 0]
    assert spaced(flow(10), 3, "leading") == [10, 4, 1, 0]
    assert spaced(flow(300), 200, "leading") == [300, *range(199, -1, -1)]


def test_linspace_timesteps_are_even_from_the_top_to_timestep_1():
    assert spaced(flow(1000), 4, "linspace") == [1000, 667, 334, 1, 0]
    assert spaced(flow(10), 10, "linspace") == list(range(10, -1, -1))


def fine(theta):
    one = torch.ones(1, dtype=torch.float64)
    return Schedule("fine", torch.cat([one, theta.cos()]), torch.cat([0 * one, theta.sin()]))


def test_timesteps_between_two_whole_ones_are_rounded():
    assert spaced(flow(5), 2) == [5, 3, 0]  # 2.5
    assert spaced(flow(1000), 5, "linspace") == [1000, 750, 500, 251, 1, 0]  # 750.25, 500.5 and 250.75


@pytest.mark.parametrize(
    ("spacing", "timesteps"),
    [("trailing", [400, 300, 200, 100, 0]), ("leading", [400, 201, 101, 1, 0]), ("linspace", [400, 267, 134, 1, 0])],
)
def test_strides_are_even_from_the_top_also_where_it_is_not_T(spacing, timesteps):
    assert spaced(flow(1000), 4, spacing, top=400) == timesteps


def test_log_snr_timesteps_are_even_in_log_snr_on_a_grid_that_is_fine_enough():
    ratio = torch.linspace(5, -5, 5000, dtype=torch.float64)  # log(signal / noise) at the timesteps 1 to 5000
    schedule = fine(torch.atan(torch.exp(-ratio)))
    for steps, top in [(5, 5000), (20, 5000), (101, 5000), (20, 3000)]:
        read = (schedule.signal / schedule.noise).log()[spaced(schedule, steps, "log-SNR", top)[:-1]]
        assert read[0].item() == pytest.approx(ratio[top - 1].item()) and read[-1].item() == pytest.approx(5)
        even = (5 - ratio[top - 1]) / (steps - 1)
        assert (read.diff() - even).abs().max() <= 10 / 4999 + 1e-9  # one timestep: both ends are rounded by half


def test_angle_timesteps_are_even_in_the_angle_on_a_grid_that_is_fine_enough():
    schedule = fine(torch.linspace(0, 1.55, 5001, dtype=torch.float64)[1:])
    for steps, top in [(5, 5000), (20, 5000), (101, 5000), (20, 3000)]:
        turn = torch.atan2(schedule.noise, schedule.signal)[spaced(schedule, steps, "angle", top)]
        assert (turn.diff() + 1.55 * top / 5000 / steps).abs().max() <= 1.55 / 5000 + 1e-9


@pytest.mark.parametrize(
    ("spacing", "reading"),
    [("log-SNR", lambda s: (s.signal / s.noise).log()), ("angle", lambda s: torch.atan2(s.noise, s.signal))],
)
@pytest.mark.parametrize("name", ["linear", "cosine", "flow"])
def test_on_usual_schedules_each_request_gets_the_nearest_timestep_where_none_collide(name, spacing, reading):
    """So that no neighbour would have been better: the reading lies within half of a timestep's width of even."""
    table, steps = reading(schedule(name, 1000)), 8
    timesteps = spaced(schedule(name, 1000), steps, spacing)
    if spacing == "angle":
        wanted = torch.linspace(table[1000], 0, steps + 1, dtype=torch.float64)[1:-1]
    else:
        ends = (table[1000], steps) if table[1000].isfinite() else (table[999], steps - 1)
        wanted = torch.linspace(ends[0], table[1], ends[1], dtype=torch.float64)[-(steps - 1) :]
    for timestep, request in zip(timesteps[1:-1], wanted, strict=True):
        away = (table[timestep] - request).abs()
        assert all(away <= (table[other] - request).abs() + 1e-12 for other in (timestep - 1, timestep + 1))
