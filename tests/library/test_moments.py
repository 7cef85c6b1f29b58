"""The exact mean and standard deviation at the end of whole chains: what no test of samples can see.

The recursion and the mistakes that it detects are in the bug museum.
"""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffusion_edu.core import walk
from diffusion_edu.museum.ddim import ends_at_timestep_1, whole_noise_as_sigma
from diffusion_edu.museum.ddpm import noise_at_the_end, one_step_beta
from diffusion_edu.museum.moments import LINEAR, final_std, optimal_denoiser, std_of_walk
from diffusion_edu.museum.schedules import leading
from diffusion_edu.samplers import ddim_step, ddpm_step, predicted_noise, sampler
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import SPACINGS, spaced


def ddpm(std, variance, steps=1000):
    return final_std(partial(ddpm_step, optimal_denoiser(std), LINEAR, variance=variance), spaced(LINEAR, steps))


def ddim(std, eta, steps):
    return final_std(partial(ddim_step, optimal_denoiser(std), LINEAR, eta=eta), spaced(LINEAR, steps))


def sampled_std(name, steps, spacing="trailing", std=0.02, schedule=LINEAR, **options):
    """The final std of a chain of any sampler: every column of x follows one of its independent noises."""
    timesteps = spaced(schedule, steps, spacing)
    sources = iter(torch.eye(len(timesteps), dtype=torch.float64).split(1))
    x = next(sources)
    *_, last = walk(
        partial(sampler(name), optimal_denoiser(std, schedule), schedule, randn=lambda x: next(sources), **options),
        x,
        timesteps,
    )
    return last.x.norm().item()


KNOWN = {
    "ddpm small": (lambda: ddpm(0.02, "small"), 0.0163400696),
    "ddpm large": (lambda: ddpm(0.02, "large"), 0.0194272802),
    "ddpm small, std 1": (lambda: ddpm(1.0, "small"), 0.9955236694),
    "ddpm large, std 1": (lambda: ddpm(1.0, "large"), 0.9999499987),
    "ddim 50": (lambda: ddim(0.02, 0.0, 50), 0.0050377826),
    "ddim 50, eta 1": (lambda: ddim(0.02, 1.0, 50), 0.0049930293),
    "ddim 1000, eta 1": (lambda: ddim(0.02, 1.0, 1000), 0.0163400696),
    "euler ancestral 50": (lambda: sampled_std("Euler ancestral", 50), 0.0049930293),
    "multistep renoising 50": (lambda: sampled_std("Multistep renoising", 50), 0.0049157677),
    "heun 25": (lambda: sampled_std("Heun", 25), 0.0028250694),
    "dpm-solver 50": (lambda: sampled_std("DPM-Solver++", 50), 0.0050643876),
    "dpm-solver 50, eta 1": (lambda: sampled_std("DPM-Solver++", 50, eta=1.0), 0.0050268754),
    "dpm-solver 20, log-SNR": (lambda: sampled_std("DPM-Solver++", 20, "log-SNR"), 0.0176364953),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_chain_ends_with_its_known_std(name):
    compute, known = KNOWN[name]
    assert compute() == pytest.approx(known, rel=0, abs=1e-10)


def wrong_eta(sigma, direction=None):
    """Pitfall 12: the final std of DDIM-50 at eta = 1 with another sigma(t, s), or another direction."""

    def step(denoise, schedule, x, t, s, randn):
        (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
        x0_hat = denoise(x, t)
        fresh = sigma(signal_t, noise_t, signal_s, noise_s)
        kept = (noise_s**2 - fresh**2).clamp(min=0).sqrt() if direction is None else direction(fresh, noise_s)
        return signal_s * x0_hat + kept * predicted_noise(schedule, x, x0_hat, t) + fresh * randn(x), x0_hat

    return std_of_walk(step)


def right_sigma(a, b, c, e):
    return e / b * (1 - a**2 / c**2).sqrt()


MISTAKES = {
    "noise at the end": (lambda: std_of_walk(noise_at_the_end, 1000, variance="large"), "ddpm large", 0.0218499248),
    "last timestep skipped": (
        lambda: final_std(partial(ddpm_step, optimal_denoiser(), LINEAR), list(range(1000, 0, -1))),
        "ddpm small",
        0.0204244742,
    ),
    "leading spacing": (
        lambda: final_std(partial(ddim_step, optimal_denoiser(), LINEAR), leading(LINEAR, 50)),
        "ddim 50",
        0.0115815695,
    ),
    "last alpha of timestep 1": (lambda: std_of_walk(ends_at_timestep_1), "ddim 50", 0.0146312692),
    "sigma is the whole noise": (lambda: std_of_walk(whole_noise_as_sigma, eta=1.0), "ddim 50, eta 1", 0.0764857748),
    "sigma without its root": (lambda: wrong_eta(lambda a, b, c, e: e / b * (1 - a**2 / c**2)), "ddim 50, eta 1", None),
    "sigma without its ratio": (lambda: wrong_eta(lambda a, b, c, e: (1 - a**2 / c**2).sqrt()), "ddim 50, eta 1", None),
    "sigma of alpha instead of alpha_bar": (
        lambda: wrong_eta(lambda a, b, c, e: e / b * (1 - a / c).sqrt()),
        "ddim 50, eta 1",
        None,
    ),
    "sigma as direction": (lambda: wrong_eta(right_sigma, lambda fresh, e: fresh), "ddim 50, eta 1", None),
    "direction not shrunk": (lambda: wrong_eta(right_sigma, lambda fresh, e: e), "ddim 50, eta 1", None),
    "one-step beta": (lambda: std_of_walk(one_step_beta), "ddim 50, eta 1", None),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_known_mistake_changes_the_final_std(name):
    mistaken, right, known = MISTAKES[name]
    ends = mistaken()
    assert abs(ends - KNOWN[right][1]) > 1e-7
    if known:
        assert ends == pytest.approx(known, rel=0, abs=1e-10)


def test_the_probe_of_the_mistakes_gives_the_right_value_for_the_right_formula():
    assert wrong_eta(right_sigma) == pytest.approx(KNOWN["ddim 50, eta 1"][1], rel=0, abs=1e-10)


@pytest.mark.parametrize("steps", [1, 3, 7, 50, 333, 1000])
@pytest.mark.parametrize("std", [0.02, 1.0])
def test_mean_and_variance_are_right_for_any_number_of_steps(steps, std):
    """Pitfall 16: against Bayes' rule for q(x_s | x_t, x0) in NumPy, with the two precisions added."""
    schedule = cosine(1000)
    alpha_bar, variance = schedule.alpha_bar.numpy(), 1.0
    for t, s in pairwise(spaced(LINEAR, steps)):
        now, then = alpha_bar[t], alpha_bar[s]
        prediction = now**0.5 * std**2 / (now * std**2 + 1 - now)
        if s == 0:
            a, g2 = prediction, 0.0
        else:
            kept = (now / then) ** 0.5
            g2 = 1 / (kept**2 / (1 - kept**2) + 1 / (1 - then))
            a = g2 * (kept / (1 - kept**2) + then**0.5 * prediction / (1 - then))
        variance = a**2 * variance + g2
    ours = final_std(partial(ddpm_step, optimal_denoiser(std, schedule), schedule), spaced(LINEAR, steps))
    assert ours == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_the_large_variance_needs_many_steps():
    """Pitfall 20: with few steps it leaves grain that the small one does not have."""
    grain = {steps: ddpm(0.02, "large", steps) / ddpm(0.02, "small", steps) for steps in (10, 50, 1000)}
    assert grain[10] > grain[50] > grain[1000] > 1


def prediction(schedule, std, t):
    """The best prediction for data N(0, std^2) as a multiple of x, in NumPy."""
    signal, noise = schedule.signal[t].item(), schedule.noise[t].item()
    return signal * std**2 / (signal**2 * std**2 + noise**2)


def affine(name, schedule, std, t, s):
    """One step of a stochastic sampler as in the papers: the factor of x, and the variance that is added."""
    (signal_t, noise_t), (signal_s, noise_s) = ((schedule.signal[k].item(), schedule.noise[k].item()) for k in (t, s))
    g, kept = prediction(schedule, std, t), signal_t / signal_s
    if name == "Multistep renoising":
        return signal_s * g, noise_s**2
    if name == "Euler ancestral":  # k-diffusion: z = x / signal, sigma = noise / signal
        here, there = noise_t / signal_t, noise_s / signal_s
        up = there * np.sqrt(here**2 - there**2) / here
        down = np.sqrt(there**2 - up**2)
        return signal_s * (1 / signal_t + (1 / signal_t - g) / here * (down - here)), (signal_s * up) ** 2
    if s == 0:
        return g, 0.0
    small = 1 / (kept**2 / (1 - kept**2) + 1 / noise_s**2)  # Bayes: two precisions add up
    a = small * (kept / (1 - kept**2) + signal_s * g / noise_s**2)
    return a, 1 - kept**2 if name == "DDPM, large" else small


def solved(name, schedule, std, timesteps, eta=0.0):
    """The final std of a solver by the papers' formulas in NumPy; every entry of x follows one of its noises."""
    sources, last, before = np.eye(len(timesteps)), None, None
    x = sources[0]
    for k, (t, s) in enumerate(pairwise(timesteps), 1):
        (signal_t, noise_t), (signal_s, noise_s) = (
            (schedule.signal[k].item(), schedule.noise[k].item()) for k in (t, s)
        )
        x0_hat = prediction(schedule, std, t) * x
        there = signal_s * x0_hat + noise_s * (x - signal_t * x0_hat) / noise_t
        if name == "Heun" and s:
            change = prediction(schedule, std, s) * there - x0_hat
            x = there + change * (np.arctan2(noise_t, signal_t) - np.arctan2(noise_s, signal_s)) / (2 * noise_s)
        elif (
            name == "DPM-Solver++" and s
        ):  # k-diffusion: sample_dpmpp_2m, and with eta 1 sample_dpmpp_2m_sde, solver_type "midpoint"
            sigma = {k: schedule.noise[k].item() / schedule.signal[k].item() for k in (before or t, t, s)}
            h = np.log(sigma[t] / sigma[s])
            z = sigma[s] / sigma[t] * np.exp(-eta * h) * x / signal_t - np.expm1(-h - eta * h) * x0_hat
            if last is not None:
                r = np.log(sigma[before] / sigma[t]) / h
                z = z - 0.5 * np.expm1(-h - eta * h) / r * (x0_hat - last)
            x = signal_s * (z + sigma[s] * np.sqrt(-np.expm1(-2 * eta * h)) * sources[k])
        else:
            x = there
        last, before = x0_hat, t
    return np.linalg.norm(x)


@pytest.mark.parametrize("steps", [1, 2, 7, 60])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("schedule", [LINEAR, cosine(1000)], ids=lambda schedule: schedule.name)
def test_every_sampler_ends_with_the_papers_std_for_every_spacing(schedule, spacing, steps):
    timesteps = spaced(schedule, steps, spacing)
    for std in (0.02, 0.5, 1.0):
        for name in ("DDPM", "DDPM, large", "Euler ancestral", "Multistep renoising"):
            variance = 1.0
            for t, s in pairwise(timesteps):
                a, added = affine(name, schedule, std, t, s)
                variance = a**2 * variance + added
            options = {"variance": "large"} if name == "DDPM, large" else {}
            ours = sampled_std(name.split(",")[0], steps, spacing, std, schedule, **options)
            assert ours == pytest.approx(np.sqrt(variance), rel=1e-9, abs=1e-10), (
                name
            )  # k-diffusion divides by a signal near 0
        for name, options in (
            ("DDIM", {}),
            ("Heun", {}),
            ("DPM-Solver++", {}),
            ("DPM-Solver++", {"eta": 0.5}),
            ("DPM-Solver++", {"eta": 1.0}),
        ):
            ours = sampled_std(name, steps, spacing, std, schedule, **options)
            assert ours == pytest.approx(solved(name, schedule, std, timesteps, **options), rel=1e-9, abs=1e-10), (
                name,
                options,
            )


def test_second_order_solvers_end_closer_to_the_true_std_at_equal_nfe():
    """And DDIM closer than samplers with new noise in every step."""
    steps = {"DDIM": 20, "Heun": 10, "DPM-Solver++": 20, "DDPM": 20, "Multistep renoising": 20}
    off = {name: abs(sampled_std(name, steps[name], std=0.5, schedule=cosine(1000)) - 0.5) for name in steps}
    assert off["DPM-Solver++"] < off["DDIM"] / 10 and off["Heun"] < off["DDIM"] / 1.5
    assert off["Multistep renoising"] > 2 * off["DDPM"] > 2 * off["DDIM"]
