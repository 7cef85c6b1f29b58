"""The trajectories of many 2-D points through the reverse process, and their animation."""

import base64
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.components.point_cloud.widget import CLASS_COLOURS
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.toy2d import sample_points

VIEW = 2.3  # the panels show -VIEW to VIEW; one point in twenty-five of the noise lies outside
REACH = 8.0  # coordinates are sent as 16-bit integers over -REACH..REACH
SIDE = 15  # arrows along each side of the prediction field


def grid():
    """Return the start points of the field's arrows, (SIDE^2, 2): the centres of SIDE x SIDE squares, row by row
    from the lower left.
    """
    centres = VIEW * ((2 * torch.arange(SIDE) + 1) / SIDE - 1)
    return torch.cartesian_prod(centres, centres).flip(1)


@dataclass(frozen=True, eq=False)
class Trajectories:
    """The walk of n points.

    timesteps has one entry per state; x and x0_hat are (states, n, 2); field holds the predictions on the grid,
    (states, SIDE^2, 2); seconds is the time of computing.
    """

    timesteps: list[int]
    x: Tensor
    x0_hat: Tensor
    field: Tensor
    seconds: float

    @property
    def packed(self):
        """Its coordinates for the browser, as a dict."""
        return {"x": packed(self.x), "x0_hat": packed(self.x0_hat), "field": packed(self.field)}


@torch.no_grad()
def record(denoise, preset, seeds):
    """Record the walk of one point per seed: yields after every timestep and returns the Trajectories.

    Timestep 0 has no field: its predictions are the grid points themselves.
    """
    keep, points, states, fields = kept(preset.steps), grid(), [], []
    start, seconds = time.perf_counter(), 0.0
    for index, state in enumerate(sample_points(denoise, preset, seeds)):
        seconds += time.perf_counter() - start
        if index in keep:
            states.append(state)
            fields.append(denoise(points, state.t) if state.t else points)
        yield
        start = time.perf_counter()
    x, x0_hat = (torch.stack(parts) for parts in zip(*((state.x, state.x0_hat) for state in states), strict=True))
    return Trajectories([state.t for state in states], x, x0_hat, torch.stack(fields), seconds)


def packed(x):
    """Write coordinates (..., 2) as base64 of little-endian 16-bit integers."""
    whole = (x.double().clamp(-REACH, REACH) * (32767 / REACH)).round()
    return base64.b64encode(whole.numpy().astype("<i2").tobytes()).decode()


def unpacked(text):
    """Read coordinates that `packed` wrote, float64 (n, 2)."""
    whole = np.frombuffer(base64.b64decode(text), "<i2").astype(np.float64)
    return torch.from_numpy(whole).view(-1, 2) * (REACH / 32767)


def nearest_class(x, points):
    """Return for each x (n, 2) the class of the nearest of the points, int64 (n,)."""
    if points.labels is None:
        return torch.zeros(len(x), dtype=torch.int64)
    return points.labels[torch.cdist(x, points.x).argmin(dim=1)]


def animation_of(points, preset, panels, label=None, **more):
    """Build the animation of several panels, as a dict for the point cloud component.

    panels are dicts with a name, a title and trajectories (Trajectories or None); more is added as it is. A point
    has the class `label`, or without a label the class of the data where it ends.
    """
    schedule, shown = preset.noise_schedule(), [_panel(points, label, **panel) for panel in panels]
    timesteps = next(panel["trajectories"].timesteps for panel in panels if panel["trajectories"])
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
    return {"id": settings_id(animation), **animation}


def _says(t, T, signal, noise):
    if t == 0:
        return "timestep 0 · no noise left, no arrows"
    return f"timestep {t} of {T} · signal {signal:.3f} · noise {noise:.3f}"


def _panel(points, label, trajectories, **panel):
    if trajectories is None:
        return panel
    x = trajectories.x
    labels = nearest_class(x[-1], points) if label is None else torch.full((x.shape[1],), label)
    return {**panel, **trajectories.packed, "labels": labels.tolist()}
