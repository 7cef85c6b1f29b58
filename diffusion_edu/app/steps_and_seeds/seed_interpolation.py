"""What lies between two seeds? A row of images from noises that lead from one to the other, turned and mixed in a straight line."""

import math
from dataclasses import dataclass

import torch

from diffusion_edu.app.common.request import Request
from diffusion_edu.app.steps_and_seeds.grid_job import drawing, items, setting
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.core import walk
from diffusion_edu.editing.interpolation import slerp
from diffusion_edu.generation import make_step
from diffusion_edu.randomness import SeededNoise

WAYS = {
    "Turned": (slerp, "(slerp) stays as strong as noise is, all the way."),
    "Mixed": (
        torch.lerp,
        "in a straight line (lerp) is too weak in the middle: the network has never seen noise like that.",
    ),
}


@dataclass(frozen=True)
class Between:
    """A request for as many images as stand in a row, all of one kind; its seed is where they begin, `other` where they end."""

    request: Request
    other: int

    key = "interpolation"

    @property
    def fractions(self):
        """How far along each image of a row lies, from 0 to 1."""
        return [k / (self.request.images - 1) for k in range(self.request.images)]

    @property
    def presets(self):
        """What to draw each row by."""
        return dict.fromkeys(WAYS, self.request.preset)

    @property
    def total(self):
        """How many items draw yields."""
        return items(self.presets.values())

    def noises(self, way):
        """The noises of one row, float32 (images, channels, size, size)."""
        card, (mix, _) = self.request.card, WAYS[way]
        first, last = (
            SeededNoise([self.request.seed, self.other]).sample((card.channels, card.size, card.size)).split(1)
        )
        return torch.cat([mix(first, last, fraction) for fraction in self.fractions])

    def strengths(self, way):
        """How strong each noise is: its length, relative to the square root of how many numbers it has."""
        noises = self.noises(way).flatten(1)
        return (noises.norm(dim=1) / math.sqrt(noises.shape[1])).tolist()

    def draw(self, model):
        """Draw one row after the other; yields {way: Sampled} of those that are finished, after every step."""
        return drawing((way, self._walk(model, way)) for way in WAYS)

    def _walk(self, model, way):
        step = make_step(model, self.request.preset, None, self.request.labels)  # DDIM draws nothing at random
        return walk(step, model.compute.place(self.noises(way)), self.request.preset.timesteps())

    def says(self, finished):
        """Say what is being sampled."""
        return f"{len(finished)} of {len(WAYS)} rows sampled"

    @property
    def caption(self):
        """What to know about the images and the numbers."""
        size = self.request.card.channels * self.request.card.size**2
        return (
            f"{setting(self.request)}, DDIM in {self.request.preset.steps} steps. Strength: the length of the noise, relative to √{size:,}, "
            "which noise of so many numbers nearly always has. Half of one noise and half of another have only √½ = 0.71 of it: "
            "what the network takes for image is then weaker too, and comes out flat."
        )

    def table(self, finished):
        """Lay out what is finished, as HTML."""
        rows = []
        for way, (_, note) in WAYS.items():
            sampled, strengths = finished.get(way), self.strengths(way)
            cells = [self._cell(way, k, sampled, strength) for k, strength in enumerate(strengths)]
            rows.append(Row(way, note, cells))
        between = [f"{fraction:.0%}" for fraction in self.fractions[1:-1]]
        return table([f"seed {self.request.seed}", *between, f"seed {self.other}"], rows)

    def _cell(self, way, k, sampled, strength):
        alt = f"{self.request.class_names[k]}, {self.fractions[k]:.0%} of the way from seed {self.request.seed} to {self.other}, {way.lower()}"
        return Cell(sampled and sampled.images[k : k + 1], alt, (f"strength {strength:.2f}",))

    @property
    def code(self):
        """The lines of Python that draw the same images."""
        card, preset = self.request.card, self.request.preset
        return (
            "import torch\n\n"
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.core import walk\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.editing.interpolation import slerp\n"
            "from diffusion_edu.generation import Preset, make_step\n"
            "from diffusion_edu.randomness import SeededNoise\n\n"
            f'model = load("{card.name}")\n'
            f"preset = {preset}\n"
            f"first, last = SeededNoise([{self.request.seed}, {self.other}]).sample(({card.channels}, {card.size}, {card.size})).split(1)\n"
            "for mix in (slerp, torch.lerp):\n"
            f"    x = torch.cat([mix(first, last, k / {self.request.images - 1}) for k in range({self.request.images})])\n"
            "    print(x.flatten(1).norm(dim=1) / x[0].numel() ** 0.5)\n"
            f"    step = make_step(model, preset, None, condition={self.request.labels})  # DDIM draws nothing at random\n"
            "    *_, last_state = walk(step, model.compute.place(x), preset.timesteps())\n"
            "    images = to_bytes(last_state.x.cpu())\n"
        )

    @property
    def functions(self):
        """What did it."""
        return [slerp, make_step, walk]
