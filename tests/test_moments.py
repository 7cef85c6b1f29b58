"""The exact moments of whole chains: what no sample-based test can see.

For data N(0, s^2) the best denoiser is linear, so every step is affine, `x_s = a x + g z`, and the variance of the chain
follows without randomness: `var_s = a^2 var_t + g^2`. The coefficients are read off the real step functions.
"""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffusion_edu.samplers import ddim_step, ddpm_step, predicted_noise
from diffusion_edu.schedules import cosine, linear
from diffusion_edu.spacings import spaced

LINEAR = linear(1000)


def best(std, schedule=LINEAR):
    """The posterior mean for data N(0, std^2)."""

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        return signal * std**2 / (signal**2 * std**2 + noise**2) * x

    return denoise


def final_std(step, levels):
    """The standard deviation at the end of a chain that starts from N(0, 1)."""
    probe, variance = torch.tensor([[1.0], [0.0]], dtype=torch.float64), 1.0
    for t, s in pairwise(levels):
        a, g = step(probe, t, s, randn=lambda x: 1 - x)[0].flatten().tolist()  # x = 1 with z = 0, x = 0 with z = 1
        variance = a**2 * variance + g**2
    return variance**0.5


def ddpm(std, variance, moves=1000):
    return final_std(partial(ddpm_step, best(std), LINEAR, variance=variance), spaced(LINEAR, moves))


def ddim(std, eta, moves):
    return final_std(partial(ddim_step, best(std), LINEAR, eta=eta), spaced(LINEAR, moves))


KNOWN = {
    "ddpm small": (lambda: ddpm(0.02, "small"), 0.0163400696),
    "ddpm large": (lambda: ddpm(0.02, "large"), 0.0194272802),
    "ddpm small, std 1": (lambda: ddpm(1.0, "small"), 0.9955236694),
    "ddpm large, std 1": (lambda: ddpm(1.0, "large"), 0.9999499987),
    "ddim 50": (lambda: ddim(0.02, 0.0, 50), 0.0050377826),
    "ddim 50, eta 1": (lambda: ddim(0.02, 1.0, 50), 0.0049930293),
    "ddim 1000, eta 1": (lambda: ddim(0.02, 1.0, 1000), 0.0163400696),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_chain_ends_with_its_known_spread(name):
    compute, known = KNOWN[name]
    assert compute() == pytest.approx(known, rel=0, abs=1e-10)


def noise_at_the_end(std):
    """Pitfall 17: fixed_large with noise on the last move too."""

    def step(x, t, s, randn):
        x_s, x0_hat = ddpm_step(best(std), LINEAR, x, t, s, "large", randn)
        added = LINEAR.noise[t] ** 2 - (LINEAR.signal[t] / LINEAR.signal[s] * LINEAR.noise[s]) ** 2
        return (x_s + added.sqrt() * randn(x) if s == 0 else x_s), x0_hat

    return final_std(step, spaced(LINEAR, 1000))


def last_level_skipped(std):
    return final_std(partial(ddpm_step, best(std), LINEAR), list(range(1000, 0, -1)))


def leading(std):
    """Pitfall 7: the walk begins at level 981 of 1000 as if that were pure noise."""
    return final_std(partial(ddim_step, best(std), LINEAR), [*range(981, 0, -20), 0])


def last_alpha_of_level_1(std):
    """Pitfall 11: the last move stops at alpha_bar[1], the first entry of a table without level 0."""
    return final_std(partial(ddim_step, best(std), LINEAR), [*range(1000, 0, -20), 1])


def wrong_eta(sigma, direction=None):
    """Pitfall 12: DDIM-50 at eta = 1 with another fresh noise sigma(t, s), or another share of the old noise."""

    def chain(std):
        def step(x, t, s, randn):
            (signal_t, noise_t), (signal_s, noise_s) = LINEAR.rates(t, x), LINEAR.rates(s, x)
            x0_hat = best(std)(x, t)
            fresh = sigma(signal_t, noise_t, signal_s, noise_s)
            kept = (noise_s**2 - fresh**2).clamp(min=0).sqrt() if direction is None else direction(fresh, noise_s)
            return signal_s * x0_hat + kept * predicted_noise(LINEAR, x, x0_hat, t) + fresh * randn(x), x0_hat

        return final_std(step, spaced(LINEAR, 50))

    return chain


def one_step_beta(std):
    """Pitfall 16: 50 moves, each with the beta of a single level."""

    def step(x, t, s, randn):
        (signal, noise), (signal_s, noise_s), signal_1 = LINEAR.rates(t, x), LINEAR.rates(s, x), LINEAR.signal[t - 1]
        kept, x0_hat = signal / signal_1, best(std)(x, t)
        beta = 1 - kept**2
        mean = (kept * noise_s**2 * x + signal_s * beta * x0_hat) / noise**2
        return mean + beta.sqrt() * noise_s / noise * randn(x), x0_hat

    return final_std(step, spaced(LINEAR, 50))


def right_sigma(a, b, c, e):
    return e / b * (1 - a**2 / c**2).sqrt()


MISTAKES = {
    "noise at the end": (noise_at_the_end, "ddpm large", 0.0218499248),
    "last level skipped": (last_level_skipped, "ddpm small", 0.0204244742),
    "leading spacing": (leading, "ddim 50", 0.0115815695),
    "last alpha of level 1": (last_alpha_of_level_1, "ddim 50", 0.0146312692),
    "sigma is the whole noise": (wrong_eta(lambda a, b, c, e: b), "ddim 50, eta 1", 0.0765),
    "sigma without its root": (wrong_eta(lambda a, b, c, e: e / b * (1 - a**2 / c**2)), "ddim 50, eta 1", None),
    "sigma without its ratio": (wrong_eta(lambda a, b, c, e: (1 - a**2 / c**2).sqrt()), "ddim 50, eta 1", None),
    "sigma of alpha instead of alpha_bar": (wrong_eta(lambda a, b, c, e: e / b * (1 - a / c).sqrt()), "ddim 50, eta 1", None),
    "sigma as direction": (wrong_eta(right_sigma, lambda fresh, e: fresh), "ddim 50, eta 1", None),
    "direction not shrunk": (wrong_eta(right_sigma, lambda fresh, e: e), "ddim 50, eta 1", None),
    "one-step beta": (one_step_beta, "ddim 50, eta 1", None),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_known_mistake_ends_with_another_spread(name):
    mistaken, right, known = MISTAKES[name]
    spread = mistaken(0.02)
    assert abs(spread - KNOWN[right][1]) > 1e-7
    if known:
        assert spread == pytest.approx(known, rel=0, abs=1e-10 if known != 0.0765 else 5e-5)


def test_the_probe_of_the_mistakes_finds_the_right_value_for_the_right_formula():
    assert wrong_eta(right_sigma)(0.02) == pytest.approx(KNOWN["ddim 50, eta 1"][1], rel=0, abs=1e-10)


@pytest.mark.parametrize("moves", [1, 3, 7, 50, 333, 1000])
@pytest.mark.parametrize("std", [0.02, 1.0])
def test_the_moments_are_right_at_any_stride(moves, std):
    """Pitfall 16: against Bayes' rule for q(x_s | x_t, x0) in NumPy, with the two precisions added."""
    schedule = cosine(1000)
    alpha_bar, variance = schedule.alpha_bar.numpy(), 1.0
    for t, s in pairwise(spaced(LINEAR, moves)):
        now, then = alpha_bar[t], alpha_bar[s]
        guess = now**0.5 * std**2 / (now * std**2 + 1 - now)
        if s == 0:
            a, g2 = guess, 0.0
        else:
            kept = (now / then) ** 0.5
            g2 = 1 / (kept**2 / (1 - kept**2) + 1 / (1 - then))
            a = g2 * (kept / (1 - kept**2) + then**0.5 * guess / (1 - then))
        variance = a**2 * variance + g2
    ours = final_std(partial(ddpm_step, best(std, schedule), schedule), spaced(LINEAR, moves))
    assert ours == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_the_large_variance_needs_many_moves():
    """Pitfall 20: with few moves it leaves grain that the small one does not have."""
    grain = {moves: ddpm(0.02, "large", moves) / ddpm(0.02, "small", moves) for moves in (10, 50, 1000)}
    assert grain[10] > grain[50] > grain[1000] > 1
