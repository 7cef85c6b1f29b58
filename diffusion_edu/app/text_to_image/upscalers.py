"""Two upscalers of generated images: our super-resolution model, or a network from a weight file; and their cost."""

import time
from dataclasses import dataclass

import torch

from diffusion_edu.app.common import models
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.worker import WORKER
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import State
from diffusion_edu.editing.upscaling import Upscaler, upscale
from diffusion_edu.generation import Preset

PATCH = 32  # height and width, in pixels, of the image that is upscaled to measure the speed


@dataclass(frozen=True)
class DiffusionUpscaler:
    """Our super-resolution model, by its card, and its preset."""

    card: Card
    preset: Preset

    @property
    def words(self):
        """Its name on the page."""
        return f"{self.card.title}, {self.preset.steps} steps"

    def states(self, small, seed, factor):
        """Upscale an image (1, 3, h, w) in [-1, 1] by a factor: the States of one walk, or of two."""
        return upscale(models.get(self.card.name), self.preset, small, [seed], factor)

    def total(self, factor):
        """The number of States."""
        return (factor // 2) * (self.preset.steps + 1)

    def work(self, size, factor):
        """The amount of work, in forward passes of one image of the model's own size."""
        areas = [(size * times / self.card.size) ** 2 for times in (2, 4) if times <= factor]
        return self.preset.nfe(guiding=True) * sum(areas)

    def seconds_per_unit(self):
        """The seconds of one unit of work."""
        return timing.SECONDS.get(self.card.name) or timing.measure(models.get(self.card.name), 0.3)

    def learn(self, size, factor, seconds):
        """Remember how long a run took."""
        timing.SECONDS[self.card.name] = seconds / self.work(size, factor)

    def code(self, factor, number, seed):
        """Python code that upscales the same image."""
        values = {"factor": factor, "number": number, "seed": seed}
        return snippet(__file__, "diffusion_upscaling", model=self.card.name, preset=self.preset, **values)


@dataclass(frozen=True)
class WeightFileUpscaler:
    """A network from a weight file of the person, and the path of the file as the code shows it."""

    net: Upscaler
    path: str

    @property
    def words(self):
        """Its name on the page."""
        return f"{self.net.name}, from your weight file"

    def states(self, small, seed, factor):
        """Upscale an image (1, 3, h, w) in [-1, 1] in one pass: one State."""
        x = self.net(small, factor)
        yield State(0, x, x)

    def total(self, factor):
        """The number of States."""
        return 1

    def work(self, size, factor):
        """The amount of work, in patches."""
        sides = [size]
        while sides[-1] * self.net.factor < size * factor:
            sides.append(sides[-1] * self.net.factor)
        return sum((side / PATCH) ** 2 for side in sides)

    def seconds_per_unit(self):
        """The seconds of one unit of work."""
        if self.path not in timing.SECONDS:
            timing.SECONDS[self.path] = WORKER.submit(self._measure).result()
        return timing.SECONDS[self.path]

    def _measure(self):
        for _ in range(2):  # the first run is slower
            begun = time.perf_counter()
            self.net(torch.zeros(1, 3, PATCH, PATCH))
        return time.perf_counter() - begun

    def learn(self, size, factor, seconds):
        """Remember how long a run took."""
        timing.SECONDS[self.path] = seconds / self.work(size, factor)

    def code(self, factor, number, seed):
        """Python code that upscales the same image."""
        return snippet(__file__, "weight_file_upscaling", path=repr(self.path), number=number, factor=factor)
