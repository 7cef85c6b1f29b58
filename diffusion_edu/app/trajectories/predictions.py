"""One prediction at every timestep as an animation: what somebody makes of a noisy image, and how wrong that is in x0, eps and v."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.analysis.measures import snr_decibels
from diffusion_edu.app.adding_noise.animation import in_words
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Animation, Axis, Chart, Series, Track, png_url
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.figures.grids import grid
from diffusion_edu.samplers import predicted_noise
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced

EVEN, AT_THE_ENDS = (
    24,
    12,
)  # steps between the states of the animation: evenly spread ones, and more where nearly all is noise or nearly all is image
TELLING = 0.7  # of the way up to T: shapes are guessed, detail is not

ERROR = Axis("mean squared error", -5, 1, {"10": 1, "0.1": -1, "10⁻³": -3, "10⁻⁵": -5})  # log10
FRACTION = Axis("fraction", 0, 1, {"0%": 0, "50%": 0.5, "100%": 1})
CURVES = (("x0", COLOUR["x0_hat"], DASHES[0]), ("eps", COLOUR["eps"], DASHES[1]), ("v", COLOUR["none"], DASHES[2]))


def timesteps_of(schedule):
    """Choose the timesteps of the animation, from T down to 0."""
    return sorted({*spaced(schedule, EVEN), *spaced(schedule, AT_THE_ENDS, "log-SNR")}, reverse=True)


@torch.no_grad()
def prediction_at_each(denoise, schedule, x0, eps, timesteps):
    """Noise a clean image x0 (1, ...) to one timestep after the other, always with the same eps, and yield what is guessed there.

    Timestep 0 is its own prediction: there is no noise to take away.
    """
    for t in timesteps:
        x = schedule.corrupt(x0, t, eps)
        yield State(t, x, denoise(x, t) if t else x)


@dataclass(frozen=True, eq=False)
class Predictions:
    """A clean image x0 (1, 3, h, w), the noise eps in it, the schedule that mixed them, and what was guessed at each timestep, noise first."""

    class_name: str
    schedule: Schedule
    x0: Tensor
    eps: Tensor
    states: list[State]

    @cached_property
    def noises(self):
        """The noise that each prediction leaves over, (1, 3, h, w) per state; zero at timestep 0, where nobody can tell."""
        return [
            predicted_noise(self.schedule, s.x, s.x0_hat, s.t) if s.t else torch.zeros_like(s.x) for s in self.states
        ]

    @cached_property
    def errors(self):
        """The mean squared error of every prediction, said as x0, as eps and as v, per state; eps and v are None at timestep 0."""
        return [self._errors(state, eps_hat) for state, eps_hat in zip(self.states, self.noises, strict=True)]

    def _errors(self, state, eps_hat):
        if state.t == 0:
            return {"x0": 0.0, "eps": None, "v": None}
        _, theta = self.schedule.angle(state.t, self.x0)
        v, v_hat = (
            TARGETS["v"].of(x0, eps, theta.cos(), theta.sin())
            for x0, eps in ((self.x0, self.eps), (state.x0_hat, eps_hat))
        )
        pairs = {"x0": (state.x0_hat, self.x0), "eps": (eps_hat, self.eps), "v": (v_hat, v)}
        return {
            name: (prediction - truth).double().square().mean().item() for name, (prediction, truth) in pairs.items()
        }

    @cached_property
    def animation(self):
        """What the player shows, as a dict: x, the prediction, the noise in it and what is wrong with it, and the errors over all timesteps."""
        timesteps = [state.t for state in self.states]
        says = [self._sentence(t, error) for t, error in zip(timesteps, self.errors, strict=True)]
        height, width = self.x0.shape[2:]
        start = min(range(len(timesteps)), key=lambda k: abs(timesteps[k] - TELLING * self.schedule.T))
        animation = Animation(
            "", width, height, [self.class_name], timesteps, says, self._tracks(), start, charts=self._charts()
        )
        contents = asdict(animation)
        return {**contents, "id": hashlib.sha256(repr(contents).encode()).hexdigest()}

    def _sentence(self, t, error):
        """Say which of the two errors is larger at timestep t, and by how much."""
        if t == 0:
            return f"timestep 0 of {self.schedule.T}: the clean image, nothing to prediction"
        x0, eps = error["x0"], error["eps"]
        (less, small), (more, large) = sorted([("x\u0302\u2080", x0), ("ε\u0302", eps)], key=lambda pair: pair[1])
        times = f" ({rounded(large / small)} times as much)" if small > 0 else ""
        off = f"{rounded(small)} in {less}, {rounded(large)} in {more}{times}, {rounded(error['v'])} in v\u0302, their sum"
        return f"timestep {t} of {self.schedule.T}: the same prediction is off by {off}"

    def _tracks(self):
        decibels = snr_decibels(self.schedule)
        rates = [(s.t, *(float(rate) for rate in self.schedule.rates(s.t, s.x))) for s in self.states]
        x_says = [
            f"signal\u00a0{signal:.3f}, noise\u00a0{noise:.3f}\nSNR {in_words(decibels[t].item())}"
            for t, signal, noise in rates
        ]
        x0_says = [f"error {rounded(error['x0'])}" for error in self.errors]
        eps_says = [
            "no noise here" if error["eps"] is None else f"error {rounded(error['eps'])}\nshown at a third"
            for error in self.errors
        ]
        x, x0_hat = [state.x for state in self.states], [state.x0_hat for state in self.states]
        wrong, truth, noises = (
            [prediction - self.x0 for prediction in x0_hat],
            [self.x0],
            [eps_hat / 3 for eps_hat in self.noises],
        )
        shown = (
            ("x", ("x", "t"), "given", "The noisy image", x, x_says),
            ("x0_hat", ("x\u0302", "0"), "prediction", "The prediction of the clean image", x0_hat, x0_says),
            ("x0", ("x", "0"), "truth", "The true image", truth, []),
            (
                "none",
                ("x\u0302\u2080 − x", "0"),
                "error",
                "The prediction less the true image",
                wrong,
                ["grey: none"] * len(x),
            ),
            ("eps", ("ε\u0302", ""), "guessed noise", "The prediction of the noise", noises, eps_says),
        )
        return [
            Track(
                name,
                symbol,
                words,
                COLOUR[name],
                alt,
                _sprite(images),
                says,
                rows=[0] * len(x) if len(images) == 1 else None,
            )
            for name, symbol, words, alt, images, says in shown
        ]

    def _charts(self):
        """Draw the errors over all timesteps, and what fraction of image and noise the prediction got right."""
        T = self.schedule.T
        at, timestep = [state.t for state in self.states], Axis("timestep t", T, 0, {str(t): t for t in (T, T // 2, 0)})
        errors = [
            Series(f"error of {name}", colour, [_log(error[name]) for error in self.errors], dash)
            for name, colour, dash in CURVES
        ]
        alt = f"Error of the same prediction in x0, eps and v over all timesteps, from noise at timestep {T}, left, to the image at timestep 0"
        there = {"x0": self.x0.square().mean().item(), "eps": self.eps.square().mean().item()}
        words = {"x0": "of the image", "eps": "of the noise"}
        fractions = [
            Series(
                words[name],
                colour,
                [None if e[name] is None else max(0.0, 1 - e[name] / there[name]) for e in self.errors],
                dash,
            )
            for name, colour, dash in CURVES[:2]
        ]
        fraction_alt = f"Share of the image and of the noise that the prediction got right over all timesteps, from noise at timestep {T}, left, to timestep 0"
        return [
            Chart("One prediction, three errors", alt, timestep, ERROR, at, errors, cursor=True),
            Chart("How much it got right", fraction_alt, timestep, FRACTION, at, fractions, cursor=True),
        ]


def _sprite(images):
    return png_url(np.concatenate([grid(to_bytes(image)) for image in images]))


def _log(error):
    return float(np.log10(error)) if error else None


def rounded(number):
    """Write a number that is 0 or more with two figures that count, and no exponent."""
    return np.format_float_positional(float(f"{number:.2g}"), trim="-")
