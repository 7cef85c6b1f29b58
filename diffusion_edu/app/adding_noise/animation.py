"""The forward process as an animation: one image, one noise, and several schedules that mix them side by side."""

import hashlib
import math
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.analysis.measures import histogram, snr_decibels, spectrum
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Animation, Axis, Chart, Series, Track, png_url
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced

STEPS = 40  # between the states of the animation
MANY = 100  # noises: their mean is 10 times weaker than one of them, while the image under them is as strong as before
POINTS = 200  # of a curve over all timesteps
TELLING = 0.3  # of the way up to T: coarse shapes are still there, fine detail is gone
FAINTEST = (
    1e-4  # power below this is sampled as this: an image of one colour has none, and its logarithm no place on an axis
)

VALUE = Axis("value", -3, 3, {"−3": -3, "−1": -1, "1": 1, "3": 3})
DENSITY = Axis("density", 0, 1.25, {"0": 0, "0.5": 0.5, "1": 1})
DETAIL = Axis("cycles per image", 0, 5, {str(2**k): k for k in range(6)})  # log2
POWER = Axis("power (noise: 1)", -3, 3, {"0.01": -2, "1": 0, "100": 2})  # log10
RATE = Axis("rate", 0, 1, {"0": 0, "0.5": 0.5, "1": 1})
DECIBELS = Axis("SNR in dB", -45, 45, {"−40": -40, "0": 0, "40": 40})


@dataclass(frozen=True, eq=False)
class Noising:
    """One image uint8 (3, h, w) and what it is, the schedules that bring it to timestep T, and the seed of the noise they share."""

    image: Tensor
    class_name: str
    schedules: list[Schedule]
    seed: int
    averaged: bool = False  # show the mean over MANY noises instead of one

    @property
    def T(self):
        """The highest timestep, the same in all schedules."""
        return self.schedules[0].T

    @property
    def timesteps(self):
        """The timesteps of the animation, from T down to 0."""
        return spaced(self.schedules[0], min(STEPS, self.T))

    @property
    def leftovers(self):
        """A sentence for every schedule that does not end in noise."""
        return [schedule.terminal_snr_note for schedule in self.schedules if schedule.terminal_snr_note]

    @cached_property
    def mixtures(self):
        """The image at every timestep of the animation: for every schedule x (states, 3, h, w) in [-1, 1] and beyond."""
        return self._mixed(SeededNoise([self.seed]).sample(self.image.shape))

    @property
    def shown(self):
        """What is seen of the mixtures: themselves, or their mean over noises; mixing is linear, so the noises may be averaged first."""
        if not self.averaged:
            return self.mixtures
        return self._mixed(SeededNoise(range(self.seed, self.seed + MANY)).sample(self.image.shape).mean(0, keepdim=True))

    def _mixed(self, eps):
        x0 = to_signed(self.image)[None]
        return [torch.cat([schedule.corrupt(x0, t, eps) for t in self.timesteps]) for schedule in self.schedules]

    @property
    def animation(self):
        """What the player shows, as a dict; it opens at T where a schedule leaves a ghost there, else at a telling timestep."""
        tracks = [self._screen(*parts) for parts in zip(self.schedules, self.shown, DASHES, strict=False)]
        start = 0 if self.leftovers else round((1 - TELLING) * (len(self.timesteps) - 1))
        says = [f"timestep {t} of {self.T}" for t in self.timesteps]
        charts = [self._values(), self._detail(), self._rates(), self._decibels()]
        height, width = self.image.shape[1:]
        return asdict(
            Animation(
                self._id, width, height, [self.class_name], self.timesteps, says, tracks, start, way=-1, charts=charts
            )
        )

    @property
    def _id(self):
        about = (
            f"{[schedule.name for schedule in self.schedules]} {self.T} {self.seed} {self.class_name} {self.averaged}"
        )
        return hashlib.sha256(about.encode() + self.image.numpy().tobytes()).hexdigest()

    def _screen(self, schedule, x, dash):
        decibels = snr_decibels(schedule)
        says = [
            f"signal\u00a0{schedule.signal[t]:.3f}, noise\u00a0{schedule.noise[t]:.3f}\nSNR {in_words(decibels[t].item())}"
            for t in self.timesteps
        ]
        words = f"{schedule.name}, mean of {MANY}" if self.averaged else schedule.name
        sprite = png_url(np.concatenate([grid(to_bytes(state[None])) for state in x]))
        return Track(
            schedule.name,
            ("x", "t"),
            words,
            COLOUR["x"],
            f"Image on the {schedule.name} schedule",
            sprite,
            says,
            dash,
        )

    def _values(self):
        """Draw how often each value occurs, beside the standard normal that noise follows."""
        counts = [[histogram(state) for state in x] for x in self.mixtures]
        centres = counts[0][0][0]
        normal = (-(centres**2) / 2).exp() / math.sqrt(2 * math.pi)
        series = [Series("standard normal", COLOUR["eps"], normal.tolist())]
        series += [
            Series("image", COLOUR["x"], [y.tolist() for _, y in states], dash)
            for states, dash in zip(counts, DASHES, strict=False)
        ]
        alt = "How often each value occurs in the images, beside the bell curve of pure noise"
        return Chart("Values", alt, VALUE, DENSITY, centres.tolist(), series)

    def _detail(self):
        """Draw the power at every fineness of detail, beside the clean image's and white noise's."""
        spectra = [[_log_power(state[None]) for state in x] for x in self.mixtures]
        cycles, _ = spectrum(self.mixtures[0][:1])
        series = [
            Series("white noise", COLOUR["eps"], [0.0] * len(cycles)),
            Series("clean", COLOUR["x0"], _log_power(to_signed(self.image)[None])),
            *(Series("image", COLOUR["x"], states, dash) for states, dash in zip(spectra, DASHES, strict=False)),
        ]
        alt = (
            "Power of the images from coarse shape, left, to fine detail, right, beside the clean image and white noise"
        )
        return Chart("Coarse to fine", alt, DETAIL, POWER, cycles.log2().tolist(), series)

    def _rates(self):
        """Draw both rates of every schedule over all timesteps."""
        signal = self._over_timesteps("signal", COLOUR["signal"], [schedule.signal for schedule in self.schedules])
        noise = self._over_timesteps("noise", COLOUR["eps"], [schedule.noise for schedule in self.schedules])
        alt = f"Signal and noise over all timesteps, from noise at timestep {self.T}, left, to the image at timestep 0"
        return Chart("Signal and noise", alt, self._timestep, RATE, self._places, signal + noise, cursor=True)

    def _decibels(self):
        """Draw the signal-to-noise ratio of every schedule over all timesteps."""
        ratios = self._over_timesteps("SNR", COLOUR["none"], [snr_decibels(schedule) for schedule in self.schedules])
        alt = f"Signal-to-noise ratio in decibels over all timesteps, from noise at timestep {self.T}, left, to the image at timestep 0"
        return Chart("Signal-to-noise ratio", alt, self._timestep, DECIBELS, self._places, ratios, cursor=True)

    @property
    def _timestep(self):
        """The axis of timesteps: time runs from noise, left, to the image, right."""
        return Axis("timestep t", self.T, 0, {str(t): t for t in (self.T, self.T // 2, 0)})

    @property
    def _places(self):
        return sorted({*range(0, self.T, max(1, self.T // POINTS)), 1, self.T})

    def _over_timesteps(self, label, colour, tables):
        return [
            Series(
                label, colour, [value if math.isfinite(value) else None for value in table[self._places].tolist()], dash
            )
            for table, dash in zip(tables, DASHES, strict=False)
        ]


def _log_power(x):
    _, power = spectrum(x)
    return power.clamp(min=FAINTEST).log10().tolist()


def in_words(decibels):
    """Write decibels as a person would, infinity included."""
    if math.isinf(decibels):
        return "+∞ dB" if decibels > 0 else "−∞ dB"
    return f"{decibels:+.1f} dB".replace("-", "−")
