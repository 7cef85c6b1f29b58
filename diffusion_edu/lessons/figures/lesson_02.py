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
        caption="Each prediction is made from the x above it, in one step. From much noise comes a blur, from little "
        "noise the flower.",
        alt=f"One flower at {len(timesteps)} timesteps, and the predictions of {' and '.join(rows)}. They are blurred "
        "at "
        f"high timesteps and sharp at low ones. Mean squared error: {said}.",
    )


def read_from_v(
    x0_from_v: Callable, y: Tensor, v: Tensor, theta: Tensor, x0: Tensor, timesteps: Sequence[int]
) -> Captioned:
    """Show y (b, 3, h, w) at some timesteps, and the clean images that a function computes from y and v."""
    problem = ""
    try:
        x0_hat = torch.as_tensor(x0_from_v(y, v, theta)).expand_as(y)
    except Exception as raised:  # the check says what is wrong; the notebook goes on
        x0_hat, problem = y, f" Your function gave no such batch ({type(raised).__name__}); the second row shows y."
    errors = ", ".join(f"{error(one, x0[0]):.2f}" for one in x0_hat)
    return Captioned(
        images(to_bytes(torch.cat([y, x0_hat])), [f"t = {t}" for t in timesteps], ["y", "from v"]),
        caption="Second row: what your function computes from y and from the network's v. It should look like the row "
        f"“network” of the first figure.{problem}",
        alt=f"One flower at {len(timesteps)} timesteps, and the image computed from v at each. Mean squared errors "
        f"from left to right: {errors}.",
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
        caption=f"Timestep {t}. The lowest point of the curve is the best prediction. x / signal (dotted) "
        "removes no noise and makes it stronger.",
        alt=f"Mean squared error over the factor at timestep {t}: a parabola from {errors[0]:.3f} at factor 0 down to "
        f"{lowest:.3f}, reached near factor {factor:.2f}; at factor {undo:.2f}, x divided by signal, it is "
        f"{error(undo * x, x0):.3f}.",
    )


def errors_over_timesteps(schedule: Schedule, std: float, measured: dict[int, tuple[float, float]]) -> Captioned:
    """Draw the errors in x0 and eps over the timestep: exact for Gaussian images, and measured of a network.

    measured holds two mean squared errors for some timesteps, that in x0 and that in eps.
    """
    t = range(10, schedule.T + 1, 10)
    of_x0 = [gaussian_error(schedule, k, std) for k in t]
    of_eps = [e * (schedule.signal[k] / schedule.noise[k]).item() ** 2 for k, e in zip(t, of_x0, strict=True)]
    x0_errors, eps_errors = zip(*measured.values(), strict=True)
    low, high = min(measured), max(measured)
    return Captioned(
        chart(
            [
                Curve(t, of_x0, "x0, best denoiser of Gaussian images", SIGNAL),
                Curve(t, of_eps, "eps, best denoiser of Gaussian images", NOISE),
                Curve(list(measured), x0_errors, "x0, network on flowers", SIGNAL, ":"),
                Curve(list(measured), eps_errors, "eps, network on flowers", NOISE, ":"),
                Curve([0, schedule.T], [1, 1], "variance of eps", REAL, "-."),
            ],
            x="timestep t   (noise on the left, image on the right)",
            y="mean squared error",
            xlim=(schedule.T, 0),
            yscale="log",
        ),
        caption="One prediction, two errors: to the left the error in eps falls, while the error in x0 rises. The "
        "network does better than the best denoiser of Gaussian images, because in flowers neighbouring pixels tell "
        "about each other.",
        alt=f"Errors over the timestep, logarithmic. For Gaussian images the error in x0 falls from {of_x0[-1]:.3f} at "
        f"timestep {schedule.T} to {of_x0[0]:.4f} at 10, and that in eps rises from {of_eps[-1]:.1e} to "
        f"{of_eps[0]:.2f}. For the network on flowers the error in x0 goes from {measured[high][0]:.2f} at {high} to "
        f"{measured[low][0]:.4f} at {low}.",
    )
