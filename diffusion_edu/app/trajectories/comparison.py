"""Two walks side by side: what they were asked to do differently, how far they part, and the animation that shows it."""

from dataclasses import asdict, dataclass
from functools import cached_property
from uuid import uuid4

import numpy as np
import torch

from diffusion_edu.analysis.measures import distance, main_plane
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.trajectories.animation import (
    COLOUR,
    DASHES,
    Animation,
    Axis,
    Chart,
    Series,
    Track,
    png_url,
    round_axis,
)
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid

LOOKS = {"x": ("x", "t"), "x0_hat": ("x\u0302", "0")}  # what can be compared: the images under way, or the predictions
NAMES = {"x": "images", "x0_hat": "predictions"}
GAINS = (16, 8, 4, 2, 1)  # how many times brighter than it is a difference may be sampled
SIDES = "AB"


def settings(request):
    """List what a person chose, in words: {name of the setting: value}."""
    p = request.preset
    return {
        "model": request.card.title, "sampler": p.sampler, "steps": p.steps, **p.options, "guidance": "none" if request.labels is None else f"{p.guidance_scale:g}",
        "schedule": p.schedule, "spacing": p.spacing, "no signal left at T": "yes" if p.zero_snr else "no", "seed": request.seed,
    }  # fmt: skip


def differences(a, b):
    """List the settings in which two requests differ, as (name, value of a, value of b); what only one sampler has is part of that sampler."""
    ours, theirs = settings(a), settings(b)
    return [(name, ours[name], theirs[name]) for name in ours if name in theirs and ours[name] != theirs[name]]


def side_by_side(timesteps_a, timesteps_b):
    """Line two walks up: for every timestep that either visits, the last state that each has reached by then, as (t, index, index)."""
    visited = sorted({*timesteps_a, *timesteps_b}, reverse=True)
    return [
        (t, *(sum(timestep >= t for timestep in timesteps) - 1 for timesteps in (timesteps_a, timesteps_b)))
        for t in visited
    ]


def gap(a, b, gain=1):
    """Draw how far two batches of images (b, 3, h, w) are apart at every pixel, uint8 (b, 3, h, w): black where equal, gain times too bright."""
    apart = (a - b).abs().mean(1, keepdim=True).expand_as(a) / 2  # 1: black against white
    return (255 * gain * apart).round().clamp(0, 255).to(torch.uint8)


def best_gain(a, b):
    """Choose how much brighter the difference is sampled: as much as leaves all but the largest hundredth below white."""
    largest = gap(a, b).flatten().float().quantile(0.99).item()
    return next((gain for gain in GAINS if gain * largest <= 255), 1)


@dataclass(frozen=True)
class Comparison:
    """What two walks did: the two requests, the States that were kept of each, noise first, and the seconds that each took to compute."""

    requests: tuple[Request, Request]
    states: tuple[list[State], list[State]]
    seconds: tuple[float, float]

    @cached_property
    def id(self):
        """A name that no other comparison has."""
        return uuid4().hex

    @property
    def costs(self):
        """What each side took, as (steps, evaluations of the network, seconds)."""
        presets = [(request.preset, request.labels is not None) for request in self.requests]
        return [
            (preset.steps, preset.nfe(guiding), spent)
            for (preset, guiding), spent in zip(presets, self.seconds, strict=True)
        ]

    @cached_property
    def moments(self):
        """The states of the animation: (t, index into A, index into B)."""
        return side_by_side(*([state.t for state in chain] for chain in self.states))

    def pairs(self, look):
        """Yield what both sides show at every state of the animation; look is "x" or "x0_hat"."""
        a, b = ([getattr(state, look) for state in chain] for chain in self.states)
        for _, i, j in self.moments:
            yield a[i], b[j]

    @cached_property
    def distances(self):
        """How far A and B are apart at every state of the animation, as {look: [a root mean square, ...]}."""
        return {look: [distance(a, b) for a, b in self.pairs(look)] for look in LOOKS}

    def paths(self, look):
        """Lay both walks into their common plane: their places (n, 2), one tensor per side, and the fractions of the variance that it shows, (2,).

        Lengths in the plane are root mean squares over pixels, like the distances.
        """
        chains = [torch.stack([getattr(state, look).flatten() for state in chain]) for chain in self.states]
        points = torch.cat(chains)
        places, fractions = main_plane(points / points.shape[1] ** 0.5)
        return places.split([len(chain) for chain in chains]), fractions

    @cached_property
    def _animations(self):
        return {}

    def animation(self, look):
        """What the player shows, as a dict: A, B and the difference, how far they are apart at every timestep, and their paths."""
        if look not in self._animations:
            self._animations[look] = self._animation(look)
        return self._animations[look]

    def _animation(self, look):
        T, chains = self.requests[0].preset.T, self.states
        timesteps = [t for t, _, _ in self.moments]
        says = [
            f"timestep {t} of {T} · A at {chains[0][i].t}, B at {chains[1][j].t} · {apart:.3f} apart"
            for (t, i, j), apart in zip(self.moments, self.distances[look], strict=True)
        ]
        tracks = [*(self._screen(look, side) for side in range(2)), self._difference(look)]
        height, width = chains[0][0].x.shape[2:]
        charts = [self._apart(T, timesteps), self._plane(look)]
        return asdict(
            Animation(
                f"{self.id} {look}",
                width,
                height,
                self.requests[0].class_names,
                timesteps,
                says,
                tracks,
                start=len(timesteps) - 1,
                charts=charts,
            )
        )

    def _screen(self, look, side):
        unlike = [f"{name} {values[side]}" for name, *values in differences(*self.requests)]
        sprite = _sprite([to_bytes(getattr(state, look)) for state in self.states[side]])
        rows = [moment[1 + side] for moment in self.moments]
        letter, words = SIDES[side], ", ".join(unlike) or "the same settings"
        return Track(
            letter,
            (letter, ""),
            words,
            COLOUR[look],
            f"{NAMES[look].capitalize()} of {letter}",
            sprite,
            dash=DASHES[side],
            rows=rows,
        )

    def _difference(self, look):
        gain = best_gain(*(chain[-1].x for chain in self.states))  # the same at every timestep, and for both looks
        sprite = _sprite([gap(a, b, gain) for a, b in self.pairs(look)])
        words = f"× {gain}; black: equal"
        return Track(
            "difference",
            ("|A − B|", ""),
            words,
            COLOUR["none"],
            f"Difference between the {NAMES[look]} of A and B",
            sprite,
        )

    def _apart(self, T, timesteps):
        series = [
            Series(NAMES[look], COLOUR[look], self.distances[look], dash)
            for look, dash in zip(LOOKS, ("", DASHES[2]), strict=True)
        ]
        timestep = Axis("timestep t", T, 0, {str(t): t for t in (T, T // 2, 0)})
        far = round_axis("RMS", sum(self.distances.values(), []), low=0)
        alt = f"How far A and B are apart over all timesteps, from noise at timestep {T}, left, to the image at timestep 0"
        return Chart("How far A and B are apart", alt, timestep, far, timesteps, series, cursor=True)

    def _plane(self, look):
        (a, b), fractions = self.paths(look)
        axes = [
            round_axis(f"direction {k + 1} ({fractions[k]:.0%})", torch.cat([a, b])[:, k].tolist()) for k in range(2)
        ]
        series = [
            Series(
                letter,
                COLOUR[look],
                path[:, 1].tolist(),
                dash,
                path[:, 0].tolist(),
                [moment[1 + side] for moment in self.moments],
            )
            for side, (letter, path, dash) in enumerate(zip(SIDES, (a, b), DASHES, strict=False))
        ]
        alt = f"The {NAMES[look]} of A and of B as two paths in the plane in which they spread the most, from a ring to a square"
        return Chart(f"Path of the {NAMES[look]}, from ○ to ■", alt, *axes, [], series)


def _sprite(rows):
    return png_url(np.concatenate([grid(images, columns=len(images)) for images in rows]))
