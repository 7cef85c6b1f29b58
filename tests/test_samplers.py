"""The moves: identities, independent formulas step by step, and agreement with diffusers.

The moments of whole chains are in test_moments.py.
"""

from functools import partial
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch

from diffusion_edu.core import walk
from diffusion_edu.denoisers import TARGETS, clipped, exact
from diffusion_edu.samplers import SAMPLERS, ddim_step, ddpm_step, predicted_noise, sampler
from diffusion_edu.schedules import cosine, linear, sigmoid, straight, zero_terminal_snr
from diffusion_edu.spacings import spaced

SCHEDULES = [linear(1000), cosine(1000), sigmoid(1000), straight(1000), zero_terminal_snr(linear(1000))]
WITH_SIGNAL = SCHEDULES[:3]
named = {"ids": lambda schedule: schedule.name}


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def wavy(x, t):
    """A denoiser of no data set: what a step does with its guess must not depend on the guess being good."""
    return 1.5 * torch.sin(3 * x + t)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_ddim_with_eta_1_is_ddpm_for_every_pair_of_levels(schedule):
    """Pitfall 12, at any stride (16)."""
    x, z = noise(4, 3), noise(4, 3, seed=1)
    chosen = [1000, 999, 998, 700, 333, 100, 20, 3, 2, 1, 0]
    for t, s in combinations(chosen, 2):
        ddim = ddim_step(wavy, schedule, x, t, s, eta=1.0, randn=lambda x: z)
        ddpm = ddpm_step(wavy, schedule, x, t, s, variance="small", randn=lambda x: z)
        close(ddim[0], ddpm[0])
        assert torch.equal(ddim[1], ddpm[1])


@pytest.mark.parametrize("variance", ["small", "large"])
def test_a_ddpm_unit_step_is_the_papers_algorithm_2(variance):
    """Ho et al. 2020, written in eps and beta; pitfalls 17 to 19: no noise on the last move, variances finite."""
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
    """Song et al. 2021, eq. 12 and 16, in NumPy; pitfall 13: no move starts at level 0."""
    alpha_bar = schedule.alpha_bar.numpy()
    fresh = iter([noise(4, 3, seed=k) for k in range(1, 30)])
    levels = spaced(linear(), 20)
    states = list(walk(partial(ddim_step, wavy, schedule, eta=eta, randn=lambda x: next(fresh)), noise(4, 3), levels))
    x = noise(4, 3).numpy()
    for k, (t, s) in enumerate(pairwise(levels)):
        np.testing.assert_allclose(states[k].x, x, rtol=0, atol=1e-9)
        x0_hat = 1.5 * np.sin(3 * x + t)
        eps = (x - alpha_bar[t] ** 0.5 * x0_hat) / (1 - alpha_bar[t]) ** 0.5
        sigma = eta * ((1 - alpha_bar[s]) / (1 - alpha_bar[t])) ** 0.5 * (1 - alpha_bar[t] / alpha_bar[s]) ** 0.5
        x = alpha_bar[s] ** 0.5 * x0_hat + (1 - alpha_bar[s] - sigma**2) ** 0.5 * eps + sigma * noise(4, 3, seed=k + 1).numpy()
    np.testing.assert_allclose(states[-1].x, x, rtol=0, atol=1e-9)


def test_on_the_straight_path_ddim_is_a_euler_step_of_the_flow():
    schedule, x = straight(10), noise(4, 3)
    for t, s in combinations(range(10, -1, -1), 2):
        velocity = (x - wavy(x, t)) / (t / 10)  # eps_hat - x0_hat
        close(ddim_step(wavy, schedule, x, t, s)[0], x + (s - t) / 10 * velocity)


@pytest.mark.parametrize("step", [ddpm_step, partial(ddpm_step, variance="large"), ddim_step, partial(ddim_step, eta=1.0)])
@pytest.mark.parametrize("schedule", SCHEDULES[:4], **named)
def test_walks_with_the_exact_denoiser_land_on_the_data(schedule, step):
    """Full grid, well separated points."""
    points = torch.tensor([[3.0, 0.0], [-1.5, 2.6], [-1.5, -2.6]], dtype=torch.float64)
    *_, last = walk(
        partial(step, exact(points, schedule), schedule, randn=partial(seeded, torch.Generator().manual_seed(5))),
        noise(30, 2),
        spaced(linear(), 1000),
    )
    distances = torch.cdist(last.x, points)
    assert distances.min(dim=1).values.max() < 1e-9
    assert len(distances.argmin(dim=1).unique()) == 3


def seeded(generator, x):
    return torch.randn(x.shape, generator=generator, dtype=x.dtype)


@pytest.mark.parametrize("schedule", WITH_SIGNAL, **named)
def test_eps_x0_v_and_flow_give_one_chain_for_the_same_guess(schedule):
    """Pitfall 15."""

    def said(kind, x, t):
        scale, theta = schedule.angle(t, x)
        y, c, s, guess = x / scale, theta.cos(), theta.sin(), wavy(x, t)
        return TARGETS[kind].x0_hat(y, TARGETS[kind].of(guess, (y - c * guess) / s, c, s), c, s)

    chains = {k: list(walk(partial(ddim_step, partial(said, k), schedule), noise(4, 3), spaced(linear(), 10))) for k in TARGETS}
    for kind in ("eps", "v", "flow"):
        for ours, plain in zip(chains[kind], chains["x0"], strict=True):
            close(ours.x, plain.x)
            close(ours.x0_hat, plain.x0_hat)


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_x_is_made_of_the_clipped_guess_and_of_the_noise_derived_from_it(schedule):
    """Pitfall 14: eps_hat follows the clipped guess, before and after every move."""
    denoise = clipped(wavy)
    states = list(walk(partial(ddim_step, denoise, schedule), noise(4, 3), spaced(linear(), 10)))
    assert wavy(states[0].x, 1000).abs().max() > 1  # there is something to clip
    for now, later in pairwise(states):
        (signal, rate), (signal_s, rate_s) = schedule.rates(now.t, now.x), schedule.rates(later.t, now.x)
        eps_hat = predicted_noise(schedule, now.x, now.x0_hat, now.t)
        assert now.x0_hat.abs().max() <= 1
        close(signal * now.x0_hat + rate * eps_hat, now.x)
        close(signal_s * now.x0_hat + rate_s * eps_hat, later.x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "step", [ddpm_step, partial(ddpm_step, variance="large"), ddim_step, partial(ddim_step, eta=0.5), partial(ddim_step, eta=1.0)]
)
@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_the_last_move_returns_the_guess_exactly(schedule, step, dtype):
    """Pitfalls 11 and 17."""
    for t in (1, 50, 1000):
        x_s, x0_hat = step(wavy, schedule, noise(4, 3, dtype=dtype), t, 0)
        assert torch.equal(x_s, x0_hat)
        assert x_s.dtype == dtype


def test_the_small_variance_is_below_the_large_one_and_both_are_finite():
    """Pitfalls 18 and 19."""
    nothing, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    for t in range(1, 1001, 9):
        for s in {t - 1, t // 2, 0}:
            small, large = (ddpm_step(lambda x, t: x, linear(), nothing, t, s, v, lambda x: one)[0].item() for v in ("small", "large"))
            assert 0 <= small <= large <= 1
            assert (small > 0) == (large > 0) == (s > 0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_no_step_clips_by_itself(name):
    """Pitfall 21: a range belongs to a space, not to a sampler."""
    assert sampler(name)(lambda x, t: 100 + x, cosine(10), noise(4, 3), 1, 0)[0].min() > 90


@pytest.mark.parametrize("step", [ddim_step, ddpm_step])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_coefficients_are_exact_even_where_x_is_not(step, dtype):
    """In bfloat16 tables the variance of the last levels would be off by hundreds of percent."""
    options = {"eta": 1.0} if step is ddim_step else {}
    for t in (1000, 500, 2):
        moved = [
            step(lambda x, t: 0 * x, linear(), torch.zeros(1, dtype=d), t, t - 1, randn=torch.ones_like, **options)[0] for d in (dtype, torch.float64)
        ]
        assert moved[0].dtype == dtype
        assert moved[0].item() == pytest.approx(moved[1].item(), rel=torch.finfo(dtype).eps)


def test_steps_keep_the_shape_of_pictures_and_draw_noise_like_them():
    asked = []
    x = noise(2, 3, 8, 4, dtype=torch.float32)
    x_s, x0_hat = ddpm_step(lambda x, t: x, cosine(10), x, 5, 3, randn=lambda x: asked.append(x.shape) or torch.zeros_like(x))
    assert x_s.shape == x0_hat.shape == x.shape
    assert asked == [x.shape]
    ddim_step(lambda x, t: x, cosine(10), x, 5, 3, eta=0.0, randn=lambda x: pytest.fail("eta 0 needs no noise"))


def oracle(make, schedule, **options):
    """A diffusers scheduler, its float32 tables replaced by ours, so that the steps can be compared to the last digit."""
    theirs = make(1000, timestep_spacing="trailing", clip_sample=False, **options)
    theirs.alphas_cumprod = schedule.alpha_bar[1:]
    theirs.alphas = theirs.alphas_cumprod / schedule.alpha_bar[:-1]
    theirs.betas = 1 - theirs.alphas
    theirs.one = theirs.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    return theirs


def their_walk(scheduler, schedule, moves, prediction, **options):
    scheduler.set_timesteps(moves)
    generator, x = torch.Generator().manual_seed(7), noise(4, 3)
    for index in scheduler.timesteps.tolist():
        x0_hat = wavy(x, index + 1)  # their index 0 is our level 1
        eps_hat = predicted_noise(schedule, x, x0_hat, index + 1)
        said = {"sample": x0_hat, "epsilon": eps_hat, "v_prediction": TARGETS["v"].of(x0_hat, eps_hat, *schedule.rates(index + 1, x))}[prediction]
        x = scheduler.step(said, index, x, generator=generator, **options).prev_sample
    return x


def our_walk(step, schedule, moves, **options):
    step = partial(step, wavy, schedule, randn=partial(seeded, torch.Generator().manual_seed(7)), **options)
    *_, last = walk(step, noise(4, 3), spaced(linear(), moves))
    return last.x


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize(("moves", "variance"), [(1000, "small"), (50, "small"), (8, "small"), (1000, "large")])
def test_diffusers_walks_the_same_ddpm_chain(moves, variance, prediction):
    """Where the number of moves divides T; strided, its fixed_large also adds noise on the last move (pitfall 17)."""
    make = pytest.importorskip("diffusers").DDPMScheduler
    theirs = oracle(make, linear(), variance_type=f"fixed_{variance}", prediction_type=prediction)
    torch.testing.assert_close(
        our_walk(ddpm_step, linear(), moves, variance=variance), their_walk(theirs, linear(), moves, prediction), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("moves", [8, 50])
@pytest.mark.parametrize("schedule", [linear(1000), cosine(1000)], **named)
def test_diffusers_walks_the_same_ddim_chain(schedule, moves, eta, prediction):
    make = pytest.importorskip("diffusers").DDIMScheduler
    theirs = oracle(make, schedule, prediction_type=prediction)
    close(our_walk(ddim_step, schedule, moves, eta=eta), their_walk(theirs, schedule, moves, prediction, eta=eta))


def test_an_unknown_variance_is_refused_in_words():
    with pytest.raises(ValueError, match="small or large"):
        ddpm_step(lambda x, t: x, cosine(10), torch.zeros(1, 3), 5, 4, variance="medium")
