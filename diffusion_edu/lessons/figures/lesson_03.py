"""The longer figures of lesson 03, diffusion in 2-D."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from diffusion_edu.core import Denoiser
from diffusion_edu.figures.still import INK, NOISY, PIXELS_PER_INCH, PREDICTION, REAL, SIGNAL, Captioned
from diffusion_edu.schedules import Schedule
from diffusion_edu.toy2d import energy_distance

REACH = 2.2  # of the axes in both directions
CLOSE = 1.5  # of the axes where no point is noisy
STEP, LONGEST = 0.35, 0.2  # an arrow shows this part of the way to the prediction, and is never longer


def _panels(names, reach=REACH):
    """One square panel for each name, side by side: a figure and its axes."""
    side = 225
    figure = Figure(
        figsize=(side * len(names) / PIXELS_PER_INCH, (side + 24) / PIXELS_PER_INCH),
        dpi=PIXELS_PER_INCH,
        layout="constrained",
    )
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        ticks = [-int(reach), 0, int(reach)]
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=ticks, yticks=ticks)
        axes.set_title(name, color=INK, size=12)
        axes.tick_params(color=INK, labelcolor=INK, labelsize=10)
        axes.spines[:].set_color(INK)
    return figure, figure.axes


def noised(points: Tensor, schedule: Schedule, timesteps: Sequence[int] = (900, 100, 0)) -> Captioned:
    """Show points (n, 2) at several timesteps, noise on the left."""
    eps = torch.randn(points.shape, generator=torch.Generator().manual_seed(1))
    clouds = [schedule.corrupt(points, t, eps) for t in timesteps]
    figure, every = _panels([f"t = {t}" for t in timesteps])
    for axes, cloud, t in zip(every, clouds, timesteps, strict=True):
        axes.scatter(*cloud.T, s=5, color=NOISY if t else SIGNAL)
    stds = ", ".join(f"{cloud.std():.2f} at t = {t}" for cloud, t in zip(clouds, timesteps, strict=True))
    return Captioned(
        figure,
        caption="The forward process in the plane. Every dot is one data point, an image with two pixels. On the left "
        "nobody can say which dot belonged to which moon.",
        alt=f"Three panels with {len(points)} dots. On the right they form two half circles that reach into each "
        f"other. In the middle the half circles are blurred, on the left they are a round cloud. Standard deviation: "
        f"{stds}.",
    )


def arrows(
    denoise: Denoiser, points: Tensor, schedule: Schedule, timesteps: Sequence[int] = (900, 500, 100)
) -> Captioned:
    """Draw, at several timesteps, an arrow from each place of a grid towards the prediction (noised, without noise)."""
    side = torch.linspace(-1.4, 1.4, 15, dtype=torch.float64)
    x = torch.cartesian_prod(side, side)
    figure, every = _panels([f"t = {t}" for t in timesteps], CLOSE)
    spread = []
    for axes, t in zip(every, timesteps, strict=True):
        x0_hat, signal = denoise(x, t), schedule.signal[t]
        way = signal * x0_hat - x
        length = way.norm(dim=1, keepdim=True).clamp(min=1e-9)
        way = way * (LONGEST / length).clamp(max=STEP)
        axes.scatter(*(signal * points).T, s=4, color=SIGNAL)
        axes.quiver(*x.T, *way.T, angles="xy", scale_units="xy", scale=1, color=PREDICTION, width=0.006)
        spread.append(x0_hat.std().item())
    stds = ", ".join(f"{value:.2f} at t = {t}" for value, t in zip(spread, timesteps, strict=True))
    return Captioned(
        figure,
        caption="Green: arrows towards the prediction of the exact denoiser; long ways are drawn short. Blue: the "
        "clean points, times the signal rate of the timestep. At t = 900 all arrows lead to nearly one place, the "
        "mean. At t = 100 each leads to the nearest part of a moon.",
        alt=f"Three panels with a grid of arrows. At t = {timesteps[0]} they all point to the middle, at t = "
        f"{timesteps[1]} to the two moons, at t = {timesteps[2]} to the nearest part of a moon. The standard "
        f"deviation of all predictions in a panel is {stds}.",
    )


def compared(data: Tensor, fresh: Tensor, near: float, **sets: Tensor) -> Captioned:
    """Show sets of samples (m, 2) beside the data (n, 2), with the fraction of new points and the energy distance.

    A sample is new if every point of the data is farther away than `near`.
    """
    figure, every = _panels([name.replace("_", " ") for name in sets], CLOSE)
    said = []
    for axes, (name, x) in zip(every, sets.items(), strict=True):
        away = torch.cdist(x, data).amin(1)
        new, distance = (away > near).double().mean().item(), energy_distance(x, fresh)
        axes.scatter(*x.T, s=3, color=REAL if name.startswith("real") else PREDICTION)
        axes.set_xlabel(f"new: {new:.0%}\nenergy distance: {distance:.4f}", color=INK, size=12)
        said.append(f"{name.replace('_', ' ')}: {new:.0%} new, energy distance {distance:.4f}")
    return Captioned(
        figure,
        caption="Grey: real points that nobody has learned from. Green: samples. The energy distance compares each set "
        "with other real points: it can hardly tell copies from new points.",
        alt=f"{len(sets)} panels, each with dots in the shape of two moons. {'; '.join(said)}.",
    )
