"""Two walks that are sampled in turns, so that both can be watched from the same start."""

import time
from dataclasses import dataclass, field

from diffusion_edu.app.common.request import Request
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.checkpoints import Model
from diffusion_edu.core import State
from diffusion_edu.generation import generate


@dataclass
class Race:
    """Two walks, A and B: always the one at the higher timestep steps next, A first; the newest state and the seconds of each can be read at any time.

    Raises ValueError for choices that do not go together.
    """

    models: tuple[Model, Model]
    requests: tuple[Request, Request]
    latest: list[State | None] = field(default_factory=lambda: [None, None])
    seconds: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def __post_init__(self):
        a, b = (model.card for model in self.models)
        if (a.size, a.channels) != (b.size, b.channels):
            raise ValueError(
                f"A draws images of {a.size}x{a.size} and B of {b.size}x{b.size}: choose two models that draw the same size."
            )
        timesteps = [request.preset.timesteps() for request in self.requests]
        everyone = [(side, k) for side in range(2) for k in range(len(timesteps[side]))]
        self.turns = sorted(everyone, key=lambda turn: (-timesteps[turn[0]][turn[1]], turn))
        self._walks = [
            generate(model, request.preset, request.seeds, request.labels)
            for model, request in zip(self.models, self.requests, strict=True)
        ]

    def states(self):
        """Draw both, and yield (side, State) for the turns, side 0 or 1."""
        for side, _ in self.turns:
            begun = time.perf_counter()
            state = next(self._walks[side])
            self.latest[side] = State(state.t, state.x.cpu(), state.x0_hat.cpu())
            self.seconds[side] += time.perf_counter() - begun
            yield side, self.latest[side]

    def keeps(self, turn):
        """Whether a recording keeps the state of this turn."""
        side, k = self.turns[turn]
        return k in kept(self.requests[side].preset.steps)
