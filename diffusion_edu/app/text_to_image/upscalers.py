"""Who makes a sampled image two and four times as large, how much work that is, and how long it takes here."""

import time
from dataclasses import dataclass

import torch

from diffusion_edu.app.common import models
from diffusion_edu.app.jobs import timing as pace
from diffusion_edu.app.jobs.worker import WORKER
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import State
from diffusion_edu.editing.upscaling import Upscaler, upscale
from diffusion_edu.generation import Preset

PATCH = 32  # pixels in height and width of what is enlarged to see how long it takes


@dataclass(frozen=True)
class Drawer:
    """Our model, by its card, and how it draws."""

    card: Card
    preset: Preset

    @property
    def words(self):
        """Who it is."""
        return f"{self.card.title}, {self.preset.steps} steps"

    def states(self, small, seed, factor):
        """Draw an image (1, 3, h, w) in [-1, 1] so many times as large: the States of one walk or two."""
        return upscale(models.get(self.card.name), self.preset, small, [seed], factor)

    def total(self, factor):
        """How many States there are."""
        return (factor // 2) * (self.preset.steps + 1)

    def units(self, size, factor):
        """How much work it is, in images of its own size."""
        asked = self.preset.nfe(guiding=True)
        return asked * sum((size * times / self.card.size) ** 2 for times in (2, 4) if times <= factor)

    def pace(self):
        """The seconds that a unit of work takes."""
        return pace.PACE.get(self.card.name) or pace.measure(models.get(self.card.name), 0.3)

    def learn(self, size, factor, seconds):
        """Remember how long it took."""
        pace.PACE[self.card.name] = seconds / self.units(size, factor)

    def code(self, factor, number, seed):
        """The lines of Python that make the same image."""
        return (
            "\nfrom diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.data.images import to_bytes, to_signed\n"
            "from diffusion_edu.editing.upscaling import upscale\n\n"
            f'model, preset = load("{self.card.name}"), {self.preset}\n'
            f"*_, last = upscale(model, preset, to_signed(images[[{number}]]), seeds=[{seed}], factor={factor})\n"
            "large = to_bytes(last.x.cpu())   # uint8 (1, 3, height, width)\n"
        )


@dataclass(frozen=True)
class Stranger:
    """A network that a person brought, and where its file lies, in the words of Python."""

    net: Upscaler
    path: str

    @property
    def words(self):
        """Who it is."""
        return f"{self.net.name}, brought by you"

    def states(self, small, seed, factor):
        """Enlarge an image (1, 3, h, w) in [-1, 1] at once: one State."""
        x = self.net(small, factor)
        yield State(0, x, x)

    def total(self, factor):
        """How many States there are."""
        return 1

    def units(self, size, factor):
        """How much work it is, in patches."""
        sides = [size]
        while sides[-1] * self.net.factor < size * factor:
            sides.append(sides[-1] * self.net.factor)
        return sum((side / PATCH) ** 2 for side in sides)

    def pace(self):
        """The seconds that a unit of work takes."""
        if self.path not in pace.PACE:
            pace.PACE[self.path] = WORKER.submit(self._measure).result()
        return pace.PACE[self.path]

    def _measure(self):
        for _ in range(2):  # the first time is never the true time
            begun = time.perf_counter()
            self.net(torch.zeros(1, 3, PATCH, PATCH))
        return time.perf_counter() - begun

    def learn(self, size, factor, seconds):
        """Remember how long it took."""
        pace.PACE[self.path] = seconds / self.units(size, factor)

    def code(self, factor, number, seed):
        """The lines of Python that make the same image."""
        return (
            "\nfrom diffusion_edu.data.images import to_bytes, to_signed\n"
            "from diffusion_edu.editing.upscaling import upscaler\n\n"
            f"large = upscaler({self.path!r})(to_signed(images[[{number}]]), factor={factor})\n"
            "large = to_bytes(large.cpu())    # uint8 (1, 3, height, width)\n"
        )
