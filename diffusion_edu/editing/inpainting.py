"""Inpainting: fill a hole in an image while the known pixels stay, with and without resampling (RePaint, Lugmayr et al.
2022).
"""

import torch


def keep_known(known, mask, schedule, eps):
    """Return a `constrain` for walk: where mask is 1, x is the known image at x's timestep, always with the same noise
    eps.
    """
    return lambda x, t: torch.where(mask.bool(), schedule.corrupt(known, t, eps), x)


def keep_known_with_new_noise(known, mask, schedule, randn):
    """Return a `constrain` like that of keep_known, with new noise at every timestep (RePaint, eq. 8a)."""
    return lambda x, t: torch.where(mask.bool(), schedule.corrupt(known, t, randn(x)), x)


def resampling_timesteps(timesteps, jump, repeats):
    """Insert jumps back into timesteps: every `jump` sampling steps are done `repeats` times in all (RePaint, fig. 3).

    The first and the last timestep stay. Raises ValueError unless jump and repeats are 1 or more.
    """
    if jump < 1 or repeats < 1:
        raise ValueError(f"Resampling jumps back 1 or more steps, 1 or more times, not {jump} steps {repeats} times.")
    path = list(timesteps[:1])
    for at in range(0, len(timesteps) - 1, jump):
        section = list(timesteps[at : at + jump + 1])
        path += (section[1:] + section[:1]) * (repeats - 1) + section[1:]
    return path


def resampling_step(step, denoise, schedule, x, t, s, randn=torch.randn_like):
    """Do `step` if s < t; if s > t, add the noise between t and s (RePaint, alg. 1, line 11).

    At timestep 0 the image is its own prediction.
    """
    if s < t:
        return step(x, t, s)
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    kept = signal_s / signal_t
    added = (noise_s**2 - (kept * noise_t) ** 2).sqrt()
    return kept * x + added * randn(x), denoise(x, t) if t else x
