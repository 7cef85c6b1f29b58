"""Which timesteps a walk visits: whole timesteps, strictly falling from the top to 0, for exactly the given number of
steps.

Every spacing proposes a list of steps + 1 timesteps that need not be whole; `spaced` makes the nearest valid list of
it.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion_edu.checks import checked
from diffusion_edu.schedules import Schedule


def _trailing(schedule, top, steps):
    """Even strides, counted from the top (Lin et al. 2023, table 2)."""
    return [(2 * top * i + steps) // (2 * steps) for i in range(steps, -1, -1)]


def _leading(schedule, top, steps):
    """Even whole strides, counted from timestep 1.

    The remainder makes the first step longer, as a walk starts at the top.
    """
    stride = top // steps
    return [top, *(1 + stride * i for i in range(steps - 2, -1, -1)), 0]


def _linspace(schedule, top, steps):
    """Even strides from the top to timestep 1, then one step of a single timestep (Nichol & Dhariwal 2021, sec. 4)."""
    return [*torch.linspace(top, 1, steps).tolist(), 0]


def _nearest(table: Tensor, values: Tensor) -> list[int]:
    """The timesteps at which a monotone table is nearest to the values."""
    return (table[None] - values[:, None]).abs().argmin(dim=1).tolist()


def _log_snr(schedule, top, steps):
    """Even strides of log(signal / noise) from the top to timestep 1, then to 0 (Lu et al. 2022, sec. 4.1).

    A top without any signal gets a step of its own, to the last timestep that has some.
    """
    ratio = (schedule.signal / schedule.noise).log()
    first = [] if ratio[top].isfinite() else [top]
    values = torch.linspace(ratio[top - len(first)], ratio[1], max(steps - len(first), 1), dtype=torch.float64)
    return [*first, *_nearest(ratio, values)][:steps] + [0]


def _angle(schedule, top, steps):
    """Even strides of theta = atan2(noise, signal) from the top to 0."""
    theta = torch.atan2(schedule.noise, schedule.signal)
    return _nearest(theta, torch.linspace(theta[top], 0, steps + 1, dtype=torch.float64))


Spacing = Callable[[Schedule, int, int], list]

SPACINGS: dict[str, Spacing] = {
    "trailing": _trailing,
    "leading": _leading,
    "linspace": _linspace,
    "log-SNR": _log_snr,
    "angle": _angle,
}


@checked
def spaced(schedule: Schedule, steps: int, spacing: str = "trailing", top: int | None = None) -> list[int]:
    """Choose steps + 1 whole timesteps that fall strictly from the top (T, if None) to 0.

    Spacing is a name in SPACINGS. Raises ValueError unless 1 <= steps <= top <= T, and for an unknown spacing.
    """
    top = schedule.T if top is None else top
    if spacing not in SPACINGS:
        raise ValueError(f"The timesteps can be spaced in one of these ways: {', '.join(SPACINGS)}; not {spacing!r}.")
    if not 1 <= top <= schedule.T:
        raise ValueError(f"A walk starts between the timesteps 1 and {schedule.T}, not at {top}.")
    if not 1 <= steps <= top:
        raise ValueError(f"A walk from timestep {top} to 0 takes between 1 and {top} steps, not {steps}.")
    timesteps = [top, *(round(timestep) for timestep in SPACINGS[spacing](schedule, top, steps)[1:-1]), 0]
    for i in range(1, steps):  # where two are equal, the later one is lowered ...
        timesteps[i] = min(timesteps[i], timesteps[i - 1] - 1)
    for i in range(steps - 1, 0, -1):  # ... and where there is no room below, the earlier one is raised
        timesteps[i] = max(timesteps[i], timesteps[i + 1] + 1)
    return timesteps
