"""Schedules against independent formulas, and their edges."""

import math
import warnings

import numpy as np
import pytest
import torch

from diffusion_edu.schedules import (
    SCHEDULES,
    Schedule,
    cosine,
    flow,
    from_betas,
    linear,
    scaled_linear,
    sigmoid,
    zero_terminal_snr,
)

META = torch.empty(2, dtype=torch.float64, device="meta")
ANY_TERMINAL_SNR = pytest.mark.filterwarnings("ignore:The .* schedule with T")


def betas_of(name, T):
    """Independent NumPy formulas of the papers: the T betas of the beta schedules."""
    low, high = {"scaled_linear": (8.5e-4, 0.012)}.get(name, (1e-4, 0.02))
    if name in ("quadratic", "scaled_linear"):
        return np.linspace(low**0.5, high**0.5, T) ** 2
    return np.linspace(low, high, T)


def alpha_bar_of(name, T):
    """Independent NumPy formulas of the papers: alpha_bar at the timesteps 1..T of the other
    schedules, before any cap.
    """
    u = np.arange(1, T + 1) / T
    if name == "cosine":
        f = lambda u: np.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2  # noqa: E731
        return f(u) / f(0)
    logistic = lambda u: 1 / (1 + np.exp(-(6 * u - 3)))  # noqa: E731
    return (logistic(1) - logistic(u)) / (logistic(1) - logistic(0))


@ANY_TERMINAL_SNR
@pytest.mark.parametrize("T", [50, 1000])
@pytest.mark.parametrize("name", ["linear", "quadratic", "scaled_linear"])
def test_beta_schedules_are_the_products_of_the_papers(name, T):
    alpha_bar = np.cumprod(1 - betas_of(name, T).astype(np.longdouble)).astype(np.float64)
    np.testing.assert_allclose(SCHEDULES[name](T).alpha_bar[1:], alpha_bar, rtol=1e-12)


@pytest.mark.parametrize("T", [50, 1000])
@pytest.mark.parametrize("name", ["cosine", "sigmoid"])
def test_curved_schedules_follow_the_papers_until_the_cap(name, T):
    ours, paper = SCHEDULES[name](T).alpha_bar[1:].numpy(), alpha_bar_of(name, T)
    np.testing.assert_allclose(ours[:-1], paper[:-1], rtol=1e-9)
    assert ours[-1] == pytest.approx(ours[-2] * (1 - 0.999))  # pitfall 3: the paper's own last beta is 1


def test_straight_is_a_straight_line():
    schedule = flow(8)
    assert schedule.noise.tolist() == [k / 8 for k in range(9)]
    assert schedule.signal.tolist() == [1 - k / 8 for k in range(9)]


@ANY_TERMINAL_SNR
@pytest.mark.parametrize("T", [*range(1, 26), 50, 300, 1000])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_builds_for_every_T_finite_monotone_and_clean_at_timestep_0(name, T):
    """Pitfalls 2 and 3: no beta reaches 1, nothing explodes; pitfall 18: the first timestep has its variance."""
    schedule = SCHEDULES[name](T)
    assert schedule.T == T
    assert schedule.signal.dtype == schedule.noise.dtype == torch.float64
    assert len(schedule.signal) == len(schedule.noise) == T + 1
    assert schedule.signal[0] == 1
    assert schedule.noise[0] == 0
    assert (schedule.signal.diff() < 0).all()
    assert (schedule.noise.diff() >= 0).all()
    assert schedule.noise[1] > 0
    assert torch.stack([schedule.signal, schedule.noise]).isfinite().all()
    if name != "flow":
        torch.testing.assert_close(
            schedule.signal**2 + schedule.noise**2, torch.ones(T + 1, dtype=torch.float64), rtol=0, atol=1e-12
        )
        assert (schedule.alpha_bar[1:] / schedule.alpha_bar[:-1] >= 1 - 0.999 - 1e-12).all()


@pytest.mark.parametrize("T", [0, -1, 1.5, 10.0, True, "10", None])
@pytest.mark.parametrize("name", SCHEDULES)
def test_impossible_numbers_of_timesteps_are_refused_in_words(name, T):
    with pytest.raises(ValueError, match=f"T of {name} must be a whole number"):
        SCHEDULES[name](T)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_impossible_betas_are_refused_in_words(bad):
    """Pitfall 2."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        from_betas("mine", torch.tensor([0.1, bad, 0.2], dtype=torch.float64))


@pytest.mark.parametrize(
    "betas",
    [torch.full((2, 3), 0.1), torch.tensor(0.1), torch.tensor([0.1 + 0j, 0.2]), torch.full((3,), 0.1, device="meta")],
)
def test_betas_that_are_no_list_of_real_numbers_are_refused_in_words(betas):
    with pytest.raises(ValueError, match="The betas of 'mine' must be a tensor of real numbers"):
        from_betas("mine", betas)


@pytest.mark.parametrize(
    ("signal", "noise"),
    [
        ([1, 0.5, 0.5], [0, 0.5, 0.9]),
        ([1, 0.5], [0.1, 0.5]),
        ([0.9, 0.5], [0, 0.5]),
        ([1, -0.5], [0, 0.5]),
        ([1], [0]),
        ([1, 0.5], [0, np.nan]),
        ([1, 0.5, 0.2], [0, 0, 0.9]),
        ([1, 0.5], [0, 0]),
        ([1, 0.5, 0.2], [0, 0.5]),
        ([[1, 0.5]], [[0, 0.5]]),
    ],
)
def test_tables_that_are_no_schedule_are_refused(signal, noise):
    with pytest.raises(ValueError, match="'mine' must"):
        Schedule("mine", torch.tensor(signal, dtype=torch.float64), torch.tensor(noise, dtype=torch.float64))


@pytest.mark.parametrize(
    "table", [[1, 0.5], np.array([1, 0.5]), torch.tensor([1, 0.5]), torch.tensor([2, 1]), None, META]
)
def test_tables_of_another_type_are_refused(table):
    with pytest.raises(ValueError, match="'mine' must be tensors float64"):
        Schedule("mine", table, torch.tensor([0, 0.5], dtype=torch.float64))


def test_only_a_variance_preserving_schedule_can_be_stretched():
    signal = torch.tensor([1, 0.5, 0.1], dtype=torch.float64)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="variance-preserving"):
        zero_terminal_snr(Schedule("mine", signal, 1 - signal))


@pytest.mark.parametrize(("T", "left"), [(50, 0.776), (300, 0.219)])
def test_betas_meant_for_1000_timesteps_warn_at_fewer(T, left):
    """Pitfall 1."""
    with pytest.warns(UserWarning, match="use more timesteps"):
        schedule = linear(T)
    assert schedule.signal[-1].item() == pytest.approx(left, abs=1e-3)
    assert "linear" in schedule.terminal_snr_note


def test_schedules_that_reach_noise_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for schedule in (linear(1000), cosine(2), cosine(50), sigmoid(50), flow(1), zero_terminal_snr(cosine(50))):
            assert schedule.terminal_snr_note == ""


def test_tables_are_products_in_float64():
    """Pitfall 4: a product in float32 is already off in the seventh digit."""
    exact = np.cumprod(1 - betas_of("linear", 1000).astype(np.longdouble))
    short = np.cumprod(1 - betas_of("linear", 1000).astype(np.float32), dtype=np.float32)
    wrong = lambda alpha_bar: float(np.abs(alpha_bar / exact - 1).max())  # noqa: E731
    assert wrong(linear().alpha_bar[1:].numpy()) < 1e-12
    assert wrong(short) > 1e-7


@ANY_TERMINAL_SNR
@pytest.mark.parametrize("make", [linear, scaled_linear, cosine])
def test_zero_terminal_snr_leaves_exactly_nothing_at_T_and_timestep_0_clean(make):
    """Pitfall 5."""
    plain, schedule = make(100), zero_terminal_snr(make(100))
    assert schedule.signal[-1].item() == 0
    assert schedule.noise[-1].item() == 1
    assert schedule.signal[0].item() == 1
    torch.testing.assert_close(
        schedule.signal, (plain.signal - plain.signal[-1]) / (1 - plain.signal[-1]), rtol=0, atol=1e-15
    )
    torch.testing.assert_close(
        schedule.signal**2 + schedule.noise**2, torch.ones(101, dtype=torch.float64), rtol=0, atol=1e-12
    )


def test_rates_of_one_timestep_and_of_many_multiply_images():
    schedule, x = cosine(10), torch.ones(3, 2, 4, 4)
    signal, noise = schedule.rates(torch.tensor([0, 5, 10]), x)
    assert signal.shape == noise.shape == (3, 1, 1, 1)
    assert signal.flatten().tolist() == schedule.signal[[0, 5, 10]].tolist()
    assert schedule.rates(5, x) == (schedule.signal[5], schedule.noise[5])
    many = schedule.corrupt(x, torch.tensor([0, 5, 10]), 2 * x)
    for row, t in enumerate([0, 5, 10]):
        assert torch.allclose(many[row], schedule.corrupt(x, t, 2 * x)[row])
    assert torch.equal(many[0], x[0])
    assert many.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32])
def test_timesteps_may_be_whole_numbers_of_any_length(dtype):
    schedule, x, t = cosine(10), torch.ones(3, 2, 4, 4), torch.tensor([0, 1, 10])
    for ours, right in zip(schedule.rates(t.to(dtype), x), schedule.rates(t, x), strict=True):
        assert torch.equal(ours, right)
    assert torch.equal(schedule.corrupt(x, t.to(dtype), -x), schedule.corrupt(x, t, -x))
    assert torch.equal(schedule.angle(t.to(dtype), x)[1], schedule.angle(t, x)[1])


@pytest.mark.parametrize("t", [torch.tensor([1j]), torch.tensor([True]), torch.tensor([1.0]), META.long()])
def test_timesteps_that_are_no_whole_numbers_are_refused_in_words(t):
    with pytest.raises(ValueError, match="t of Schedule.rates must be a whole number"):
        cosine(10).rates(t, torch.ones(1, 3, 4, 4))


@pytest.mark.parametrize("name", SCHEDULES)
def test_in_the_angle_frame_every_schedule_is_a_circle(name):
    schedule, x0, eps = (
        SCHEDULES[name](2000),
        torch.tensor([[0.3]], dtype=torch.float64),
        torch.tensor([[-1.7]], dtype=torch.float64),
    )
    for t in (0, 1, 700, 2000):
        guidance_scale, theta = schedule.angle(t, x0)
        torch.testing.assert_close(
            schedule.corrupt(x0, t, eps) / guidance_scale, theta.cos() * x0 + theta.sin() * eps, rtol=0, atol=1e-12
        )
        assert 0 <= theta <= math.pi / 2


@ANY_TERMINAL_SNR
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("linear", {"beta_schedule": "linear"}),
        ("scaled_linear", {"beta_schedule": "scaled_linear", "beta_start": 8.5e-4, "beta_end": 0.012}),
        ("cosine", {"beta_schedule": "squaredcos_cap_v2"}),
    ],
)
def test_diffusers_has_the_same_tables(ours, theirs):
    """To the precision of its float32 (its "sigmoid" is another schedule: a sigmoid of beta)."""
    alpha_bar = pytest.importorskip("diffusers").DDPMScheduler(1000, **theirs).alphas_cumprod
    torch.testing.assert_close(SCHEDULES[ours](1000).alpha_bar[1:], alpha_bar.double(), rtol=2e-4, atol=1e-6)


@ANY_TERMINAL_SNR
@pytest.mark.parametrize("name", ["linear", "scaled_linear"])
def test_diffusers_rescales_to_zero_snr_likewise_from_the_first_noisy_timestep_on(name):
    """Ours keeps timestep 0, theirs timestep 1: the same line, stretched by one common factor."""
    rescale = pytest.importorskip("diffusers.schedulers.scheduling_ddim").rescale_zero_terminal_snr
    theirs = torch.cumprod(1 - rescale(torch.from_numpy(betas_of(name, 1000))), 0).sqrt()
    plain, ours = SCHEDULES[name](1000).signal, zero_terminal_snr(SCHEDULES[name](1000)).signal
    stretch = plain[1] * (1 - plain[-1]) / (plain[1] - plain[-1])
    torch.testing.assert_close(ours[1:] * stretch, theirs, rtol=0, atol=1e-9)
    assert stretch != 1


def test_one_image_may_come_with_many_noises_or_timesteps_and_no_other_counts():
    one, many, t = torch.ones(1, 3, 4, 4), torch.ones(5, 3, 4, 4), torch.arange(5)
    schedule = cosine(10)
    for x0, eps, timesteps in ((one, many, 3), (many, one, 3), (one, one, t), (many, many, t), (one, many, t)):
        x = schedule.corrupt(x0, timesteps, eps)
        assert torch.equal(x, schedule.corrupt(x0.expand_as(many), timesteps, eps.expand_as(many)))
    for x0, eps, timesteps in ((many[:2], many, 3), (one[:, :1], many, 3), (many[:2], many[:2], t), (one[0], many, 3)):
        with pytest.raises(ValueError, match="shaped like the images|2 images came with 5 timesteps"):
            schedule.corrupt(x0, timesteps, eps)


@pytest.mark.parametrize("t", [-1, 11, torch.tensor([0, -1]), torch.tensor([3, 11])])
def test_a_timestep_that_does_not_exist_is_refused(t):
    with pytest.raises(IndexError):
        cosine(10).rates(t, torch.zeros(2, 3, 4, 4))


def test_a_schedule_that_ends_in_pure_noise_needs_no_stretching():
    assert zero_terminal_snr(flow(10)).name == "flow"


@pytest.mark.parametrize("tau", [0.3, 1.0, 2.5])
def test_tau_makes_the_sigmoid_steep_or_flat(tau):
    """Jabri et al. 2022, algorithm 1, in NumPy; the last step is capped."""
    curve = 1 / (1 + np.exp(-np.linspace(-3, 3, 21) / tau))
    expected = torch.from_numpy((curve[-1] - curve) / (curve[-1] - curve[0]))
    torch.testing.assert_close(sigmoid(20, tau=tau).alpha_bar[:-1], expected[:-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("t", [[0, 11], [11, 0], [-1, 5], [5, -1]], ids=str)
def test_every_timestep_of_a_batch_lies_in_the_schedule(t):
    with pytest.raises(IndexError, match="has the timesteps 0 to 10"):
        cosine(10).rates(torch.tensor(t), torch.zeros(2, 3))


@pytest.mark.parametrize("shape", [(2,), (2, 5), (2, 3, 4), (2, 3, 4, 4), (2, 1, 2, 3, 4)], ids=str)
def test_the_rates_of_a_batch_multiply_whatever_has_a_batch(shape):
    signal, noise = cosine(10).rates(torch.tensor([2, 7]), torch.zeros(shape))
    assert signal.shape == noise.shape == (2, *[1] * (len(shape) - 1))
    assert signal.flatten().tolist() == cosine(10).signal[[2, 7]].tolist()


def test_noise_never_falls_from_one_timestep_to_the_next():
    rates = torch.tensor([1.0, 0.8, 0.6, 0.4], dtype=torch.float64)
    with pytest.raises(ValueError, match="never lose noise"):
        Schedule("falling", rates, torch.tensor([0.0, 0.6, 0.5, 0.9], dtype=torch.float64))
