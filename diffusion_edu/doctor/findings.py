"""What the doctor can know about a training and its samples: plain numbers, None if unknown."""

import math
import warnings
from dataclasses import dataclass

import torch

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.doctor.statistics import Statistics
from diffusion_edu.schedules import SCHEDULES, zero_terminal_snr
from diffusion_edu.training.objectives.diffusion import DISTANCES

POWER = 0.3  # the mean square of photographs in [-1, 1], about
APPEARANCES = {
    "nothing": "there are none yet",
    "fine": "fine",
    "noise": "pure noise",
    "grain": "an image under fine grain",
    "edges": "black and white blotches, glaring colours",
    "grey": "grey, washed out",
    "blurred": "blurred",
    "alike": "all alike",
    "copies": "copies of training images",
    "labels": "not what the label says",
    "colours": "wrong colours: red is blue",
    "checker": "a checkerboard pattern on them",
    "black": "all black, or no image at all",
}


@dataclass(frozen=True)
class Findings:
    """All that is known about one training and one way of sampling from its network."""

    appearance: str | None = None  # what a person sees: a key of APPEARANCES
    first_loss: float | None = None
    last_loss: float | None = None
    lowest_validation: float | None = None
    last_validation: float | None = None
    lowest_loss: float | None = None  # the loss of the best possible network on these data
    prediction_type: str | None = None  # what the network was trained to predict: a name in TARGETS
    distance: str | None = None  # the distance in the loss: a name in DISTANCES
    steps: int | None = None  # training steps
    batch: int | None = None
    images: int | None = None  # in the training set
    seen: int | None = None  # training images in all batches together
    lr: float | None = None  # the highest learning rate
    ema: float | None = None  # decay of the EMA
    warm_up: bool = False  # whether the EMA decays faster at first
    precision: str | None = None  # float32, bfloat16 or float16
    real: Statistics | None = None  # the data as the network gets them
    read_as: str | None = None  # the prediction type that sampling assumes: a name in TARGETS
    best_fit: str | None = None  # the prediction type with the smallest error on real images: a name in TARGETS
    label_gain: float | None = None  # fraction of its error that the right label removes
    schedule: str | None = None
    T: int | None = None
    zero_snr: bool = False
    top: int | None = None  # the highest timestep of the walk
    bottom: int | None = None  # the last timestep of the walk
    sampling_steps: int | None = None
    variance: str | None = None  # small or large, of DDPM
    guidance_scale: float | None = None
    clip: bool | None = None
    start: Statistics | None = None  # the noise at the start of the walk
    sampled: Statistics | None = None
    nearest: float | None = None  # distance of samples to the nearest training image; 1: as far as those are apart

    @property
    def epochs(self):
        """How often every training image was used, or None."""
        seen = self.seen or (self.steps and self.batch and self.steps * self.batch)
        return seen / self.images if seen and self.images else None

    @property
    def terminal_alpha_bar(self):
        """The fraction of an image's power that the schedule leaves at timestep T, or None."""
        if self.schedule not in SCHEDULES or not self.T:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the doctor reports it itself
            schedule = SCHEDULES[self.schedule](self.T)
            return (zero_terminal_snr(schedule) if self.zero_snr else schedule).alpha_bar[-1].item()

    @property
    def zero_output_loss(self):
        """The loss of a network that always outputs zero, or None if prediction type or distance are unknown."""
        if self.prediction_type not in TARGETS or self.distance not in DISTANCES:
            return None
        power = self.real.std**2 + self.real.mean**2 if self.real and self.real.std is not None else POWER
        return loss_of_zero_output(self.prediction_type, self.distance, power)

    @property
    def initial_fraction(self):
        """The fraction of the initial weights in the EMA, or None."""
        if self.ema is None or self.steps is None:
            return None
        warm = min(self.steps, math.ceil((10 * self.ema - 1) / (1 - self.ema))) if self.warm_up and self.ema < 1 else 0
        warm = max(warm, 0)
        return math.prod((1 + n) / (10 + n) for n in range(warm)) * self.ema ** (self.steps - warm)


def loss_of_zero_output(prediction_type, distance, power):
    """Return the expected loss of a network that outputs zero, on data of this mean square and mean 0.

    The angles are evenly spread. It is 1 for eps and MSE.
    """
    theta = (torch.arange(200, dtype=torch.float64) + 0.5) / 200 * math.pi / 2
    c, s = theta.cos(), theta.sin()
    one, zero = torch.ones_like(c), torch.zeros_like(c)
    of = TARGETS[prediction_type].of  # linear in x0 and in eps, which are independent: their powers add
    std = (of(one, zero, c, s).square() * power + of(zero, one, c, s).square()).sqrt()
    z = torch.linspace(-6, 6, 601, dtype=torch.float64)
    density = (-(z**2) / 2).exp()
    target = std[:, None] * z
    loss = DISTANCES[distance](target, torch.zeros_like(target), reduction="none")
    return (loss @ (density / density.sum())).mean().item()
