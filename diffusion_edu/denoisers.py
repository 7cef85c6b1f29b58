"""Everything that predicts the clean image: networks, classifier-free guidance, clipping, and exact denoisers.

A network has one of four prediction types. All are written with the noise level as an angle, where
`y = cos(theta) * x0 + sin(theta) * eps` on every schedule. c is the cosine of theta, and in this file s is the sine,
not a timestep; o is the network's output.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from diffusion_edu.checks import Fraction, Index, Numbers, Positive, checked, same_count
from diffusion_edu.core import Denoiser
from diffusion_edu.schedules import Schedule

AT_ONCE = 2**19  # how many numbers of a data set an exact denoiser reads at once: about forty images of 64 x 64


@dataclass(frozen=True)
class Target:
    """What a network predicts, as three functions of c and s.

    The training target; x0_hat computed from the output; and how strongly an error in the output changes x0_hat.
    """

    of: Callable[..., Tensor]  # (x0, eps, c, s) -> o
    x0_hat: Callable[..., Tensor]  # (y, o, c, s) -> x0_hat
    slope: Callable[..., Tensor]  # (c, s) -> |d x0_hat / d o|


TARGETS: dict[str, Target] = {
    "eps": Target(lambda x0, eps, c, s: eps, lambda y, o, c, s: (y - s * o) / c, lambda c, s: s / c),
    "x0": Target(lambda x0, eps, c, s: x0, lambda y, o, c, s: o, lambda c, s: torch.ones_like(c)),
    "v": Target(lambda x0, eps, c, s: c * eps - s * x0, lambda y, o, c, s: c * y - s * o, lambda c, s: s),
    "flow": Target(lambda x0, eps, c, s: eps - x0, lambda y, o, c, s: (y - s * o) / (c + s), lambda c, s: s / (c + s)),
}


@checked
@dataclass(frozen=True)
class NeuralDenoiser:
    """A network as a denoiser on any noise schedule: its inputs are y (b, ...), 1000 * theta (b,) and the condition.

    Raises ValueError for an unknown prediction type, and for "eps" on a schedule that ends in pure noise: there eps
    says nothing about x0.
    """

    net: Callable[..., Tensor]
    schedule: Schedule
    prediction_type: str = "v"
    condition: Tensor | None = None
    autocast: torch.dtype | None = None

    def __post_init__(self) -> None:
        if self.prediction_type not in TARGETS:
            raise ValueError(f"A network predicts one of {', '.join(TARGETS)}, not {self.prediction_type!r}.")
        if self.prediction_type == "eps" and self.schedule.signal[-1] == 0:
            raise ValueError(
                f"On the {self.schedule.name} schedule timestep T is pure noise; a network that predicts eps "
                "cannot see an image there. Use a network that predicts v, x0 or flow, or a schedule that keeps "
                "some signal."
            )

    @checked
    def given(self, condition: Tensor | None) -> Self:
        """Return this denoiser with a condition, for example class labels (b,); None means unconditional."""
        return replace(self, condition=condition)

    @checked
    def __call__(self, x: Tensor, t: int) -> Tensor:
        scale, theta = self.schedule.angle(t, x)
        y = x / scale
        noise_level = (1000 * theta).to(device=x.device, dtype=torch.float32).expand(len(x))
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            output = self.net(y, noise_level, self.condition)
        return TARGETS[self.prediction_type].x0_hat(y, output.to(x.dtype), theta.cos(), theta.sin())


@checked
def guided(conditional: Denoiser, unconditional: Denoiser, guidance_scale: float) -> Denoiser:
    """Classifier-free guidance: extrapolate from the unconditional to the conditional prediction.

    Ho & Salimans 2022, eq. 6. Scale 0 ignores the condition, 1 is the conditional prediction, more than 1 strengthens
    the condition. The paper's w is guidance_scale - 1; diffusers counts as we do.
    """
    if guidance_scale == 0:
        return unconditional
    if guidance_scale == 1:
        return conditional
    return lambda x, t: torch.lerp(unconditional(x, t), conditional(x, t), guidance_scale)


@checked
def interval_guidance(
    conditional: Denoiser, unconditional: Denoiser, guidance_scale: float, low: Index, high: Index
) -> Denoiser:
    """Guide like `guided` at timesteps from low to high.

    Elsewhere use the conditional prediction only, at half the cost. Guidance in a limited interval (Kynkäänniemi et al.
    2024).
    """
    if low > high:
        raise ValueError(f"An interval of timesteps goes from a low to a high one, not from {low} to {high}.")
    inside = guided(conditional, unconditional, guidance_scale)
    return lambda x, t: (inside if low <= t <= high else conditional)(x, t)


Recorded = dict[int, tuple[Tensor, Tensor, Tensor]]  # timestep: (unconditional, conditional, guided) predictions


@checked
def record_guidance(recorded: Recorded) -> Callable[[Denoiser, Denoiser, float], Denoiser]:
    """Guide like `guided`, and store the three predictions of every timestep t: (unconditional,
    conditional, guided).
    """

    def guidance(conditional, unconditional, guidance_scale):
        def denoise(x, t):
            without, with_condition = unconditional(x, t), conditional(x, t)
            recorded[t] = without, with_condition, torch.lerp(without, with_condition, guidance_scale)
            return recorded[t][-1]

        return denoise

    return guidance


@checked
def clipped(denoise: Denoiser, low: float = -1.0, high: float = 1.0) -> Denoiser:
    """Clip the prediction to the range of images (goes outside `guided`; never for latents)."""
    if low >= high:
        raise ValueError(f"A prediction is clipped to a range from low to high, not from {low} to {high}.")
    return lambda x, t: denoise(x, t).clamp(low, high)


@checked
def thresholded(denoise: Denoiser, fraction: Fraction = 0.995, most: Positive = 1.0) -> Denoiser:
    """Dynamic thresholding: bring the prediction into [-most, most], image by image.

    Saharia et al. 2022, Imagen, sec. 2.3. limit is the quantile of |x0_hat|, but at least `most`; x0_hat is clipped to
    [-limit, limit] and multiplied by most / limit. A prediction inside the range does not change. Keeps more of a
    strongly guided prediction than `clipped` does.
    """

    def threshold(x, t):
        x0_hat = denoise(x, t)
        limit = x0_hat.abs().flatten(1).float().quantile(fraction, dim=1).clamp(min=most)
        limit = limit.to(x0_hat).view(-1, *[1] * (x.ndim - 1))
        return torch.maximum(torch.minimum(x0_hat, limit), -limit) * (most / limit)

    return threshold


@checked
def exact(data: Numbers, schedule: Schedule) -> Denoiser:
    """Build the exact denoiser of a data set (n, ...): the mean of all its images, weighted by how well each explains
    x.

    The posterior mean under q(x_t | x0) (Ho et al. 2020, eq. 4); no network can have a lower squared error on this set.
    """
    at_once = max(1, AT_ONCE // data[0].numel())
    parts = data.flatten(1).split(at_once)  # in parts, so that the data are never copied as a whole
    power = torch.cat([part.double().square().sum(1) for part in parts])  # (n,)

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        if noise == 0:
            return x
        flat = x.flatten(1).to(data.device).double()  # float32 cannot tell similar images apart at low noise
        products = torch.cat([flat @ part.double().T for part in parts], dim=1)  # (b, n)
        # log q(x | x0) = -|x - signal * x0|^2 / (2 noise^2), without the terms that are the same for every x0
        log_likelihood = (signal * products - signal**2 * power / 2) / noise**2
        weights = log_likelihood.softmax(dim=1).to(x.dtype).split(at_once, dim=1)
        means = [weight @ part.to(x.dtype) for weight, part in zip(weights, parts, strict=True) if weight.any()]
        return sum(means).view_as(x).to(x)

    return denoise


@checked
def exact_gaussian(mean: float | Numbers, std: float | Numbers, schedule: Schedule) -> Denoiser:
    """Build the exact denoiser for x0 ~ N(mean, std^2), numbers or shaped like one x0: the posterior mean is linear in
    x.
    """

    if not (torch.as_tensor(std) >= 0).all():
        raise ValueError(f"A standard deviation is 0 or more, not {std}.")

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        if noise == 0:
            return x
        return (mean * noise**2 + signal * std**2 * x) / (signal**2 * std**2 + noise**2)

    return denoise


@checked
def exact_mixture(means: Numbers, stds: Numbers, weights: Numbers, schedule: Schedule) -> Denoiser:
    """Build the exact denoiser of a mixture of isotropic Gaussians: means (k, ...), stds (k,), weights (k,) that sum to
    1.

    Each component predicts like exact_gaussian, weighted by its posterior probability given x.
    """

    same_count(mean=means, std=stds, weight=weights)
    if (stds < 0).any() or (weights < 0).any() or abs(weights.sum().item() - 1) > 1e-3:
        raise ValueError("Standard deviations and weights are 0 or more, and the weights sum to 1.")

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        (b, k), (mu, sd, prior) = (len(x), len(means)), (values.to(x) for values in (means, stds, weights))
        variance = (signal**2 * sd**2 + noise**2).to(x)  # (k,) variance of every component at timestep t
        away = x.flatten(1)[:, None] - signal * mu.flatten(1)  # (b, k, d)
        if not variance.all():
            return x
        log_likelihood = prior.log() - away.square().sum(2) / (2 * variance) - away.shape[2] / 2 * variance.log()
        predictions = mu.flatten(1) + (signal * sd**2 / variance)[:, None] * away
        return (log_likelihood.softmax(dim=1).view(b, 1, k) @ predictions).view_as(x)

    return denoise
