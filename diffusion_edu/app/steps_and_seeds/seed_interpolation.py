"""What lies between two seeds? Rows of images from interpolated noise, spherical (slerp) and linear (lerp)."""

import math
from dataclasses import dataclass

import torch

from diffusion_edu.app.common.request import Request
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.steps_and_seeds.grid_job import count_items, describe, sample_cells
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.core import walk
from diffusion_edu.editing.interpolation import slerp
from diffusion_edu.generation import make_step
from diffusion_edu.randomness import SeededNoise

METHODS = {  # name of the row: the interpolation, and a sentence after the name
    "Spherical": (slerp, "interpolation (slerp) keeps the norm of noise all the way."),
    "Linear": (
        torch.lerp,
        "interpolation (lerp) gives noise whose norm is too small in the middle: the network was never "
        "trained on such noise.",
    ),
}


@dataclass(frozen=True)
class SeedInterpolation:
    """A request for the images of one row, all of one class; its seed gives the first noise, `other` the last."""

    request: Request
    other: int

    key = "interpolation"

    @property
    def fractions(self):
        """The position of each image of a row between both seeds, from 0 to 1."""
        return [k / (self.request.images - 1) for k in range(self.request.images)]

    @property
    def presets(self):
        """The preset of each row."""
        return dict.fromkeys(METHODS, self.request.preset)

    @property
    def total(self):
        """The number of items that `run` yields."""
        return count_items(self.presets.values())

    def noises(self, method):
        """The noises of one row, float32 (images, channels, size, size)."""
        card, (interpolate, _) = self.request.card, METHODS[method]
        shape = card.channels, card.size, card.size
        first, last = SeededNoise([self.request.seed, self.other]).sample(shape).split(1)
        return torch.cat([interpolate(first, last, fraction) for fraction in self.fractions])

    def norms(self, method):
        """The norm of each noise, relative to the square root of its number of values."""
        noises = self.noises(method).flatten(1)
        return (noises.norm(dim=1) / math.sqrt(noises.shape[1])).tolist()

    def run(self, model):
        """Sample one row after the other, and yield {method: Sampled} of the finished ones, after every step."""
        return sample_cells((method, self._walk(model, method)) for method in METHODS)

    def _walk(self, model, method):
        step = make_step(model, self.request.preset, None, self.request.labels)  # DDIM with eta 0 adds no noise
        return walk(step, model.compute.place(self.noises(method)), self.request.preset.timesteps())

    def progress(self, finished):
        """Write how many rows are finished."""
        return f"{len(finished)} of {len(METHODS)} rows sampled"

    @property
    def caption(self):
        """How to read the images and the numbers."""
        size = self.request.card.channels * self.request.card.size**2
        return (
            f"{describe(self.request)}, DDIM in {self.request.preset.steps} steps. "
            f"Norm: the norm of the noise, relative to √{size:,}, the norm of nearly all Gaussian noise of that size. "
            "The linear mean of two noises has only √½ = 0.71 of it: "
            "the image that the network sees in it is weaker too, and comes out flat."
        )

    def table(self, finished):
        """Lay out the finished rows as HTML."""
        rows = []
        for method, (_, note) in METHODS.items():
            sampled, norms = finished.get(method), self.norms(method)
            rows.append(Row(method, note, [self._cell(method, k, sampled, norm) for k, norm in enumerate(norms)]))
        between = [f"{fraction:.0%}" for fraction in self.fractions[1:-1]]
        return table([f"seed {self.request.seed}", *between, f"seed {self.other}"], rows)

    def _cell(self, method, k, sampled, norm):
        span = f"{self.fractions[k]:.0%} of the way from seed {self.request.seed} to {self.other}"
        alt = f"{self.request.class_names[k]}, {span}, {method.lower()} interpolation"
        return Cell(sampled and sampled.images[k : k + 1], alt, (f"norm {norm:.2f}",))

    @property
    def code(self):
        """The Python that samples the same images."""
        card = self.request.card
        return snippet(
            __file__,
            "seed_interpolation",
            model=card.name,
            preset=self.request.preset,
            first=self.request.seed,
            last=self.other,
            shape=(card.channels, card.size, card.size),
            intervals=self.request.images - 1,
            images=self.request.images,
            condition=self.request.labels or "None",
        )

    @property
    def functions(self):
        """The functions whose source the page shows."""
        return [slerp, make_step, walk]
