"""Everything that predictions the clean image: networks, guidance, clipping, and the exact answer where there is one.

A network may be trained to say one of four things. All are written in the angle frame, where `y = cos x0 + sin eps` on every
schedule (c, s: cosine and sine of theta, o: what the network says).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from diffusion_edu.schedules import Schedule

TOGETHER = 2**19  # how many numbers of a data set are looked at together: those of about forty images of 64 x 64


@dataclass(frozen=True)
class Target:
    """What a network is trained to say, how x0_hat reads from it, and the fraction of an x0 error that an error in it makes, all at (c, s)."""

    of: Callable  # (x0, eps, c, s) -> o
    x0_hat: Callable  # (y, o, c, s) -> x0_hat
    slope: Callable  # (c, s) -> |d x0_hat / d o|


TARGETS = {
    "eps": Target(lambda x0, eps, c, s: eps, lambda y, o, c, s: (y - s * o) / c, lambda c, s: s / c),
    "x0": Target(lambda x0, eps, c, s: x0, lambda y, o, c, s: o, lambda c, s: torch.ones_like(c)),
    "v": Target(lambda x0, eps, c, s: c * eps - s * x0, lambda y, o, c, s: c * y - s * o, lambda c, s: s),
    "flow": Target(lambda x0, eps, c, s: eps - x0, lambda y, o, c, s: (y - s * o) / (c + s), lambda c, s: s / (c + s)),
}


@dataclass(frozen=True)
class NeuralDenoiser:
    """A network as a denoiser on any schedule: it is handed y (b, ...), 1000 * theta (b,) and the condition, and says what `kind` names.

    Raises ValueError for an unknown kind, and for kind "eps" on a schedule that ends in pure noise: there eps says nothing about x0.
    """

    net: nn.Module
    schedule: Schedule
    prediction_type: str = "v"
    condition: Tensor | None = None
    autocast: torch.dtype | None = None

    def __post_init__(self):
        if self.prediction_type not in TARGETS:
            raise ValueError(f"A network predicts one of {', '.join(TARGETS)}, not {self.prediction_type!r}.")
        if self.prediction_type == "eps" and self.schedule.signal[-1] == 0:
            raise ValueError(
                f"On the {self.schedule.name} schedule timestep T is pure noise; a network that predicts eps cannot see an image there. "
                "Use a network that predicts v, x0 or flow, or a schedule that keeps some signal."
            )

    def given(self, condition):
        """Bind a condition, for example labels (b,); None asks for anything."""
        return replace(self, condition=condition)

    def __call__(self, x, t):
        guidance_scale, theta = self.schedule.angle(t, x)
        y = x / guidance_scale
        timestep = (1000 * theta).to(device=x.device, dtype=torch.float32).expand(len(x))
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            said = self.net(y, timestep, self.condition)
        return TARGETS[self.prediction_type].x0_hat(y, said.to(x.dtype), theta.cos(), theta.sin())


def guided(conditional, unconditional, guidance_scale):
    """Steer by the difference between two denoisers: 0 ignores the condition, 1 follows it, more than 1 overshoots it (Ho & Salimans 2022, eq. 6)."""
    if guidance_scale == 0:
        return unconditional
    if guidance_scale == 1:
        return conditional
    return lambda x, t: torch.lerp(unconditional(x, t), conditional(x, t), guidance_scale)


def interval_guidance(conditional, unconditional, guidance_scale, low, high):
    """Steer like `guided` at timesteps from low to high, and at all others only follow the condition, which asks one denoiser there instead of two.

    Guidance in a limited interval (Kynkaanniemi et al. 2024).
    """
    steered = guided(conditional, unconditional, guidance_scale)
    return lambda x, t: (steered if low <= t <= high else conditional)(x, t)


def record_guidance(noted):
    """Steer like `guided`, always by both predictions, and note in the dict noted, under every timestep t: (unconditional, conditional, guided)."""

    def steer(conditional, unconditional, guidance_scale):
        def denoise(x, t):
            without, told = unconditional(x, t), conditional(x, t)
            noted[t] = without, told, torch.lerp(without, told, guidance_scale)
            return noted[t][-1]

        return denoise

    return steer


def clipped(denoise, low=-1.0, high=1.0):
    """Keep the prediction inside the range that images have (goes outside `guided`; never for latents)."""
    return lambda x, t: denoise(x, t).clamp(low, high)


def thresholded(denoise, fraction=0.995, most=1.0):
    """Bring the prediction into [-most, most], image by image: cut it at its share-quantile of |x0_hat|, and shrink it where that is larger than most.

    Dynamic thresholding (Saharia et al. 2022, Imagen, sec. 2.3). Inside the range nothing changes. Keeps more of a
    strongly guided prediction than `clipped` does.
    """

    def threshold(x, t):
        x0_hat = denoise(x, t)
        reach = (
            x0_hat.abs()
            .flatten(1)
            .float()
            .quantile(fraction, dim=1)
            .clamp(min=most)
            .to(x0_hat)
            .view(-1, *[1] * (x.ndim - 1))
        )
        return torch.maximum(torch.minimum(x0_hat, reach), -reach) * (most / reach)

    return threshold


def exact(data, schedule):
    """Build the best possible denoiser when every image is one of data (n, ...): the average of them all, weighted by how well each explains x.

    The posterior mean under q(x_t | x0) (Ho et al. 2020, eq. 4); no network can have a lower squared error on this set.
    """
    at_once = max(1, TOGETHER // data[0].numel())
    parts = data.flatten(1).split(at_once)  # in turn, so that no second copy of all the data is ever made
    power = torch.cat([known.double().square().sum(1) for known in parts])  # (n,)

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        if noise == 0:
            return x
        seen = (
            x.flatten(1).to(data.device).double()
        )  # in float32 the fit of close images would be lost where there is little noise
        alike = torch.cat([seen @ known.double().T for known in parts], dim=1)  # (b, n)
        fit = (
            signal * alike - signal**2 * power / 2
        ) / noise**2  # -|x - signal * x0|^2 / (2 noise^2), less what is the same for all
        weights = fit.softmax(dim=1).to(x.dtype).split(at_once, dim=1)
        return (
            sum(fraction @ known.to(x.dtype) for fraction, known in zip(weights, parts, strict=True) if fraction.any())
            .view_as(x)
            .to(x)
        )

    return denoise


def exact_gaussian(mean, std, schedule):
    """Build the best possible denoiser for x0 ~ N(mean, std^2), mean and std numbers or shaped like one x0: the posterior mean is linear in x."""

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        return (mean * noise**2 + signal * std**2 * x) / (signal**2 * std**2 + noise**2)

    return denoise


def exact_mixture(means, stds, weights, schedule):
    """Build the best possible denoiser for a mixture of round Gaussians: means (k, ...), stds (k,), weights (k,) that sum to 1.

    Each component predictions like exact_gaussian, weighted by how probable it makes x.
    """

    def denoise(x, t):
        signal, noise = schedule.rates(t, x)
        (b, k), (mu, sd, fraction) = (len(x), len(means)), (values.to(x) for values in (means, stds, weights))
        std = (signal**2 * sd**2 + noise**2).to(x)  # (k,) variance of every component at timestep t
        away = x.flatten(1)[:, None] - signal * mu.flatten(1)  # (b, k, d)
        if not std.all():
            return x
        fit = fraction.log() - away.square().sum(2) / (2 * std) - away.shape[2] / 2 * std.log()
        predictions = mu.flatten(1) + (signal * sd**2 / std)[:, None] * away
        return (fit.softmax(dim=1).view(b, 1, k) @ predictions).view_as(x)

    return denoise
