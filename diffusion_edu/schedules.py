"""Noise schedules: the signal rate and the noise rate at every timestep of the forward process.

Timestep 0 is the clean image, timestep T is pure noise: every table has T + 1 entries, is computed in float64 and is
read in one place, `Schedule.rates`. In diffusers a timestep is an index into a table of T entries: our timestep t is
its t - 1.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from diffusion_edu.checks import Count, NotNegative, Positive, Timestep, checked, same_count

# if alpha_bar at timestep T is larger, part of the image is left there, and a walk must not start from pure noise
SIGNAL_LEFT = 1e-3
STEEPEST = 0.999  # no step removes more than this fraction of the signal's power (Nichol & Dhariwal 2021, sec. 3.2)


@dataclass(frozen=True, eq=False)
class Schedule:
    """The two rates of `x = signal[t] * x0 + noise[t] * eps`: float64 tables (T + 1,).

    The signal rate falls from 1, the noise rate rises from 0; a variance-preserving schedule has signal^2 + noise^2 =
    1. Raises ValueError for other tables, and warns if much of the image is left at timestep T (non-zero terminal SNR).
    """

    name: str
    signal: Tensor
    noise: Tensor

    def __post_init__(self) -> None:
        tables = self.signal, self.noise
        if not all(isinstance(each, Tensor) and each.dtype == torch.float64 and _is_table(each) for each in tables):
            raise ValueError(f"The tables of the schedule {self.name!r} must be tensors float64 (T + 1,).")
        if len(self.noise) != len(self.signal) or self.T < 1:
            raise ValueError(f"The tables of the schedule {self.name!r} must have the same length, 2 or more.")
        if not torch.stack(tables).isfinite().all() or self.signal[0] != 1 or self.noise[0] != 0:
            raise ValueError(
                f"The schedule {self.name!r} must be finite and start with the clean image (signal 1, noise 0) "
                "at timestep 0."
            )
        if (self.signal.diff() >= 0).any() or (self.noise.diff() < 0).any() or self.signal[-1] < 0:
            raise ValueError(f"The schedule {self.name!r} must lose signal at every timestep and never lose noise.")
        if self.noise[1] == 0:
            raise ValueError(f"The schedule {self.name!r} must have noise at every timestep but 0.")
        if self.terminal_snr_note:
            warnings.warn(self.terminal_snr_note, stacklevel=3)

    @property
    def T(self) -> int:
        """The highest timestep."""
        return len(self.signal) - 1

    @property
    def alpha_bar(self) -> Tensor:
        """The power of the signal at every timestep, (T + 1,)."""
        return self.signal**2

    @property
    def terminal_snr_note(self) -> str:
        """A warning if a visible part of the image is left at timestep T (non-zero terminal SNR),
        else an empty string.
        """
        left = self.alpha_bar[-1].item()
        if left <= SIGNAL_LEFT:
            return ""
        return (
            f"The {self.name} schedule with T = {self.T} still holds {left:.1%} of the image's power at its last "
            f"timestep (alpha_bar = {left:.3g}), but sampling starts from pure noise: use more timesteps, "
            'steeper betas, or stretch it with zero_terminal_snr (on a page: "Zero terminal SNR").'
        )

    @checked
    def rates(self, t: Timestep, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return signal and noise at timestep t, an int or a tensor (b,), shaped to multiply x (b, ...), float64.

        Raises IndexError for a timestep outside 0..T.
        """
        t = t.long() if isinstance(t, Tensor) else t  # torch reads short whole numbers as a mask, or not at all
        lowest, highest = (t.min(), t.max()) if isinstance(t, Tensor) else (t, t)
        if lowest < 0 or highest > self.T:
            raise IndexError(f"The {self.name} schedule has the timesteps 0 to {self.T}; there is no timestep {t}.")
        if isinstance(t, Tensor) and t.ndim:
            if x.shape[:1] != (1,):  # one image may be noised to many timesteps
                same_count(image=x, timestep=t)
            shape = (-1, *[1] * (x.ndim - 1))
            t = t.cpu()
            return self.signal[t].view(shape).to(x.device), self.noise[t].view(shape).to(x.device)
        return self.signal[t], self.noise[t]  # a 0-d tensor multiplies x in x's dtype, on x's device

    @checked
    def angle(self, t: Timestep, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return c = sqrt(signal^2 + noise^2) and theta = atan2(noise, signal): x / c = cos(theta) x0 + sin(theta) eps.

        theta is the noise level as an angle: 0 is clean, pi/2 is pure noise, on every schedule.
        """
        signal, noise = self.rates(t, x)
        return torch.hypot(signal, noise), torch.atan2(noise, signal)

    @checked
    def corrupt(self, x0: Tensor, t: Timestep, eps: Tensor) -> Tensor:
        """Sample the forward process: x_t from x0 (b, ...) and Gaussian noise eps (b, ...) (Ho et al. 2020, eq. 4).

        One image may come with many noises, and one noise with many images. Raises ValueError for other shapes.
        """
        if x0.shape[1:] != eps.shape[1:] or (x0.shape != eps.shape and 1 not in (*x0.shape[:1], *eps.shape[:1])):
            raise ValueError(f"The noise must be shaped like the images, {tuple(x0.shape)}, not {tuple(eps.shape)}.")
        signal, noise = self.rates(t, x0)
        return (signal * x0 + noise * eps).to(x0.dtype)


def _is_table(x):
    """Whether a tensor is a list of real numbers, with values: a meta tensor has none."""
    return x.ndim == 1 and not x.is_complex() and not x.is_meta


@checked
def from_betas(name: str, betas: Tensor) -> Schedule:
    """Build the variance-preserving schedule whose step from t - 1 to t adds variance betas[t - 1], float64 (T,).

    Ho et al. 2020, eq. 2-4.
    """
    if not _is_table(betas):
        raise ValueError(f"The betas of {name!r} must be a tensor of real numbers (T,), not {tuple(betas.shape)}.")
    if not ((betas > 0) & (betas < 1)).all():
        raise ValueError(
            f"The betas of {name!r} must lie between 0 and 1, both excluded: with 1 or more, "
            "a step would erase the image."
        )
    alpha_bar = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - betas.double(), 0)])
    return Schedule(name, alpha_bar.sqrt(), (1 - alpha_bar).sqrt())


def _from_alpha_bar(name, alpha_bar):
    betas = 1 - alpha_bar[1:] / alpha_bar[:-1]
    return from_betas(name, betas.clamp(max=STEEPEST))


def _ramp(T, start=0.0, end=1.0):
    return torch.linspace(start, end, T, dtype=torch.float64)


@checked
def linear(T: Count = 1000, start: float = 1e-4, end: float = 0.02) -> Schedule:
    """Let beta rise linearly (Ho et al. 2020, sec. 4); the range is for T = 1000 and is not rescaled for another T."""
    return from_betas("linear", _ramp(T, start, end))


@checked
def quadratic(T: Count = 1000, start: NotNegative = 1e-4, end: NotNegative = 0.02) -> Schedule:
    """Let the square root of beta rise linearly (Song et al. 2021, DDIM, appendix D)."""
    return from_betas("quadratic", _ramp(T, math.sqrt(start), math.sqrt(end)) ** 2)


@checked
def scaled_linear(T: Count = 1000) -> Schedule:
    """Let the square root of beta rise linearly over the range of Stable Diffusion (Rombach et al. 2022, code)."""
    return from_betas("scaled_linear", _ramp(T, math.sqrt(8.5e-4), math.sqrt(0.012)) ** 2)


@checked
def cosine(T: Count = 1000, offset: NotNegative = 0.008) -> Schedule:
    """Let alpha_bar fall like a squared cosine, no beta above 0.999 (Nichol & Dhariwal 2021, eq. 17)."""
    angle = (_ramp(T + 1) + offset) / (1 + offset) * math.pi / 2
    return _from_alpha_bar("cosine", angle.cos() ** 2 / math.cos(offset / (1 + offset) * math.pi / 2) ** 2)


@checked
def sigmoid(T: Count = 1000, start: float = -3.0, end: float = 3.0, tau: Positive = 1.0) -> Schedule:
    """Let alpha_bar fall like a sigmoid from start to end, no beta above 0.999 (Jabri et al. 2022, algorithm 1)."""
    if start >= end:
        raise ValueError(f"The sigmoid schedule needs a start below its end, not {start} and {end}.")
    curve = torch.sigmoid(_ramp(T + 1, start, end) / tau)
    return _from_alpha_bar("sigmoid", (curve[-1] - curve) / (curve[-1] - curve[0]))


@checked
def flow(T: Count = 1000) -> Schedule:
    """Interpolate linearly between image and noise: signal 1 - t/T, noise t/T (flow matching, rectified flow).

    Liu et al. 2022, eq. 1.
    """
    noise = _ramp(T + 1)
    return Schedule("flow", 1 - noise, noise)


@checked
def zero_terminal_snr(schedule: Schedule) -> Schedule:
    """Stretch a variance-preserving schedule to zero terminal SNR: pure noise at T (Lin et al. 2023, algorithm 1).

    A schedule that already ends in pure noise is returned as it is.
    """
    if schedule.signal[-1] == 0:
        return schedule
    if not torch.allclose(schedule.alpha_bar + schedule.noise**2, torch.ones_like(schedule.signal)):
        raise ValueError(f"Only a variance-preserving schedule can be stretched, and {schedule.name!r} is none.")
    signal = (schedule.signal - schedule.signal[-1]) / (1 - schedule.signal[-1])
    return Schedule(f"{schedule.name}, zero SNR at T", signal, (1 - signal**2).sqrt())


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "linear": linear,
    "scaled_linear": scaled_linear,
    "quadratic": quadratic,
    "cosine": cosine,
    "sigmoid": sigmoid,
    "flow": flow,
}
