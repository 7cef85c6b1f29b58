"""The forward process as an animation: one image, one noise, and several noise schedules side by side."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property

import torch
from torch import Tensor

from diffusion_edu.analysis.measures import snr_decibels
from diffusion_edu.app.adding_noise import charts
from diffusion_edu.app.common.numbers import format_decibels
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, SYMBOL, Animation, Track, sprite
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced

STEPS = 40  # between the states of the animation
NOISES = 100  # averaged: their mean has a tenth of the standard deviation, the signal is unchanged
OPENING = 0.3  # of T: coarse shapes are still visible, fine detail is not


@dataclass(frozen=True, eq=False)
class ForwardProcess:
    """One image uint8 (3, h, w) with its class name, the noise schedules, all with the same T, and the seed of their
    noise.
    """

    image: Tensor
    class_name: str
    schedules: list[Schedule]
    seed: int
    averaged: bool = False  # show the mean over NOISES noises instead of one

    @property
    def T(self):
        """The number of timesteps, the same in all schedules."""
        return self.schedules[0].T

    @property
    def timesteps(self):
        """The timesteps of the animation, from T down to 0."""
        return spaced(self.schedules[0], min(STEPS, self.T))

    @property
    def terminal_snr_notes(self):
        """One sentence for every schedule with non-zero terminal SNR."""
        return [schedule.terminal_snr_note for schedule in self.schedules if schedule.terminal_snr_note]

    @cached_property
    def noisy_images(self):
        """The noisy image x_t at every timestep of the animation, (states, 3, h, w) per schedule."""
        return self._corrupted(SeededNoise([self.seed]).sample(self.image.shape))

    @property
    def shown(self):
        """The images of the animation: the noisy images, or their mean over many noises.

        The mean of the noisy images is the noisy image of the mean noise, because the forward process is linear in the
        noise.
        """
        if not self.averaged:
            return self.noisy_images
        noises = SeededNoise(range(self.seed, self.seed + NOISES)).sample(self.image.shape)
        return self._corrupted(noises.mean(0, keepdim=True))

    def _corrupted(self, eps):
        x0 = to_signed(self.image)[None]
        return [torch.cat([schedule.corrupt(x0, t, eps) for t in self.timesteps]) for schedule in self.schedules]

    @property
    def animation(self):
        """The data of the player, as a dict.

        It opens at T if a schedule has non-zero terminal SNR, else where coarse shapes are still visible.
        """
        tracks = [self._track(*parts) for parts in zip(self.schedules, self.shown, DASHES, strict=False)]
        start = 0 if self.terminal_snr_notes else round((1 - OPENING) * (len(self.timesteps) - 1))
        height, width = self.image.shape[1:]
        return asdict(
            Animation(
                self._id,
                width,
                height,
                [self.class_name],
                self.timesteps,
                [f"timestep {t} of {self.T}" for t in self.timesteps],
                tracks,
                start,
                way=-1,
                charts=[
                    charts.value_chart(self.noisy_images),
                    charts.spectrum_chart(self.noisy_images, to_signed(self.image)[None]),
                    charts.rate_chart(self.schedules),
                    charts.snr_chart(self.schedules),
                ],
            )
        )

    @property
    def _id(self):
        names = [schedule.name for schedule in self.schedules]
        settings = f"{names} {self.T} {self.seed} {self.class_name} {self.averaged}"
        return hashlib.sha256(settings.encode() + self.image.numpy().tobytes()).hexdigest()

    def _track(self, schedule, x, dash):
        decibels = snr_decibels(schedule)
        says = [
            f"signal\u00a0{schedule.signal[t]:.3f}, noise\u00a0{schedule.noise[t]:.3f}\n"
            f"SNR {format_decibels(decibels[t].item())}"
            for t in self.timesteps
        ]
        words = f"{schedule.name}, mean of {NOISES}" if self.averaged else schedule.name
        alt = f"Image on the {schedule.name} schedule"
        images = sprite(to_bytes(state[None]) for state in x)
        return Track(schedule.name, SYMBOL["x"], words, COLOUR["x"], alt, images, says, dash)
