"""One prediction at every timestep as an animation: the predicted clean image, and its errors as x0, eps and v."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.analysis.measures import snr_decibels
from diffusion_edu.app.common.numbers import format_decibels, format_error
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, SYMBOL, Animation, Track, sprite
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.figures.charts import Axis, Chart, Series, timestep_axis
from diffusion_edu.samplers import predicted_noise
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced

UNIFORM, LOG_SNR = 24, 12  # steps of the animation: evenly spaced ones, and more near pure noise and near the image
OPENING = 0.7  # of T: the network predicts shapes here, but no details

ERROR = Axis("mean squared error", -5, 1, {"10": 1, "0.1": -1, "10⁻³": -3, "10⁻⁵": -5}, base=10)
FRACTION = Axis("fraction", 0, 1, {"0%": 0, "50%": 0.5, "100%": 1})
CURVES = (("x0", COLOUR["x0_hat"], DASHES[0]), ("eps", COLOUR["eps"], DASHES[1]), ("v", COLOUR["none"], DASHES[2]))


def timesteps_of(schedule):
    """Choose the timesteps of the animation, from T down to 0."""
    return sorted({*spaced(schedule, UNIFORM), *spaced(schedule, LOG_SNR, "log-SNR")}, reverse=True)


@torch.no_grad()
def prediction_at_each(denoise, schedule, x0, eps, timesteps):
    """Add noise to a clean image x0 (1, ...) up to each timestep, always with the same eps, and yield the State with
    x0_hat.

    At timestep 0 there is no noise to remove: x0_hat is the image.
    """
    for t in timesteps:
        x = schedule.corrupt(x0, t, eps)
        yield State(t, x, denoise(x, t) if t else x)


@dataclass(frozen=True, eq=False)
class Predictions:
    """A clean image x0 (1, 3, h, w) with its class name, the noise eps, the schedule, and one State per timestep, noise
    first.
    """

    class_name: str
    schedule: Schedule
    x0: Tensor
    eps: Tensor
    states: list[State]

    @cached_property
    def eps_hat(self):
        """The predicted noise (1, 3, h, w) per state; zero at timestep 0, where it is undefined."""
        return [
            predicted_noise(self.schedule, s.x, s.x0_hat, s.t) if s.t else torch.zeros_like(s.x) for s in self.states
        ]

    @cached_property
    def errors(self):
        """The mean squared errors of every prediction as x0, eps and v, one dict per state.

        Eps and v are None at timestep 0.
        """
        return [self._errors(state, eps_hat) for state, eps_hat in zip(self.states, self.eps_hat, strict=True)]

    def _errors(self, state, eps_hat):
        if state.t == 0:
            return {"x0": 0.0, "eps": None, "v": None}
        _, theta = self.schedule.angle(state.t, self.x0)
        v, v_hat = (
            TARGETS["v"].of(x0, eps, theta.cos(), theta.sin())
            for x0, eps in ((self.x0, self.eps), (state.x0_hat, eps_hat))
        )
        pairs = {"x0": (state.x0_hat, self.x0), "eps": (eps_hat, self.eps), "v": (v_hat, v)}
        return {name: (hat - true).double().square().mean().item() for name, (hat, true) in pairs.items()}

    @cached_property
    def animation(self):
        """The data of the player, as a dict: x_t, x0_hat, its error, eps_hat, and the errors over all timesteps."""
        timesteps = [state.t for state in self.states]
        captions = [self._caption(t, error) for t, error in zip(timesteps, self.errors, strict=True)]
        height, width = self.x0.shape[2:]
        start = min(range(len(timesteps)), key=lambda k: abs(timesteps[k] - OPENING * self.schedule.T))
        animation = Animation(
            "", width, height, [self.class_name], timesteps, captions, self._tracks(), start, charts=self._charts()
        )
        contents = asdict(animation)
        return {**contents, "id": hashlib.sha256(repr(contents).encode()).hexdigest()}

    def _caption(self, t, error):
        """Write which of the two errors is larger at timestep t, and by which factor."""
        if t == 0:
            return f"timestep 0 of {self.schedule.T}: the clean image, nothing to predict"
        x0, eps = error["x0"], error["eps"]
        (less, small), (more, large) = sorted([("x\u0302\u2080", x0), ("ε\u0302", eps)], key=lambda pair: pair[1])
        times = f" ({format_error(large / small)} times as large)" if small > 0 else ""
        both = f"{format_error(small)} in {less}, {format_error(large)} in {more}{times}"
        errors = f"{both}, {format_error(error['v'])} in v\u0302, their sum"
        return f"timestep {t} of {self.schedule.T}: the error of the same prediction is {errors}"

    def _tracks(self):
        decibels = snr_decibels(self.schedule)
        rates = [(s.t, *(float(rate) for rate in self.schedule.rates(s.t, s.x))) for s in self.states]
        x_says = [
            f"signal\u00a0{signal:.3f}, noise\u00a0{noise:.3f}\nSNR {format_decibels(decibels[t].item())}"
            for t, signal, noise in rates
        ]
        x0_says = [f"error {format_error(error['x0'])}" for error in self.errors]
        eps_says = [
            "no noise here" if error["eps"] is None else f"error {format_error(error['eps'])}\nshown at a third"
            for error in self.errors
        ]
        x, x0_hat = [state.x for state in self.states], [state.x0_hat for state in self.states]
        wrong, noise = [hat - self.x0 for hat in x0_hat], [eps_hat / 3 for eps_hat in self.eps_hat]
        difference = ("x\u0302\u2080 − x", "0")
        return [
            _track("x", SYMBOL["x"], "noisy image", "The noisy image", x, x_says),
            _track("x0_hat", SYMBOL["x0_hat"], "prediction", "The prediction of the clean image", x0_hat, x0_says),
            _track("x0", SYMBOL["x0"], "clean image", "The clean image", [self.x0], [], len(x)),
            _track("none", difference, "error", "Prediction minus clean image", wrong, ["grey: none"] * len(x)),
            _track("eps", SYMBOL["eps_hat"], "predicted noise", "The predicted noise", noise, eps_says),
        ]

    def _charts(self):
        """Make the charts of the errors over all timesteps, and of the fractions of image and
        noise that are predicted.
        """
        T, at = self.schedule.T, [state.t for state in self.states]
        errors = [
            Series(f"error of {name}", colour, [_log10(error[name]) for error in self.errors], dash)
            for name, colour, dash in CURVES
        ]
        span = f"over all timesteps, from noise at timestep {T}, left, to the image at timestep 0"
        power = {"x0": self.x0.square().mean().item(), "eps": self.eps.square().mean().item()}
        words = {"x0": "of the image", "eps": "of the noise"}
        fractions = [
            Series(
                words[name],
                colour,
                [None if error[name] is None else max(0.0, 1 - error[name] / power[name]) for error in self.errors],
                dash,
            )
            for name, colour, dash in CURVES[:2]
        ]
        alts = f"Error of the same prediction in x0, eps and v {span}", f"Predicted fraction of image and noise {span}"
        return [
            Chart("One prediction, three errors", alts[0], timestep_axis(T), ERROR, at, errors, cursor=True),
            Chart("Predicted fraction", alts[1], timestep_axis(T), FRACTION, at, fractions, cursor=True),
        ]


def _track(name, symbol, words, alt, images, says, repeat=None):
    """Make a track of images (1, 3, h, w); with repeat, one image stands for so many states."""
    rows = [0] * repeat if repeat else None
    return Track(name, symbol, words, COLOUR[name], alt, sprite(to_bytes(image) for image in images), says, rows=rows)


def _log10(error):
    return float(np.log10(error)) if error else None
