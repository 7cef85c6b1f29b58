"""What a doctor can know about a training and about the images sampled after it: plain numbers, each of them None while nobody knows it."""

import math
import warnings
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.schedules import SCHEDULES, zero_terminal_snr
from diffusion_edu.training.objectives.diffusion import DISTANCES

EDGE = 0.98  # beyond it a value counts as black or white
CLIFF = 1.8  # from one pixel to the next: nearly from black to white


@dataclass(frozen=True)
class Looks:
    """Images (n, c, h, w), or points (n, d), in numbers; the last five belong to images alone."""

    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    edges: float | None = None  # fraction of values that are black or white
    broken: float | None = None  # fraction of values that are no numbers
    spread: float | None = None  # how far two of them are apart: root mean square over their values
    neighbours: float | None = (
        None  # correlation of a value with the one beside it: 0 in noise, above 0.9 in photographs
    )
    grain: float | None = None  # standard deviation of the noise that lies on top
    jumps: float | None = None  # fraction of neighbours that differ by more than CLIFF
    checker: float | None = None  # amplitude of the patterns that repeat every two pixels
    colours: tuple[float, ...] | None = None  # mean of every channel


@dataclass(frozen=True)
class Findings:
    """Everything known about one training and one way of drawing with what it taught."""

    look: str | None = None  # what a person sees: a word in LOOKS
    first_loss: float | None = None
    last_loss: float | None = None
    lowest_validation: float | None = None
    last_validation: float | None = None
    floor: float | None = None  # the loss of the best possible network on this very data
    prediction_type: str | None = None  # what the network was trained to say: a name in TARGETS
    distance: str | None = None  # a name in DISTANCES
    steps: int | None = None
    batch: int | None = None
    images: int | None = None  # in the training set
    seen: int | None = None  # images gone through, repetitions counted
    lr: float | None = None  # at its highest
    ema: float | None = None
    warm_up: bool = False  # whether the average follows quickly at first
    precision: str | None = None  # float32, bfloat16 or float16
    real: Looks | None = None  # the data as the network got it
    asked: str | None = None  # what its answers were read as when drawing: a name in TARGETS
    fits: str | None = None  # the name in TARGETS that its answers really come nearest to
    label_gain: float | None = None  # fraction of its loss that the right label takes away
    schedule: str | None = None
    T: int | None = None
    zero_snr: bool = False
    top: int | None = None  # the highest timestep that was visited
    bottom: int | None = None  # the last timestep that was visited
    sampling_steps: int | None = None
    variance: str | None = None  # small or large, of DDPM
    guidance_scale: float | None = None  # of guidance
    clip: bool | None = None
    start: Looks | None = None  # the noise that drawing began with
    sampled: Looks | None = None
    nearest: float | None = (
        None  # how far a sampled image is from the nearest training image; 1: as far as these are among themselves
    )

    @property
    def passes(self):
        """How often the training went through its set, or None."""
        seen = self.seen or (self.steps and self.batch and self.steps * self.batch)
        return seen / self.images if seen and self.images else None

    @property
    def terminal_snr_note(self):
        """The fraction of an image's power that the schedule leaves at timestep T, or None."""
        if self.schedule not in SCHEDULES or not self.T:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # saying so is the doctor's task
            schedule = SCHEDULES[self.schedule](self.T)
            return (zero_terminal_snr(schedule) if self.zero_snr else schedule).alpha_bar[-1].item()

    @property
    def silence(self):
        """The loss of a network that always says zero, or None where target, distance or data are not known well enough."""
        if self.prediction_type not in TARGETS or self.distance not in DISTANCES:
            return None
        power = self.real.std**2 + self.real.mean**2 if self.real and self.real.std is not None else POWER
        return loss_of_silence(self.prediction_type, self.distance, power)

    @property
    def stale(self):
        """The fraction of the averaged weights that is still what the training began with, or None."""
        if self.ema is None or self.steps is None:
            return None
        quick = min(self.steps, math.ceil((10 * self.ema - 1) / (1 - self.ema))) if self.warm_up and self.ema < 1 else 0
        return math.prod((1 + n) / (10 + n) for n in range(max(quick, 0))) * self.ema ** (self.steps - max(quick, 0))


POWER = 0.3  # the mean square of photographs in [-1, 1], about
LOOKS = {
    "nothing": "I have sampled none yet",
    "fine": "fine",
    "noise": "pure noise",
    "grain": "an image under fine grain",
    "edges": "black and white blotches, glaring colours",
    "grey": "grey, washed out",
    "blurred": "blurred",
    "alike": "all alike",
    "copies": "copies of my training images",
    "labels": "not what the label says",
    "colours": "colours of the wrong kind: red is blue",
    "checker": "a checkerboard lies on them",
    "black": "all black, or no image at all",
}


def loss_of_silence(prediction_type, distance, power):
    """Expect the loss of a network that says zero, on data of this mean square and mean 0, over evenly spread angles: 1 for eps and MSE."""
    theta = (torch.arange(200, dtype=torch.float64) + 0.5) / 200 * math.pi / 2
    c, s = theta.cos(), theta.sin()
    one, none = torch.ones_like(c), torch.zeros_like(c)
    of = TARGETS[prediction_type].of  # linear in x0 and in eps, which are independent: their powers add
    spread = (of(one, none, c, s).square() * power + of(none, one, c, s).square()).sqrt()
    z = torch.linspace(-6, 6, 601, dtype=torch.float64)
    bell = (-(z**2) / 2).exp()
    said = spread[:, None] * z
    loss = DISTANCES[distance](said, torch.zeros_like(said), reduction="none")
    return (loss @ (bell / bell.sum())).mean().item()


def look_at(x):
    """Measure images x (n, c, h, w) in [-1, 1], or points x (n, d)."""
    x = x.detach().double().cpu()
    sound = x.isfinite()
    broken = 1 - sound.double().mean().item()
    x = x[sound.flatten(1).all(1)]
    if not len(x):
        return Looks(broken=broken)
    spread = (torch.pdist(x.flatten(1)).mean() / x[0].numel() ** 0.5).item() if len(x) > 1 else None
    known = Looks(
        x.mean().item(),
        x.std().item(),
        x.min().item(),
        x.max().item(),
        (x.abs() >= EDGE).double().mean().item(),
        broken,
        spread,
    )
    return known if x.ndim < 4 else Looks(**{**vars(known), **_fine_structure(x)})


def _fine_structure(x):
    centred = x - x.mean((2, 3), keepdim=True)
    pairs = [(centred[..., 1:], centred[..., :-1]), (centred[..., 1:, :], centred[..., :-1, :])]
    power = centred.square().mean().clamp(min=1e-12)
    return {
        "neighbours": sum((a * b).mean() / 2 for a, b in pairs).div(power).item(),
        "grain": _grain(x),
        "jumps": sum(((a - b).abs() > CLIFF).double().mean() / 2 for a, b in pairs).item(),
        "checker": _checker(x),
        "colours": tuple(x.mean((0, 2, 3)).tolist()),
    }


def _grain(x):
    """Estimate the noise on images from what a Laplacian leaves, by its median, which edges do not move (Immerkaer 1996)."""
    mask = torch.tensor([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=x.dtype).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x, mask, groups=x.shape[1]).abs().median() / (6 * 0.6745)).item()


def _checker(x):
    """Measure the patterns of period two: how far their power stands out from that of the frequencies beside them, as an amplitude."""
    h, w = x.shape[-2] // 2, x.shape[-1] // 2
    power = torch.fft.fft2(x, norm="forward").abs().square().mean((0, 1))
    excess = [power[i, j] - (power[i - 1, j] + power[i, j - 1]) / 2 for i, j in ((h, w), (0, w), (h, 0))]
    return torch.stack(excess).clamp(min=0).sum().sqrt().item()
