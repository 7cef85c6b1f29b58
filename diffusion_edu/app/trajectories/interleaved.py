"""Two walks that are sampled in turns, so that a person can watch both from the same start."""

import time
from dataclasses import dataclass, field

from diffusion_edu.app.common.request import Request
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.checkpoints import Model
from diffusion_edu.core import State
from diffusion_edu.generation import generate


@dataclass
class InterleavedWalks:
    """Two walks, A and B: the one at the higher timestep makes the next step, A first.

    latest and seconds hold the newest State and the computing time of each, and can be read at any time. Raises
    ValueError for choices that do not go together.
    """

    models: tuple[Model, Model]
    requests: tuple[Request, Request]
    latest: list[State | None] = field(default_factory=lambda: [None, None])
    seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def __post_init__(self):
        a, b = (model.card for model in self.models)
        if (a.size, a.channels) != (b.size, b.channels):
            raise ValueError(
                f"A makes images of {a.size}x{a.size} and B of {b.size}x{b.size}: "
                "choose two models of the same image size."
            )
        timesteps = [request.preset.timesteps() for request in self.requests]
        turns = [(side, k) for side in range(2) for k in range(len(timesteps[side]))]
        self.turns = sorted(turns, key=lambda turn: (-timesteps[turn[0]][turn[1]], turn))
        self._walks = [
            generate(model, request.preset, request.seeds, request.labels)
            for model, request in zip(self.models, self.requests, strict=True)
        ]

    def states(self):
        """Sample both walks, and yield (side, State) in turns; side is 0 or 1."""
        for side, _ in self.turns:
            start = time.perf_counter()
            state = next(self._walks[side])
            self.latest[side] = State(state.t, state.x.cpu(), state.x0_hat.cpu())
            self.seconds[side] += time.perf_counter() - start
            yield side, self.latest[side]

    def keeps(self, turn):
        """Return whether a recording keeps the State of this turn."""
        side, k = self.turns[turn]
        return k in kept(self.requests[side].preset.steps)
