"""Measure findings: from training curves, samples, and a network's predictions on real images."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from diffusion_edu.denoisers import TARGETS, exact
from diffusion_edu.doctor.findings import Findings
from diffusion_edu.doctor.statistics import measure
from diffusion_edu.schedules import cosine
from diffusion_edu.training.objectives.diffusion import sample_noise_levels

LOWEST, HIGHEST = 0.3, 0.85  # of pi / 2: the range of angles theta for prediction_errors
ENOUGH = 1000  # values that a standard deviation of noise needs


@dataclass(frozen=True)
class PredictionErrors:
    """Squared errors (n,) of the predicted clean images, if a network's output is read as each prediction type.

    A well trained network predicts the mean of all possible clean images. So the right prediction type has the smallest
    error. unconditional is without labels, conditional with them.
    """

    unconditional: dict[str, Tensor]
    conditional: dict[str, Tensor] | None = None
    variance: float = 0.0  # of the images: the error of always predicting their mean


@torch.no_grad()
def prediction_errors(net, real, labels=None, seed=0, autocast=None):
    """Measure a network's PredictionErrors on clean images or points real (n, ...) with noise, without and
    with labels.
    """
    theta, eps = sample_noise_levels(real, torch.Generator(real.device).manual_seed(seed))
    theta = math.pi / 2 * LOWEST + (HIGHEST - LOWEST) * theta  # not almost clean, not almost pure noise
    c, s = (f(theta).view(-1, *[1] * (real.ndim - 1)) for f in (torch.cos, torch.sin))
    y = c * real + s * eps

    def errors(condition):
        with torch.autocast(real.device.type, autocast, enabled=autocast is not None):
            output = net(y, 1000 * theta, condition).float()
        return {
            name: (target.x0_hat(y, output, c, s) - real).square().flatten(1).mean(1)
            for name, target in TARGETS.items()
        }

    variance = real.var().item()
    return PredictionErrors(errors(None), None if labels is None else errors(labels), variance)


def examine(known=None, losses=(), validation=(), sampled=None, start=None, timesteps=(), real=None, errors=()):
    """Add everything that can be measured to the Findings known.

    losses and validation are training curves; sampled, the initial noise start, and the clean data real are (n, ...);
    timesteps are those of the walk; errors is a list of PredictionErrors, one per batch.
    """
    known, found = known or Findings(), {}
    if losses:
        found |= {"first_loss": losses[0], "last_loss": _mean_of_end(losses)}
    if validation:
        found |= {"lowest_validation": min(validation), "last_validation": _mean_of_end(validation)}
    if len(timesteps):
        found |= {"top": timesteps[0], "bottom": timesteps[-1], "sampling_steps": len(timesteps) - 1}
    if sampled is not None:
        found["sampled"] = measure(sampled)
    if start is not None and start.numel() >= ENOUGH:
        found["start"] = measure(start)
    if real is not None:
        found["real"] = measure(real)
    if real is not None and sampled is not None:
        found["nearest"] = nearest_distance(sampled, real)
    return replace(known, **found, **(_best_fit(errors, known.read_as) if errors else {}))


def _mean_of_end(curve):
    """Return the mean of the last tenth of a curve."""
    end = curve[-max(1, len(curve) // 10) :]
    return sum(end) / len(end)


def nearest_distance(sampled, real):
    """Return the distance of samples to the nearest real image, relative to that between real images (medians).

    None if no two real images differ.
    """
    a, b = sampled.double().flatten(1), real.double().flatten(1)
    among_real = torch.cdist(b, b).fill_diagonal_(torch.inf).amin(1).median()
    to_real = torch.cdist(a, b).amin(1).median()
    return (to_real / among_real).item() if among_real > 0 and to_real.isfinite() else None


def _best_fit(errors, read_as):
    """Return the prediction type with the smallest error and the gain by labels, as far as the network has learned."""
    unconditional = {name: torch.cat([batch.unconditional[name] for batch in errors]).mean().item() for name in TARGETS}
    best = min(unconditional, key=unconditional.get)
    if not unconditional[best] < 0.8 * sum(batch.variance for batch in errors) / len(errors):
        return {}  # no better than predicting the mean image
    if read_as and unconditional[read_as] < 1.2 * unconditional[best]:
        best = read_as
    if any(batch.conditional is None for batch in errors):
        return {"best_fit": best}
    conditional = torch.cat([batch.conditional[best] for batch in errors]).mean().item()
    return {"best_fit": best, "label_gain": 1 - conditional / unconditional[best]}


def lowest_loss(real, prediction_type, distance="mse", images=64, seed=0):
    """Return the loss of the best possible network, the exact denoiser, on a small set real (n, ...); None unless MSE.

    The noise levels are distributed as in training.
    """
    if distance != "mse":
        return None
    schedule = cosine(1000)
    _, eps = sample_noise_levels(real[:images], torch.Generator().manual_seed(seed))
    best, losses = exact(real, schedule), []
    for theta in (torch.arange(20) + 0.5) / 20 * math.pi / 2:
        t = (torch.atan2(schedule.noise, schedule.signal) - theta).abs().argmin().clamp(min=1).item()
        c, s = schedule.rates(t, real)
        error = (best(schedule.corrupt(real[:images], t, eps), t) - real[:images]).double().square().mean()
        losses.append(error / TARGETS[prediction_type].slope(c, s) ** 2)
    return torch.stack(losses).mean().item()
