"""Many points on their way through the plane, recorded as they moved, and the animation of two such walks side by side."""

import base64
import hashlib
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.toy2d import wander

VIEW = 2.3  # the plane is shown from -VIEW to VIEW; one point of noise in twenty-five lies outside
REACH = 8.0  # coordinates are sent as whole numbers of 16 bits over -REACH..REACH
SIDE = 15  # arrows along each side of the field
CLASS_COLOURS = (
    COLOUR["x"],
    "#56B4E9",
    "#E69F00",
    "#0072B2",
    "#D55E00",
    "#8C8C00",
    "#8A5FBF",
    "#00A5A5",
)  # marks.js has as many shapes


def grid():
    """The places where the field's arrows start, row by row from the lower left, (SIDE^2, 2): the middles of SIDE by SIDE equal squares."""
    middles = VIEW * ((2 * torch.arange(SIDE) + 1) / SIDE - 1)
    return torch.cartesian_prod(middles, middles).flip(1)


@dataclass(frozen=True, eq=False)
class Swarm:
    """A walk of n points: its timesteps, x and x0_hat (states, n, 2), the predictions on the grid (states, SIDE^2, 2), and its seconds of computing."""

    timesteps: list[int]
    x: Tensor
    x0_hat: Tensor
    field: Tensor
    seconds: float

    @property
    def panel(self):
        """What the plane shows of it, as a dict."""
        return {"x": packed(self.x), "x0_hat": packed(self.x0_hat), "field": packed(self.field)}


@torch.no_grad()
def record(denoise, preset, seeds):
    """Let one point per seed walk; yields after every timestep and returns the Swarm. A timestep without noise has no field: its predictions are its places."""
    keep, places, states, fields = kept(preset.steps), grid(), [], []
    begun, seconds = time.perf_counter(), 0.0
    for index, state in enumerate(wander(denoise, preset, seeds)):
        seconds += time.perf_counter() - begun
        if index in keep:
            states.append(state)
            fields.append(denoise(places, state.t) if state.t else places)
        yield
        begun = time.perf_counter()
    x, x0_hat = (torch.stack(parts) for parts in zip(*((state.x, state.x0_hat) for state in states), strict=True))
    return Swarm([state.t for state in states], x, x0_hat, torch.stack(fields), seconds)


def packed(x):
    """Write coordinates (..., 2) as base64 of little-endian whole numbers of 16 bits."""
    whole = (x.double().clamp(-REACH, REACH) * (32767 / REACH)).round()
    return base64.b64encode(whole.numpy().astype("<i2").tobytes()).decode()


def unpacked(text):
    """Read what packed wrote, float64 (n, 2)."""
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), "<i2").astype(np.float64)).view(-1, 2) * (
        REACH / 32767
    )


def nearest_class(x, points):
    """Tell for each x (n, 2) the class of the nearest of the points, int64 (n,)."""
    if points.labels is None:
        return torch.zeros(len(x), dtype=torch.int64)
    return points.labels[torch.cdist(x, points.x).argmin(dim=1)]


def animation_of(points, preset, panels, label=None, **more):
    """Put everything that the plane needs into a dict; panels are dicts with a name, a title and a Swarm or None, more is what else it shows.

    A point has the class that was asked for, or that of the data where it ends.
    """
    schedule, shown = preset.noise_schedule(), [{**panel, **_shown(panel["swarm"], points, label)} for panel in panels]
    for panel in shown:
        del panel["swarm"]
    timesteps = next(panel["swarm"].timesteps for panel in panels if panel["swarm"])
    rates = [(schedule.signal[t].item(), schedule.noise[t].item()) for t in timesteps]
    animation = {
        "timesteps": timesteps,
        "says": [_says(t, preset.T, *both) for t, both in zip(timesteps, rates, strict=True)],
        "rates": rates,
        "view": VIEW,
        "reach": REACH,
        "side": SIDE,
        "classes": list(points.classes),
        "colours": [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in range(max(1, len(points.classes)))],
        "prediction": COLOUR["x0_hat"],
        "data": {
            "x": packed(points.x),
            "labels": [0] * len(points) if points.labels is None else points.labels.tolist(),
        },
        "panels": shown,
        **more,
    }
    return {"id": hashlib.sha256(repr(animation).encode()).hexdigest(), **animation}


def _says(t, T, signal, noise):
    return (
        f"timestep {t} of {T} · signal {signal:.3f} · noise {noise:.3f}"
        if t
        else "timestep 0 · no noise left, no arrows"
    )


def _shown(swarm, points, label):
    if swarm is None:
        return {}
    ends = nearest_class(swarm.x[-1], points) if label is None else torch.full((swarm.x.shape[1],), label)
    return {**swarm.panel, "labels": ends.tolist()}
