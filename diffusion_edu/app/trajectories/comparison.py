"""Two walks side by side: which settings differ, how far the images differ, and the animation that shows it."""

from dataclasses import asdict, dataclass
from functools import cached_property
from uuid import uuid4

import torch

from diffusion_edu.analysis.measures import distance, principal_plane
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Animation, Track, sprite
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.charts import Chart, Series, round_axis, timestep_axis

NAMES = {
    "x": "images",
    "x0_hat": "predictions",
}  # what can be compared: the noisy images x_t, or the predictions x0_hat
GAINS = (16, 8, 4, 2, 1)  # factors by which the map of differences may be brightened
SIDES = "AB"


def settings(request):
    """List the settings of a request as {name: value}."""
    p = request.preset
    return {
        "model": request.card.title,
        "sampler": p.sampler,
        "steps": p.steps,
        **p.options,
        "guidance scale": "none" if request.labels is None else f"{p.guidance_scale:g}",
        "schedule": p.schedule,
        "spacing": p.spacing,
        "zero terminal SNR": "yes" if p.zero_snr else "no",
        "seed": request.seed,
    }


def differences(a, b):
    """List the settings in which two requests differ as (name, value of a, value of b).

    Options of one sampler only are left out.
    """
    ours, theirs = settings(a), settings(b)
    return [(name, ours[name], theirs[name]) for name in ours if name in theirs and ours[name] != theirs[name]]


def align(timesteps_a, timesteps_b):
    """Align two walks: for every timestep that either visits, (t, index into A, index into B) of the last state each
    has reached.
    """
    visited = sorted({*timesteps_a, *timesteps_b}, reverse=True)
    return [
        (t, *(sum(timestep >= t for timestep in timesteps) - 1 for timesteps in (timesteps_a, timesteps_b)))
        for t in visited
    ]


def difference_map(a, b, gain=1):
    """Map the mean absolute difference of two batches of images (b, 3, h, w): uint8 (b, 3, h, w), black where equal,
    times gain.
    """
    apart = (a - b).abs().mean(1, keepdim=True).expand_as(a) / 2  # 1: black compared with white
    return (255 * gain * apart).round().clamp(0, 255).to(torch.uint8)


def best_gain(a, b):
    """Choose the gain of the difference map: the largest that leaves all but the top 1% of the pixels below white."""
    largest = difference_map(a, b).flatten().float().quantile(0.99).item()
    return next((gain for gain in GAINS if gain * largest <= 255), 1)


@dataclass(frozen=True)
class Comparison:
    """Two finished walks: their requests, the kept States of each, noise first, and the seconds of
    computing of each.
    """

    requests: tuple[Request, Request]
    states: tuple[list[State], list[State]]
    seconds: tuple[float, float]

    @cached_property
    def id(self):
        """A unique name."""
        return uuid4().hex

    @property
    def costs(self):
        """The cost of each side, as (steps, NFE, seconds)."""
        presets = [(request.preset, request.labels is not None) for request in self.requests]
        return [
            (preset.steps, preset.nfe(guiding), seconds)
            for (preset, guiding), seconds in zip(presets, self.seconds, strict=True)
        ]

    @cached_property
    def aligned(self):
        """The states of the animation: (t, index into A, index into B)."""
        return align(*([state.t for state in chain] for chain in self.states))

    def pairs(self, name):
        """Yield what both sides show at every state of the animation; name is "x" or "x0_hat"."""
        a, b = ([getattr(state, name) for state in chain] for chain in self.states)
        for _, i, j in self.aligned:
            yield a[i], b[j]

    @cached_property
    def distances(self):
        """The root mean square difference of A and B at every state of the animation, as {"x":
        [...], "x0_hat": [...]}.
        """
        return {name: [distance(a, b) for a, b in self.pairs(name)] for name in NAMES}

    def paths(self, name):
        """Project both walks onto their main plane: positions (n, 2) of each side, and the fractions of the variance
        (2,).

        Lengths in the plane are root mean squares over pixels, like the distances.
        """
        chains = [torch.stack([getattr(state, name).flatten() for state in chain]) for chain in self.states]
        points = torch.cat(chains)
        positions, fractions = principal_plane(points / points.shape[1] ** 0.5)
        return positions.split([len(chain) for chain in chains]), fractions

    @cached_property
    def _animations(self):
        return {}

    def animation(self, name):
        """The data of the player, as a dict: A, B and their difference, its size at every timestep, and both paths."""
        if name not in self._animations:
            self._animations[name] = self._animation(name)
        return self._animations[name]

    def _animation(self, name):
        T, chains = self.requests[0].preset.T, self.states
        timesteps = [t for t, _, _ in self.aligned]
        captions = [
            f"timestep {t} of {T} · A at {chains[0][i].t}, B at {chains[1][j].t} · {apart:.3f} apart"
            for (t, i, j), apart in zip(self.aligned, self.distances[name], strict=True)
        ]
        height, width = chains[0][0].x.shape[2:]
        return asdict(
            Animation(
                f"{self.id} {name}",
                width,
                height,
                self.requests[0].class_names,
                timesteps,
                captions,
                [*(self._track(name, side) for side in range(2)), self._difference_track(name)],
                start=len(timesteps) - 1,
                charts=[self._distance_chart(T, timesteps), self._path_chart(name)],
            )
        )

    def _track(self, name, side):
        own = ", ".join(f"{setting} {values[side]}" for setting, *values in differences(*self.requests))
        letter = SIDES[side]
        return Track(
            letter,
            (letter, ""),
            own or "the same settings",
            COLOUR[name],
            f"{NAMES[name].capitalize()} of {letter}",
            sprite(to_bytes(getattr(state, name)) for state in self.states[side]),
            dash=DASHES[side],
            rows=[aligned[1 + side] for aligned in self.aligned],
        )

    def _difference_track(self, name):
        gain = best_gain(*(chain[-1].x for chain in self.states))  # the same at every timestep, for x and x0_hat
        return Track(
            "difference",
            ("|A − B|", ""),
            f"× {gain}; black: equal",
            COLOUR["none"],
            f"Difference between the {NAMES[name]} of A and B",
            sprite(difference_map(a, b, gain) for a, b in self.pairs(name)),
        )

    def _distance_chart(self, T, timesteps):
        series = [
            Series(NAMES[name], COLOUR[name], self.distances[name], dash)
            for name, dash in zip(NAMES, ("", DASHES[2]), strict=True)
        ]
        y = round_axis("RMS", sum(self.distances.values(), []), low=0)
        alt = f"Difference of A and B over all timesteps, from noise at timestep {T}, left, to the image at timestep 0"
        return Chart("Difference of A and B", alt, timestep_axis(T), y, timesteps, series, cursor=True)

    def _path_chart(self, name):
        (a, b), fractions = self.paths(name)
        both = torch.cat([a, b])
        axes = [round_axis(f"direction {k + 1} ({fractions[k]:.0%})", both[:, k].tolist()) for k in range(2)]
        series = [
            Series(
                letter,
                COLOUR[name],
                path[:, 1].tolist(),
                dash,
                path[:, 0].tolist(),
                [aligned[1 + side] for aligned in self.aligned],
            )
            for side, (letter, path, dash) in enumerate(zip(SIDES, (a, b), DASHES, strict=False))
        ]
        alt = f"The {NAMES[name]} of A and B as two paths in their plane of largest variance, from a ring to a square"
        return Chart(f"Path of the {NAMES[name]}, from ○ to ■", alt, *axes, [], series)
