"""The moves from noise to picture: each step goes from level t to any lower level s and can be read next to its paper."""

import torch


def predicted_noise(schedule, x, x0_hat, t):
    """Read eps_hat off x (b, ...) and x0_hat (b, ...), so that `x = signal * x0_hat + noise * eps_hat` holds by construction."""
    signal, noise = schedule.rates(t, x)
    return (x - signal * x0_hat) / noise


def ddpm_step(denoise, schedule, x, t, s, variance="small", randn=torch.randn_like):
    """Sample q(x_s | x_t, x0_hat), for any s < t (Ho et al. 2020, eq. 6-7).

    variance "small" is that posterior's own; "large" adds as much noise as the forward move did, except on the move to level 0.
    """
    if variance not in ("small", "large"):
        raise ValueError(f"DDPM's variance is small or large, not {variance!r}.")
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    x0_hat = denoise(x, t)
    kept = signal_t / signal_s  # signal that survives from s to t
    added = noise_t**2 - (kept * noise_s) ** 2  # variance that joins it from s to t
    mean = (kept * noise_s**2 / noise_t**2) * x + (signal_s * added / noise_t**2) * x0_hat
    share = noise_s / noise_t if variance == "small" else float(s > 0)  # noise[0] is 0: the small variance needs no case of its own
    return mean + added.sqrt() * share * randn(x), x0_hat


def ddim_step(denoise, schedule, x, t, s, eta=0.0, randn=torch.randn_like):
    """Move along the guess, with a share eta of DDPM's fresh noise, for any s < t (Song et al. 2021, DDIM, eq. 12 and 16)."""
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    x0_hat = denoise(x, t)
    eps_hat = predicted_noise(schedule, x, x0_hat, t)
    added = noise_t**2 - (signal_t / signal_s * noise_s) ** 2
    fresh = eta * added.sqrt() * noise_s / noise_t
    x_s = signal_s * x0_hat + (noise_s**2 - fresh**2).clamp(min=0).sqrt() * eps_hat
    return (x_s + fresh * randn(x) if eta else x_s), x0_hat


SAMPLERS = {"DDIM": ddim_step, "DDPM": ddpm_step}
