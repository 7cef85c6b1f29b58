"""The steps: identities, independent formulas step by step, and what holds for every sampler.

The moments of whole chains are in test_moments.py, how quickly solvers converge and what they remember in
test_solvers.py, class accuracy with diffusers in test_diffusers.py.
"""

from functools import partial
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from walks import CALM, close, named, noise, noise_like, wavy

from diffusion_edu.core import walk
from diffusion_edu.denoisers import TARGETS, clipped, exact
from diffusion_edu.samplers import (
    SAMPLERS,
    DpmSolver,
    cold_step,
    ddim_step,
    ddpm_step,
    euler_ancestral_step,
    heun_step,
    multistep_renoising_step,
    naive_cold_step,
    nfe,
    predicted_noise,
    sampler,
)
from diffusion_edu.schedules import cosine, flow, linear, sigmoid, zero_terminal_snr
from diffusion_edu.spacings import spaced

SCHEDULES = [linear(1000), cosine(1000), sigmoid(1000), flow(1000), zero_terminal_snr(linear(1000))]
WITH_SIGNAL = SCHEDULES[:3]
SOME = [1000, 999, 998, 700, 333, 100, 20, 3, 2, 1, 0]
VARIANTS = {
    "DDPM, large": ("DDPM", {"variance": "large"}),
    "DDIM, eta 0.5": ("DDIM", {"eta": 0.5}),
    "DDIM, eta 1": ("DDIM", {"eta": 1.0}),
    "DPM-Solver++, eta 0.5": ("DPM-Solver++", {"eta": 0.5}),
    "DPM-Solver++, eta 1": ("DPM-Solver++", {"eta": 1.0}),
}
EVERY = {name: (name, {}) for name in SAMPLERS} | VARIANTS


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_ddim_with_eta_1_is_ddpm_for_every_pair_of_timesteps(schedule):
    """Pitfall 12, at any stride (16); and so are ancestral Euler and the first step of the stochastic DPM-Solver++."""
    x, z = noise(4, 3), noise(4, 3, seed=1)
    for t, s in combinations(SOME, 2):
        ddpm = ddpm_step(wavy, schedule, x, t, s, variance="small", randn=lambda x: z)
        for step in (partial(ddim_step, eta=1.0), euler_ancestral_step, partial(DpmSolver(), eta=1.0)):
            same = step(wavy, schedule, x, t, s, randn=lambda x: z)
            close(same[0], ddpm[0])
            assert torch.equal(same[1], ddpm[1])


@pytest.mark.parametrize("schedule", WITH_SIGNAL, **named)
def test_ancestral_euler_is_that_of_k_diffusion(schedule):
    """get_ancestral_step and sample_euler_ancestral in NumPy: z = x / signal, sigma = noise / signal, eta 1."""
    x, z = noise(4, 3).numpy(), noise(4, 3, seed=1).numpy()
    signal, rate = schedule.signal.numpy(), schedule.noise.numpy()
    for t, s in combinations(SOME, 2):
        here, there = rate[t] / signal[t], rate[s] / signal[s]
        up = min(there, (there**2 * (here**2 - there**2) / here**2) ** 0.5)
        slope = (x / signal[t] - 1.5 * np.sin(3 * x + t)) / here
        theirs = signal[s] * (x / signal[t] + slope * ((there**2 - up**2) ** 0.5 - here) + up * z)
        close(
            euler_ancestral_step(wavy, schedule, noise(4, 3), t, s, lambda x: noise(4, 3, seed=1))[0],
            torch.from_numpy(theirs),
        )


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_renoising_forgets_x_and_has_the_moments_of_the_timestep(schedule):
    x, z = noise(4, 3), noise(4, 3, seed=1)
    for t, s in combinations(SOME, 2):
        close(multistep_renoising_step(wavy, schedule, x, t, s, lambda x: z)[0], schedule.corrupt(wavy(x, t), s, z))


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_cold_diffusion_with_estimated_noise_is_ddim(schedule):
    """Bansal et al. 2022, algorithm 2, where to degrade is to add the noise that is estimated in x."""
    x = noise(4, 3)
    for t, s in combinations(SOME, 2):
        eps_hat = predicted_noise(schedule, x, wavy(x, t), t)
        for step in (cold_step, naive_cold_step):  # there D(x0_hat, t) is x itself, so both algorithms are one
            close(
                step(wavy, lambda x0, t, eps_hat=eps_hat: schedule.corrupt(x0, t, eps_hat), x, t, s)[0],
                ddim_step(wavy, schedule, x, t, s)[0],
            )


@pytest.mark.parametrize("name", CALM)
@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_a_prediction_that_never_changes_is_reached_along_ddims_path_by_every_solver(schedule, name):
    target = noise(4, 3, seed=2)
    paths = [
        list(walk(partial(sampler(each), lambda x, t: target, schedule), noise(4, 3), spaced(schedule, 10)))
        for each in ("DDIM", name)
    ]
    for ddim, solved in zip(*paths, strict=True):
        close(ddim.x, solved.x)
        if name == "Heun":
            assert torch.equal(ddim.x, solved.x)


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_heun_takes_the_mean_of_both_predictions_over_the_square_of_the_sine(schedule):
    """y / sin(theta) changes by the integral of x0_hat / sin^2: exactly for the first prediction, by the trapezoidal
    rule for what changed since.
    """
    x = noise(4, 3).numpy()
    for t, s in combinations(SOME[:-1], 2):
        c, e = schedule.signal.numpy(), schedule.noise.numpy()
        (scale_t, turn_t), (scale_s, turn_s) = ((np.hypot(c[k], e[k]), np.arctan2(e[k], c[k])) for k in (t, s))
        first = 1.5 * np.sin(3 * x + t)
        u = x / scale_t / np.sin(turn_t) + first * (1 / np.tan(turn_s) - 1 / np.tan(turn_t))
        there = scale_s * np.sin(turn_s) * u  # where DDIM ends
        second = 1.5 * np.sin(3 * there + s)
        u = u + (turn_t - turn_s) / 2 * (0 / np.sin(turn_t) ** 2 + (second - first) / np.sin(turn_s) ** 2)
        ours = heun_step(wavy, schedule, noise(4, 3), t, s)
        np.testing.assert_allclose(ours[0], scale_s * np.sin(turn_s) * u, rtol=1e-9, atol=1e-9)
        close(ours[1], torch.from_numpy(first))


@pytest.mark.parametrize("variance", ["small", "large"])
def test_a_ddpm_unit_step_is_the_papers_algorithm_2(variance):
    """Ho et al. 2020, written in eps and beta; pitfalls 17 to 19: no noise on the last step, variances finite."""
    beta = np.linspace(1e-4, 0.02, 1000)
    alpha_bar = np.cumprod(1 - beta)
    x, z = noise(4, 3), noise(4, 3, seed=1)
    for t in (1000, 999, 500, 2, 1):
        b, now, before = beta[t - 1], alpha_bar[t - 1], alpha_bar[t - 2] if t > 1 else 1.0
        eps = (x.numpy() - now**0.5 * wavy(x, t).numpy()) / (1 - now) ** 0.5
        sigma = (b if variance == "large" else b * (1 - before) / (1 - now)) ** 0.5
        paper = (x.numpy() - b / (1 - now) ** 0.5 * eps) / (1 - b) ** 0.5 + sigma * (z.numpy() if t > 1 else 0)
        close(ddpm_step(wavy, linear(), x, t, t - 1, variance, lambda x: z)[0], torch.from_numpy(paper))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("schedule", WITH_SIGNAL, **named)
def test_a_ddim_walk_is_the_papers_formula_step_by_step(schedule, eta):
    """Song et al. 2021, eq. 12 and 16, in NumPy; pitfall 13: no step starts at timestep 0."""
    alpha_bar = schedule.alpha_bar.numpy()
    fresh = iter([noise(4, 3, seed=k) for k in range(1, 30)])
    timesteps = spaced(linear(), 20)
    states = list(
        walk(partial(ddim_step, wavy, schedule, eta=eta, randn=lambda x: next(fresh)), noise(4, 3), timesteps)
    )
    x = noise(4, 3).numpy()
    for k, (t, s) in enumerate(pairwise(timesteps)):
        np.testing.assert_allclose(states[k].x, x, rtol=0, atol=1e-9)
        x0_hat = 1.5 * np.sin(3 * x + t)
        eps = (x - alpha_bar[t] ** 0.5 * x0_hat) / (1 - alpha_bar[t]) ** 0.5
        sigma = eta * ((1 - alpha_bar[s]) / (1 - alpha_bar[t])) ** 0.5 * (1 - alpha_bar[t] / alpha_bar[s]) ** 0.5
        x = (
            alpha_bar[s] ** 0.5 * x0_hat
            + (1 - alpha_bar[s] - sigma**2) ** 0.5 * eps
            + sigma * noise(4, 3, seed=k + 1).numpy()
        )
    np.testing.assert_allclose(states[-1].x, x, rtol=0, atol=1e-9)


def test_on_the_straight_path_ddim_is_a_euler_step_of_the_flow():
    schedule, x = flow(10), noise(4, 3)
    for t, s in combinations(range(10, -1, -1), 2):
        velocity = (x - wavy(x, t)) / (t / 10)  # eps_hat - x0_hat
        close(ddim_step(wavy, schedule, x, t, s)[0], x + (s - t) / 10 * velocity)


@pytest.mark.parametrize("variant", sorted(set(EVERY) - {"DDIM, eta 0.5"}))
@pytest.mark.parametrize("schedule", SCHEDULES[:4], **named)
def test_walks_with_the_exact_denoiser_land_on_the_data(schedule, variant):
    """Full grid, well separated points."""
    points = torch.tensor([[3.0, 0.0], [-1.5, 2.6], [-1.5, -2.6]], dtype=torch.float64)
    name, options = EVERY[variant]
    randn = partial(noise_like, torch.Generator().manual_seed(5))
    *_, last = walk(
        partial(sampler(name), exact(points, schedule), schedule, randn=randn, **options),
        noise(30, 2),
        spaced(linear(), 1000),
    )
    distances = (last.x[:, None] - points).norm(dim=2)  # torch.cdist rounds to 6e-8
    assert distances.min(dim=1).values.max() < 1e-9
    assert len(distances.argmin(dim=1).unique()) == 3


@pytest.mark.parametrize("schedule", WITH_SIGNAL, **named)
def test_eps_x0_v_and_flow_give_one_chain_for_the_same_prediction(schedule):
    """Pitfall 15."""

    def said(class_name, x, t):
        guidance_scale, theta = schedule.angle(t, x)
        y, c, s, prediction = x / guidance_scale, theta.cos(), theta.sin(), wavy(x, t)
        return TARGETS[class_name].x0_hat(y, TARGETS[class_name].of(prediction, (y - c * prediction) / s, c, s), c, s)

    chains = {
        k: list(walk(partial(ddim_step, partial(said, k), schedule), noise(4, 3), spaced(linear(), 10)))
        for k in TARGETS
    }
    for class_name in ("eps", "v", "flow"):
        for ours, plain in zip(chains[class_name], chains["x0"], strict=True):
            close(ours.x, plain.x)
            close(ours.x0_hat, plain.x0_hat)


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_x_is_made_of_the_clipped_prediction_and_of_the_noise_derived_from_it(schedule):
    """Pitfall 14: eps_hat follows the clipped prediction, before and after every step."""
    denoise = clipped(wavy)
    states = list(walk(partial(ddim_step, denoise, schedule), noise(4, 3), spaced(linear(), 10)))
    assert wavy(states[0].x, 1000).abs().max() > 1  # there is something to clip
    for now, later in pairwise(states):
        (signal, rate), (signal_s, rate_s) = schedule.rates(now.t, now.x), schedule.rates(later.t, now.x)
        eps_hat = predicted_noise(schedule, now.x, now.x0_hat, now.t)
        assert now.x0_hat.abs().max() <= 1
        close(signal * now.x0_hat + rate * eps_hat, now.x)
        close(signal_s * now.x0_hat + rate_s * eps_hat, later.x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("variant", EVERY)
@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_the_last_step_returns_the_prediction_exactly(schedule, variant, dtype):
    """Pitfalls 11 and 17."""
    name, options = EVERY[variant]
    for path in ([1, 0], [50, 0], [1000, 0], [1000, 400, 7, 0]):
        *_, before, last = walk(partial(sampler(name), wavy, schedule, **options), noise(4, 3).to(dtype), path)
        assert torch.equal(last.x, before.x0_hat)
        assert last.x.dtype == before.x0_hat.dtype == dtype


@pytest.mark.parametrize("name", SAMPLERS)
def test_deterministic_samplers_never_use_noise_and_the_others_once_per_step(name):
    asked = []
    randn = (
        (lambda x: pytest.fail("no noise is needed"))
        if name in CALM
        else (lambda x: asked.append(x.shape) or torch.zeros_like(x))
    )
    list(walk(partial(sampler(name), wavy, cosine(1000), randn=randn), noise(4, 3), spaced(cosine(1000), 7)))
    assert asked == ([] if name in CALM else [(4, 3)] * 7)


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
@pytest.mark.parametrize("name", SAMPLERS)
def test_the_denoiser_is_evaluated_as_often_as_nfe_says(name, steps):
    asked = []
    list(
        walk(
            partial(sampler(name), lambda x, t: asked.append(t) or x, cosine(50)),
            noise(4, 3),
            spaced(cosine(50), steps),
        )
    )
    assert len(asked) == nfe(name, steps)
    assert min(asked) > 0  # timestep 0 has nothing to prediction


def test_an_unknown_sampler_is_refused_in_words():
    with pytest.raises(ValueError, match="DDIM, DDPM, Heun, .*not 'Euler'"):
        sampler("Euler")


def test_the_small_variance_is_below_the_large_one_and_both_are_finite():
    """Pitfalls 18 and 19."""
    nothing, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    for t in range(1, 1001, 9):
        for s in {t - 1, t // 2, 0}:
            small, large = (
                ddpm_step(lambda x, t: x, linear(), nothing, t, s, v, lambda x: one)[0].item()
                for v in ("small", "large")
            )
            assert 0 <= small <= large <= 1
            assert (small > 0) == (large > 0) == (s > 0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_no_step_clips_by_itself(name):
    """Pitfall 21: a range belongs to a space, not to a sampler."""
    assert sampler(name)(lambda x, t: 100 + x, cosine(10), noise(4, 3), 1, 0)[0].min() > 90


@pytest.mark.parametrize("variant", sorted(set(EVERY) - set(CALM)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_coefficients_are_exact_even_where_x_is_not(variant, dtype):
    """In bfloat16 tables the variance of the last timesteps would be off by hundreds of percent."""
    name, options = EVERY[variant]
    for t in (1000, 500, 2):
        moved = [
            sampler(name)(
                lambda x, t: 0 * x, linear(), torch.zeros(1, dtype=d), t, t - 1, randn=torch.ones_like, **options
            )[0]
            for d in (dtype, torch.float64)
        ]
        assert moved[0].dtype == dtype
        assert moved[0].item() == pytest.approx(moved[1].item(), rel=torch.finfo(dtype).eps)


@pytest.mark.parametrize("variant", EVERY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_x_and_the_prediction_keep_their_dtype_and_are_rounded_a_few_times_only(schedule, dtype, variant):
    name, options = EVERY[variant]
    for path in ([1000, 999, 998], [500, 499, 498], [3, 2, 1], [1000, 10, 1]):
        for x, prediction in ((1.0, 0.0), (0.0, 1.0)):
            ends = []
            for d in (dtype, torch.float64):
                step = partial(
                    sampler(name),
                    lambda x, t, prediction=prediction: torch.full_like(x, prediction),
                    schedule,
                    randn=torch.zeros_like,
                    **options,
                )
                ends.append([*walk(step, torch.full((1,), x, dtype=d), path)][-1].x)
            assert ends[0].dtype == dtype
            assert ends[0].item() == pytest.approx(ends[1].item(), rel=0, abs=4 * torch.finfo(dtype).eps)


def test_steps_keep_the_shape_of_images_and_draw_noise_like_them():
    asked = []
    x = noise(2, 3, 8, 4, dtype=torch.float32)
    x_s, x0_hat = ddpm_step(
        lambda x, t: x, cosine(10), x, 5, 3, randn=lambda x: asked.append(x.shape) or torch.zeros_like(x)
    )
    assert x_s.shape == x0_hat.shape == x.shape
    assert asked == [x.shape]
    ddim_step(lambda x, t: x, cosine(10), x, 5, 3, eta=0.0, randn=lambda x: pytest.fail("eta 0 needs no noise"))


@pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan"), float("inf"), None, "1", [0.5]])
@pytest.mark.parametrize("name", ["DDIM", "DPM-Solver++"])
def test_eta_lies_between_0_and_1(name, eta):
    with pytest.raises(ValueError, match="eta of .* must be a number from 0 to 1, not"):
        sampler(name)(wavy, cosine(10), noise(1, 3), 5, 4, eta=eta)


@pytest.mark.parametrize(("t", "s"), [(3, 3), (3, 5), (0, 0)])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_goes_down(name, t, s):
    with pytest.raises(ValueError, match=f"to a lower one, not from {t} to {s}"):
        sampler(name)(wavy, cosine(10), noise(1, 3), t, s)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("T", [1000, 10_000])
@pytest.mark.parametrize("name", EVERY)
def test_long_schedules_do_not_overflow_in_16_bits(name, T, dtype):
    """Where hardly any signal is left, noise / signal is beyond the range of 16 bits."""
    sampler_name, options = EVERY[name]
    for schedule in (cosine(T), flow(T), linear(T, 1e-4, 0.02)):
        step = partial(sampler(sampler_name), lambda x, t: x.clamp(-1, 1), schedule, **options)
        for state in walk(step, noise(2, 3).to(dtype), spaced(schedule, 5)):
            assert state.x.isfinite().all() and state.x.dtype == dtype
        assert state.x.abs().max() < 3


def test_an_unknown_variance_is_refused_in_words():
    with pytest.raises(ValueError, match="small or large"):
        ddpm_step(lambda x, t: x, cosine(10), torch.zeros(1, 3), 5, 4, variance="medium")
