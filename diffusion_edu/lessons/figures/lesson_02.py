"""The figures of lesson 02: predictions at several timesteps, what v gives, and errors over factors and timesteps."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from diffusion_edu.core import Denoiser
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.still import INK, NOISE, PREDICTION, REAL, SIGNAL, Captioned, Curve, chart, images
from diffusion_edu.schedules import Schedule


def error(a: Tensor, b: Tensor) -> float:
    """Return the mean squared error between a and b."""
    return (a - b).square().mean().item()


def gaussian_error(schedule: Schedule, t: int, std: float) -> float:
    """Return the lowest possible mean squared error in x0 at timestep t, for Gaussian images of this std."""
    signal, noise = schedule.signal[t].item(), schedule.noise[t].item()
    return std**2 * noise**2 / (signal**2 * std**2 + noise**2)


@torch.no_grad()
def predictions(
    x0: Tensor, eps: Tensor, schedule: Schedule, timesteps: Sequence[int], denoisers: dict[str, Denoiser]
) -> Captioned:
    """Show x (1, 3, h, w) at some timesteps, and below it what each denoiser predicts from it."""
    noisy = [schedule.corrupt(x0, t, eps) for t in timesteps]
    rows = {name: [denoise(x, t) for x, t in zip(noisy, timesteps, strict=True)] for name, denoise in denoisers.items()}
    said = "; ".join(
        f"{name}: {error(row[0], x0):.2f} at timestep {timesteps[0]}, {error(row[-1], x0):.3f} at {timesteps[-1]}"
        for name, row in rows.items()
    )
    return Captioned(
        images(
            to_bytes(torch.cat([*noisy, *(x for row in rows.values() for x in row)])),
            [f"t = {t}" for t in timesteps],
            ["x", *rows],
        ),
        caption="Each prediction is made from the x above it, at once. Much noise: a blur. Little noise: the flower.",
        alt=f"One flower at {len(timesteps)} timesteps, and the predictions of {' and '.join(rows)}. They are blurred "
        "at "
        f"high timesteps and sharp at low ones. Mean squared error: {said}.",
    )


def read_from_v(y: Tensor, x0_hat: Tensor, x0: Tensor, timesteps: Sequence[int]) -> Captioned:
    """Show y (b, 3, h, w) at some timesteps, and the clean images x0_hat (b, 3, h, w) computed from y and v."""
    errors = ", ".join(f"{error(one, x0[0]):.2f}" for one in x0_hat)
    return Captioned(
        images(to_bytes(torch.cat([y, x0_hat])), [f"t = {t}" for t in timesteps], ["y", "from v"]),
        caption="Below: what your function makes of y and of the network's v. It should look like the second row of "
        "the "
        "first figure.",
        alt=f"One flower at {len(timesteps)} timesteps, and the image computed from v at each. Mean squared errors "
        "from "
        f"left to right: {errors}.",
    )


def error_of_factors(schedule: Schedule, t: int, std: float, best: Callable[[Tensor], Tensor]) -> Captioned:
    """Draw the mean squared error of the prediction factor * x for many factors; best is a prediction to compare with.

    Measured on 100,000 numbers with mean 0 and this standard deviation.
    """
    random = torch.Generator().manual_seed(2026)
    x0 = std * torch.randn(100_000, 1, generator=random, dtype=torch.float64)
    eps = torch.randn(x0.shape, generator=random, dtype=torch.float64)
    x, undo = schedule.corrupt(x0, t, eps), 1 / schedule.signal[t].item()
    factors = torch.linspace(0, 1.1 * undo, 60).tolist()
    errors = [error(factor * x, x0) for factor in factors]
    mine, lowest = error(best(x), x0), min(errors)
    factor = (best(torch.ones(1, 1, dtype=torch.float64)) - best(torch.zeros(1, 1, dtype=torch.float64))).item()
    top = 1.1 * max(std**2, min(error(undo * x, x0), 6 * std**2))
    return Captioned(
        chart(
            [
                Curve(factors, errors, "error of factor · x", PREDICTION),
                Curve([factor, factor], [0, mine], f"best prediction: factor {factor:.2f}", INK, "--"),
                Curve([undo, undo], [0, top], f"x / signal: factor {undo:.2f}", SIGNAL, ":"),
                Curve([0, factors[-1]], [std**2, std**2], "variance of the images", REAL, "-."),
            ],
            x="factor",
            y="mean squared error of x0",
            xlim=(0, factors[-1]),
            ylim=(0, top),
        ),
        caption=f"Timestep {t}. The lowest point of the curve is the best prediction. Dividing by the signal rate, "
        "further "
        "right, removes no noise and makes it stronger.",
        alt=f"Mean squared error over the factor at timestep {t}: a parabola from {errors[0]:.3f} at factor 0 down to "
        f"{lowest:.3f}, reached near factor {factor:.2f}; at factor {undo:.2f}, x divided by signal, it is "
        f"{error(undo * x, x0):.3f}.",
    )


def errors_over_timesteps(
    schedule: Schedule, std: float, measured: dict[int, float], eps_error: Callable[[float, float, float], float]
) -> Captioned:
    """Draw the errors in x0 and eps over the timestep: exact for Gaussian images, and measured of a network.

    measured holds the mean squared error in x0 at some timesteps; eps_error(x0_error, signal, noise) converts it.
    """
    t = range(10, schedule.T + 1, 10)
    of_x0 = [gaussian_error(schedule, k, std) for k in t]
    of_eps = [eps_error(e, schedule.signal[k].item(), schedule.noise[k].item()) for k, e in zip(t, of_x0, strict=True)]
    network = [eps_error(e, schedule.signal[k].item(), schedule.noise[k].item()) for k, e in measured.items()]
    low, high = min(measured), max(measured)
    return Captioned(
        chart(
            [
                Curve(t, of_x0, "x0, best denoiser of Gaussian images", SIGNAL),
                Curve(t, of_eps, "eps, best denoiser of Gaussian images", NOISE),
                Curve(list(measured), list(measured.values()), "x0, network on flowers", SIGNAL, ":"),
                Curve(list(measured), network, "eps, network on flowers", NOISE, ":"),
                Curve([0, schedule.T], [1, 1], "variance of eps", REAL, "-."),
            ],
            x="timestep t   (noise on the left, image on the right)",
            y="mean squared error",
            xlim=(schedule.T, 0),
            yscale="log",
        ),
        caption="One prediction, two errors. To the left the error in eps falls while that of the image rises.",
        alt=f"Errors over the timestep, logarithmic. For Gaussian images the error in x0 falls from {of_x0[-1]:.3f} at "
        f"timestep {schedule.T} to {of_x0[0]:.4f} at 10, and that in eps rises from {of_eps[-1]:.1e} to "
        f"{of_eps[0]:.2f}. "
        f"For the network on flowers the error in x0 goes from {measured[high]:.2f} at {high} to {measured[low]:.4f} "
        f"at {low}.",
    )
