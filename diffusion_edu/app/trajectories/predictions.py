"""One guess at every level as a film: what somebody makes of a noisy picture, and how wrong that is in x0, eps and v."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.analysis.measures import snr_decibels
from diffusion_edu.app.adding_noise.animation import in_words
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Axis, Chart, Film, Screen, Series, png_url
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
)  # moves between the states of the film: evenly spread ones, and more where nearly all is noise or nearly all is picture
TELLING = 0.7  # of the way up to T: shapes are guessed, detail is not

ERROR = Axis("mean squared error", -5, 1, {"10": 1, "0.1": -1, "10⁻³": -3, "10⁻⁵": -5})  # log10
SHARE = Axis("share", 0, 1, {"0%": 0, "50%": 0.5, "100%": 1})
CURVES = (("x0", COLOUR["x0_hat"], DASHES[0]), ("eps", COLOUR["eps"], DASHES[1]), ("v", COLOUR["none"], DASHES[2]))


def levels_of(schedule):
    """Choose the levels of the film, from T down to 0."""
    return sorted({*spaced(schedule, EVEN), *spaced(schedule, AT_THE_ENDS, "log-SNR")}, reverse=True)


@torch.no_grad()
def guess_at_each(denoise, schedule, x0, eps, levels):
    """Noise a clean picture x0 (1, ...) to one level after the other, always with the same eps, and yield what is guessed there.

    Level 0 is its own guess: there is no noise to take away.
    """
    for t in levels:
        x = schedule.corrupt(x0, t, eps)
        yield State(t, x, denoise(x, t) if t else x)


@dataclass(frozen=True, eq=False)
class Guesses:
    """A clean picture x0 (1, 3, h, w), the noise eps in it, the schedule that mixed them, and what was guessed at each level, noise first."""

    kind: str
    schedule: Schedule
    x0: Tensor
    eps: Tensor
    states: list[State]

    @cached_property
    def noises(self):
        """The noise that each guess leaves over, (1, 3, h, w) per state; zero at level 0, where nobody can tell."""
        return [
            predicted_noise(self.schedule, s.x, s.x0_hat, s.t) if s.t else torch.zeros_like(s.x) for s in self.states
        ]

    @cached_property
    def errors(self):
        """The mean squared error of every guess, said as x0, as eps and as v, per state; eps and v are None at level 0."""
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
        return {name: (guess - truth).double().square().mean().item() for name, (guess, truth) in pairs.items()}

    @cached_property
    def film(self):
        """What the player shows, as a dict: x, the guess, the noise in it and what is wrong with it, and the errors over all levels."""
        levels = [state.t for state in self.states]
        says = [self._sentence(t, error) for t, error in zip(levels, self.errors, strict=True)]
        height, width = self.x0.shape[2:]
        start = min(range(len(levels)), key=lambda k: abs(levels[k] - TELLING * self.schedule.T))
        film = Film("", width, height, [self.kind], levels, says, self._screens(), start, charts=self._charts())
        contents = asdict(film)
        return {**contents, "id": hashlib.sha256(repr(contents).encode()).hexdigest()}

    def _sentence(self, t, error):
        """Say which of the two errors is larger at level t, and by how much."""
        if t == 0:
            return f"level 0 of {self.schedule.T}: the clean picture, nothing to guess"
        x0, eps = error["x0"], error["eps"]
        (less, small), (more, large) = sorted([("x\u0302\u2080", x0), ("ε\u0302", eps)], key=lambda pair: pair[1])
        times = f" ({rounded(large / small)} times as much)" if small > 0 else ""
        off = f"{rounded(small)} in {less}, {rounded(large)} in {more}{times}, {rounded(error['v'])} in v\u0302, their sum"
        return f"level {t} of {self.schedule.T}: the same guess is off by {off}"

    def _screens(self):
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
            [guess - self.x0 for guess in x0_hat],
            [self.x0],
            [eps_hat / 3 for eps_hat in self.noises],
        )
        shown = (
            ("x", ("x", "t"), "given", "The noisy picture", x, x_says),
            ("x0_hat", ("x\u0302", "0"), "guess", "The guess of the clean picture", x0_hat, x0_says),
            ("x0", ("x", "0"), "truth", "The true picture", truth, []),
            (
                "none",
                ("x\u0302\u2080 − x", "0"),
                "error",
                "The guess less the true picture",
                wrong,
                ["grey: none"] * len(x),
            ),
            ("eps", ("ε\u0302", ""), "guessed noise", "The guess of the noise", noises, eps_says),
        )
        return [
            Screen(
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
        """Draw the errors over all levels, and what share of picture and noise the guess got right."""
        T = self.schedule.T
        at, level = [state.t for state in self.states], Axis("level t", T, 0, {str(t): t for t in (T, T // 2, 0)})
        errors = [
            Series(f"error of {name}", colour, [_log(error[name]) for error in self.errors], dash)
            for name, colour, dash in CURVES
        ]
        alt = f"Error of the same guess in x0, eps and v over all levels, from noise at level {T}, left, to the picture at level 0"
        there = {"x0": self.x0.square().mean().item(), "eps": self.eps.square().mean().item()}
        words = {"x0": "of the picture", "eps": "of the noise"}
        shares = [
            Series(
                words[name],
                colour,
                [None if e[name] is None else max(0.0, 1 - e[name] / there[name]) for e in self.errors],
                dash,
            )
            for name, colour, dash in CURVES[:2]
        ]
        share_alt = f"Share of the picture and of the noise that the guess got right over all levels, from noise at level {T}, left, to level 0"
        return [
            Chart("One guess, three errors", alt, level, ERROR, at, errors, cursor=True),
            Chart("How much it got right", share_alt, level, SHARE, at, shares, cursor=True),
        ]


def _sprite(images):
    return png_url(np.concatenate([grid(to_bytes(image)) for image in images]))


def _log(error):
    return float(np.log10(error)) if error else None


def rounded(number):
    """Write a number that is 0 or more with two figures that count, and no exponent."""
    return np.format_float_positional(float(f"{number:.2g}"), trim="-")
