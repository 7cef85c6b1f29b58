"""The steps from noise to image: each step goes from timestep t to any lower timestep s and can be read next to its paper.

All take the same arguments, so that any of them can be put into `walk`; those that draw nothing at random accept randn and
leave it alone. A solver that remembers earlier predictions is a class: every walk needs a new one, which `sampler` makes.
"""

import torch


def predicted_noise(schedule, x, x0_hat, t):
    """Read eps_hat off x (b, ...) and x0_hat (b, ...), so that `x = signal * x0_hat + noise * eps_hat` holds by construction."""
    signal, noise = schedule.rates(t, x)
    return (x - signal * x0_hat) / noise


def ddpm_step(denoise, schedule, x, t, s, variance="small", randn=torch.randn_like):
    """Sample q(x_s | x_t, x0_hat), for any s < t (Ho et al. 2020, eq. 6-7).

    variance "small" is that posterior's own; "large" adds as much noise as the forward step did, except on the step to timestep 0.
    """
    if variance not in ("small", "large"):
        raise ValueError(f"DDPM's variance is small or large, not {variance!r}.")
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    x0_hat = denoise(x, t)
    kept = signal_t / signal_s  # signal that survives from s to t
    added = noise_t**2 - (kept * noise_s) ** 2  # variance that joins it from s to t
    mean = (kept * noise_s**2 / noise_t**2) * x + (signal_s * added / noise_t**2) * x0_hat
    fraction = (
        noise_s / noise_t if variance == "small" else float(s > 0)
    )  # noise[0] is 0: the small variance needs no case of its own
    return mean + added.sqrt() * fraction * randn(x), x0_hat


def ddim_step(denoise, schedule, x, t, s, eta=0.0, randn=torch.randn_like):
    """Move along the prediction, with a share eta of DDPM's fresh noise, for any s < t (Song et al. 2021, DDIM, eq. 12 and 16)."""
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    x0_hat = denoise(x, t)
    eps_hat = predicted_noise(schedule, x, x0_hat, t)
    added = noise_t**2 - (signal_t / signal_s * noise_s) ** 2
    fresh = eta * added.sqrt() * noise_s / noise_t
    x_s = signal_s * x0_hat + (noise_s**2 - fresh**2).clamp(min=0).sqrt() * eps_hat
    return (x_s + fresh * randn(x) if eta else x_s), x0_hat


def euler_ancestral_step(denoise, schedule, x, t, s, randn=torch.randn_like):
    """Go a little too far down, then add fresh noise: Euler's method on z = x / signal, whose noise is sigma = noise / signal.

    Karras et al. 2022, eq. 3 to 5, with the noise of Song et al. 2021 (DDIM). The same move as DDPM with the small
    variance, written in other coordinates.
    """
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    x0_hat = denoise(x, t)
    eps_hat = predicted_noise(schedule, x, x0_hat, t)  # dz / dsigma
    sigma_s, ratio = (
        noise_s / signal_s,
        noise_s * signal_t / (signal_s * noise_t),
    )  # ratio: sigma_s / sigma_t, 0 where the top has no signal
    down, up = sigma_s * ratio, sigma_s * (1 - ratio**2).clamp(min=0).sqrt()  # down^2 + up^2 = sigma_s^2
    return signal_s * (x0_hat + down * eps_hat + up * randn(x)), x0_hat


def heun_step(denoise, schedule, x, t, s, randn=None):
    """Make DDIM's step, prediction again where it ends, and go back over it with the mean of both slopes (Heun's method; Karras et al. 2022, alg. 1).

    In the angle frame DDIM's step leaves out sin(theta_s) * integral of (prediction - x0_hat) / sin^2(theta); here the trapezoidal
    rule fills it in. Costs two evaluations; the step to timestep 0 is DDIM's.
    """
    x_s, x0_hat = ddim_step(denoise, schedule, x, t, s)
    if s == 0:
        return x_s, x0_hat
    (_, theta_t), (guidance_scale, theta_s) = schedule.angle(t, x), schedule.angle(s, x)
    return x_s + guidance_scale * (theta_t - theta_s) / (2 * theta_s.sin()) * (denoise(x_s, s) - x0_hat), x0_hat


class DpmSolver:
    """DPM-Solver++ (2M): carry on the line through this prediction and the one before, over log(signal / noise) (Lu et al. 2022b, alg. 2).

    eta is the fraction of fresh noise in every step; with 1 this is SDE-DPM-Solver++ (eq. 19 there). Remembers its last prediction, so every
    walk needs a new one. The first step, and a step from or to a timestep where the logarithm is infinite, use the prediction as it is: they
    are DDIM's with eta 0 and DDPM's with eta 1.
    """

    def __init__(self):
        self.last = None  # the timestep it came from, the timestep it went to, the prediction between

    def __call__(self, denoise, schedule, x, t, s, eta=0.0, randn=torch.randn_like):
        (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
        x0_hat = prediction = denoise(x, t)
        if self.last and self.last[1] == t:
            earlier, now, then = (
                torch.log(signal / noise)
                for signal, noise in (schedule.rates(timestep, x) for timestep in (self.last[0], t, s))
            )
            if then.isfinite():  # where earlier is infinite, the prediction from there weighs nothing by itself
                prediction = torch.lerp(x0_hat, self.last[2], (-(then - now) / (2 * (now - earlier))).to(x.dtype))
        self.last = t, s, x0_hat
        ratio = noise_s * signal_t / (noise_t * signal_s)  # of the two noises, each measured in units of its signal
        kept, fresh = noise_s / noise_t * ratio**eta, noise_s * (1 - ratio ** (2 * eta)).clamp(min=0).sqrt()
        x_s = kept * x + (signal_s - kept * signal_t) * prediction
        return (x_s + fresh * randn(x) if eta else x_s), x0_hat


def multistep_renoising_step(denoise, schedule, x, t, s, randn=torch.randn_like):
    """Bring the prediction to timestep s with noise that is new altogether (the noise variant of Bansal et al. 2022, alg. 1)."""
    x0_hat = denoise(x, t)
    signal, noise = schedule.rates(s, x)
    return signal * x0_hat + noise * randn(x), x0_hat


def cold_step(restore, degrade, x, t, s):
    """Swap degradation t of the prediction for degradation s: what the prediction gets wrong cancels (Bansal et al. 2022, algorithm 2)."""
    x0_hat = restore(x, t)
    return x - degrade(x0_hat, t) + degrade(x0_hat, s), x0_hat


def naive_cold_step(restore, degrade, x, t, s):
    """Restore, then degrade to timestep s: what the prediction gets wrong stays (Bansal et al. 2022, algorithm 1)."""
    x0_hat = restore(x, t)
    return degrade(x0_hat, s), x0_hat


SAMPLERS = {
    "DDIM": ddim_step,
    "DDPM": ddpm_step,
    "Heun": heun_step,
    "DPM-Solver++": DpmSolver,
    "Euler ancestral": euler_ancestral_step,
    "Multistep renoising": multistep_renoising_step,
}


def sampler(name):
    """Choose a step `(denoise, schedule, x, t, s, randn, ...)` by its name in SAMPLERS, ready for one walk; raises ValueError for another name."""
    if name not in SAMPLERS:
        raise ValueError(f"An image can be sampled with one of these samplers: {', '.join(SAMPLERS)}; not {name!r}.")
    chosen = SAMPLERS[name]
    return chosen() if isinstance(chosen, type) else chosen


def nfe(name, steps):
    """Count how often a walk of so many steps asks its denoiser."""
    return 2 * steps - 1 if name == "Heun" else steps
