"""The samplers, from noise to image.

Each step goes from timestep t to any lower timestep s. Its docstring names the paper and the equations.

All take the same arguments, so that any of them can be put into `walk`; deterministic samplers accept randn and ignore
it. A multistep solver, which remembers earlier predictions, is a class: every walk needs a new one, which `sampler`
makes.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import torch
from torch import Tensor

from diffusion_edu.checks import Count, Fraction, checked, one_of
from diffusion_edu.core import Denoiser
from diffusion_edu.schedules import Schedule

Noise = Callable[[Tensor], Tensor]  # x -> standard Gaussian noise shaped like x
Degrade = Callable[[Tensor, int], Tensor]  # (x0, t) -> x_t
Stepped = tuple[Tensor, Tensor]  # (x_s, x0_hat)
Rates = tuple[Tensor, Tensor]  # signal and noise


def both_rates(schedule: Schedule, x: Tensor, t: int, s: int) -> tuple[Rates, Rates]:
    """Return signal and noise at timesteps t and s; raises ValueError unless s is lower than t."""
    if s >= t:
        raise ValueError(f"A sampling step goes from a timestep to a lower one, not from {t} to {s}.")
    return schedule.rates(t, x), schedule.rates(s, x)


@checked
def predicted_noise(schedule: Schedule, x: Tensor, x0_hat: Tensor, t: Count) -> Tensor:
    """Compute eps_hat from x (b, ...) and x0_hat (b, ...): `x = signal * x0_hat + noise * eps_hat` holds by
    construction.
    """
    signal, noise = schedule.rates(t, x)
    return (x - signal * x0_hat) / noise


@checked
def ddpm_step(
    denoise: Denoiser,
    schedule: Schedule,
    x: Tensor,
    t: int,
    s: int,
    variance: Literal["small", "large"] = "small",
    randn: Noise = torch.randn_like,
) -> Stepped:
    """Sample the posterior q(x_s | x_t, x0_hat), for any s < t (Ho et al. 2020, eq. 6-7): ancestral sampling.

    With "small", the noise has the variance of this posterior; with "large", the variance that the forward step from s
    to t adds. The step to timestep 0 adds no noise.
    """
    (signal_t, noise_t), (signal_s, noise_s) = both_rates(schedule, x, t, s)
    x0_hat = denoise(x, t)
    kept = signal_t / signal_s  # signal that survives from s to t
    added = noise_t**2 - (kept * noise_s) ** 2  # variance that the forward step from s to t adds
    mean = (kept * noise_s**2 / noise_t**2) * x + (signal_s * added / noise_t**2) * x0_hat
    # noise[0] is 0: the small variance needs no special case for the last step
    fraction = noise_s / noise_t if variance == "small" else float(s > 0)
    return mean + added.sqrt() * fraction * randn(x), x0_hat


@checked
def ddim_step(
    denoise: Denoiser,
    schedule: Schedule,
    x: Tensor,
    t: int,
    s: int,
    eta: Fraction = 0.0,
    randn: Noise = torch.randn_like,
) -> Stepped:
    """Take the prediction and its noise to timestep s, for any s < t (Song et al. 2021, DDIM, eq. 12 and 16).

    eta (stochasticity): 0 is deterministic, 1 adds as much new noise as DDPM.
    """
    (signal_t, noise_t), (signal_s, noise_s) = both_rates(schedule, x, t, s)
    x0_hat = denoise(x, t)
    eps_hat = predicted_noise(schedule, x, x0_hat, t)
    added = noise_t**2 - (signal_t / signal_s * noise_s) ** 2
    sigma = eta * added.sqrt() * noise_s / noise_t
    x_s = signal_s * x0_hat + (noise_s**2 - sigma**2).clamp(min=0).sqrt() * eps_hat
    return (x_s + sigma * randn(x) if eta else x_s), x0_hat


@checked
def euler_ancestral_step(
    denoise: Denoiser, schedule: Schedule, x: Tensor, t: int, s: int, randn: Noise = torch.randn_like
) -> Stepped:
    """Take Euler's step to a noise level below s, then add noise: on z = x / signal, with sigma = noise / signal.

    Karras et al. 2022, eq. 3 to 5, with the noise of Song et al. 2021 (DDIM). The same step as DDPM with the small
    variance, written in other coordinates. It is multiplied out here, because where hardly any signal is left, sigma is
    too large for 16 bits.
    """
    (signal_t, noise_t), (signal_s, noise_s) = both_rates(schedule, x, t, s)
    x0_hat = denoise(x, t)
    eps_hat = predicted_noise(schedule, x, x0_hat, t)  # dz / dsigma
    ratio = noise_s * signal_t / (signal_s * noise_t)  # sigma_s / sigma_t; 0 where timestep t has no signal
    down, up = noise_s * ratio, noise_s * (1 - ratio**2).clamp(min=0).sqrt()  # down^2 + up^2 = noise_s^2
    return signal_s * x0_hat + down * eps_hat + up * randn(x), x0_hat


@checked
def heun_step(denoise: Denoiser, schedule: Schedule, x: Tensor, t: int, s: int, randn: Noise | None = None) -> Stepped:
    """Take DDIM's step, predict again where it ends, and repeat it with the mean of both slopes (Heun's method).

    Karras et al. 2022, alg. 1. DDIM's step treats the prediction as constant between t and s. With the noise level as
    an angle, what it misses is sin(theta_s) times the integral of (prediction - x0_hat) / sin^2(theta) from theta_s to
    theta_t; the trapezoidal rule adds it. Costs two network evaluations (NFE); the step to timestep 0 is DDIM's.

    Other code bases (EDM, k-diffusion, diffusers' HeunDiscreteScheduler) take the mean of the slopes (z - x0_hat) /
    sigma of z = x / signal, as the paper does. Ours starts with the same step and corrects it in another way: it needs
    no finite sigma at pure noise, and is nearer to the true path. So equal seeds give slightly different images.
    """
    x_s, x0_hat = ddim_step(denoise, schedule, x, t, s)
    if s == 0:
        return x_s, x0_hat
    (_, theta_t), (scale, theta_s) = schedule.angle(t, x), schedule.angle(s, x)
    return x_s + scale * (theta_t - theta_s) / (2 * theta_s.sin()) * (denoise(x_s, s) - x0_hat), x0_hat


class DpmSolver:
    """DPM-Solver++ (2M): extrapolate linearly from the last two predictions over log(signal / noise).

    Lu et al. 2022b, alg. 2. eta is the fraction of new noise in every step; with 1 this is SDE-DPM-Solver++ (eq. 19
    there). It remembers its last prediction, so every walk needs a new solver. The first step, and a step from or to a
    timestep where the logarithm is infinite, use the prediction as it is: they are DDIM's with eta 0 and DDPM's with
    eta 1.
    """

    def __init__(self) -> None:
        self.last: tuple[int, int, Tensor] | None = None  # the last step: from timestep, to timestep, prediction

    @checked
    def __call__(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        x: Tensor,
        t: int,
        s: int,
        eta: Fraction = 0.0,
        randn: Noise = torch.randn_like,
    ) -> Stepped:
        (signal_t, noise_t), (signal_s, noise_s) = both_rates(schedule, x, t, s)
        x0_hat = prediction = denoise(x, t)
        if self.last and self.last[1] == t:
            earlier, now, then = (
                torch.log(signal / noise)
                for signal, noise in (schedule.rates(timestep, x) for timestep in (self.last[0], t, s))
            )
            if then.isfinite():  # where earlier is infinite, the weight of the earlier prediction is 0
                prediction = torch.lerp(x0_hat, self.last[2], (-(then - now) / (2 * (now - earlier))).to(x.dtype))
        self.last = t, s, x0_hat.clone()  # whoever gets x0_hat may change it
        ratio = noise_s * signal_t / (noise_t * signal_s)  # of the two noise rates, each divided by its signal rate
        kept, sigma = noise_s / noise_t * ratio**eta, noise_s * (1 - ratio ** (2 * eta)).clamp(min=0).sqrt()
        x_s = kept * x + (signal_s - kept * signal_t) * prediction
        return (x_s + sigma * randn(x) if eta else x_s), x0_hat


@checked
def multistep_renoising_step(
    denoise: Denoiser, schedule: Schedule, x: Tensor, t: int, s: int, randn: Noise = torch.randn_like
) -> Stepped:
    """Bring the prediction to timestep s with entirely new noise, as multistep consistency sampling does.

    Song et al. 2023, alg. 1; the noise variant of Bansal et al. 2022, alg. 1.
    """
    _, (signal, noise) = both_rates(schedule, x, t, s)
    x0_hat = denoise(x, t)
    return signal * x0_hat + noise * randn(x), x0_hat


@checked
def cold_step(restore: Denoiser, degrade: Degrade, x: Tensor, t: int, s: int) -> Stepped:
    """Replace degradation t of the prediction by degradation s: errors of the prediction cancel.

    Bansal et al. 2022, Algorithm 2.
    """
    x0_hat = restore(x, t)
    return x - degrade(x0_hat, t) + degrade(x0_hat, s), x0_hat


@checked
def naive_cold_step(restore: Denoiser, degrade: Degrade, x: Tensor, t: int, s: int) -> Stepped:
    """Restore, then degrade to timestep s: errors of the prediction stay (Bansal et al. 2022, Algorithm 1)."""
    x0_hat = restore(x, t)
    return degrade(x0_hat, s), x0_hat


SAMPLERS: dict[str, Callable] = {
    "DDIM": ddim_step,
    "DDPM": ddpm_step,
    "Heun": heun_step,
    "DPM-Solver++": DpmSolver,
    "Euler ancestral": euler_ancestral_step,
    "Multistep renoising": multistep_renoising_step,
}


@checked
def sampler(name: str) -> Callable[..., Stepped]:
    """Return the step `(denoise, schedule, x, t, s, randn, ...)` of a sampler in SAMPLERS, ready for one walk.

    Raises ValueError for another name.
    """
    if name not in SAMPLERS:
        raise ValueError(f"An image can be sampled with one of these samplers: {', '.join(SAMPLERS)}; not {name!r}.")
    chosen = SAMPLERS[name]
    return chosen() if isinstance(chosen, type) else chosen


@checked
def nfe(name: Annotated[str, one_of(SAMPLERS)], steps: Count) -> int:
    """Count the network evaluations (NFE, number of function evaluations) of a walk with so many sampling steps."""
    return 2 * steps - 1 if name == "Heun" else steps
