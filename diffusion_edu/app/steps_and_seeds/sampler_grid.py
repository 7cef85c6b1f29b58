"""How few steps are enough? The same noise, moved to an image by several samplers in few and in many steps."""

from dataclasses import dataclass, replace

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.common.sampler_controls import SAYS
from diffusion_edu.app.steps_and_seeds.grid_job import drawing, items, setting
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.core import walk
from diffusion_edu.generation import generate
from diffusion_edu.samplers import SAMPLERS, nfe

REFERENCE = "DPM-Solver++", 100  # from here on, samplers that draw nothing at random agree to about one unit of 255


@dataclass(frozen=True)
class Contest:
    """A request, whose preset holds what all cells have in common, and the samplers and numbers of steps that differ."""

    request: Request
    samplers: tuple[str, ...]
    steps: tuple[int, ...]

    key = "sampler_grid"

    @property
    def presets(self):
        """What to draw each cell by, as {(sampler, steps): Preset}: few steps first, the reference last."""
        cells = [(sampler, steps) for steps in self.steps for sampler in self.samplers]
        return {
            cell: replace(self.request.preset, sampler=cell[0], steps=cell[1], options={})
            for cell in [*cells, REFERENCE]
        }

    @property
    def total(self):
        """How many items draw yields."""
        return items(self.presets.values())

    def draw(self, model):
        """Draw one cell after the other; yields {(sampler, steps): Sampled} of those that are finished, after every step."""
        return drawing(
            (cell, generate(model, preset, self.request.seeds, self.request.labels))
            for cell, preset in self.presets.items()
        )

    def says(self, finished):
        """Say what is being sampled."""
        cells = list(self.presets)
        sampler, steps = cells[min(len(finished), len(cells) - 1)]
        return f"{len(finished)} of {len(cells)} sampled, now {sampler} in {steps} move{'s' * (steps > 1)}"

    @property
    def caption(self):
        """What to know about the images and the numbers."""
        sampler, steps = REFERENCE
        return (
            f"{setting(self.request)}, seed {self.request.seed}. Off by: the root of the mean squared difference to the reference, in units of 255. "
            f"The reference is {sampler} in {steps} steps from the same noise, where all samplers without fresh noise come to agree. "
            "Those with fresh noise draw another image with every number of steps: judge them by eye."
        )

    def table(self, finished):
        """Lay out what is finished, as HTML."""
        reference = finished.get(REFERENCE)
        rows = []
        for k, sampler in enumerate(self.samplers):
            cells = [self._cell((sampler, steps), finished.get((sampler, steps)), reference) for steps in self.steps]
            rows.append(Row(sampler, SAYS[sampler], cells + ([self._reference(reference)] if k == 0 else [])))
        columns = [f"{steps} move{'s' * (steps > 1)}" for steps in self.steps]
        return table([*columns, "reference"], rows)

    def _cell(self, cell, sampled, reference):
        asked = nfe(*cell)
        says = [f"{asked} prediction{'es' * (asked > 1)}"]
        if sampled:
            says[0] += _taken(sampled)
            says.append(f"off by {distance(sampled.images.float(), reference.images.float()):.0f}" if reference else "")
        return Cell(
            sampled and sampled.images,
            f"{self.request.class_names_in_words}, sampled by {cell[0]} in {cell[1]} steps",
            tuple(says),
        )

    def _reference(self, sampled):
        sampler, steps = REFERENCE
        says = (f"{sampler},", f"{steps} steps" + (_taken(sampled) if sampled else ""))
        return Cell(
            sampled and sampled.images,
            f"{self.request.class_names_in_words}, the reference: {sampler} in {steps} steps",
            says,
        )

    @property
    def code(self):
        """The lines of Python that draw the same images."""
        return (
            "from dataclasses import replace\n\n"
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.generation import Preset, generate\n"
            "from diffusion_edu.analysis.measures import distance\n\n"
            f'model = load("{self.request.card.name}")\n'
            f"common = {replace(self.request.preset, options={})}\n\n"
            "def draw(sampler, steps):\n"
            "    preset = replace(common, sampler=sampler, steps=steps)\n"
            f"    *_, last = generate(model, preset, seeds={self.request.seeds}, condition={self.request.labels})\n"
            "    return to_bytes(last.x.cpu())     # uint8 (images, 3, height, width)\n\n"
            f"reference = draw{REFERENCE}\n"
            f"for sampler in {list(self.samplers)}:\n"
            f"    for steps in {list(self.steps)}:\n"
            "        images = draw(sampler, steps)\n"
            "        print(sampler, steps, distance(images.float(), reference.float()))\n"
        )

    @property
    def functions(self):
        """What did it."""
        return [
            *(SAMPLERS[sampler] for sampler in dict.fromkeys([*self.samplers, REFERENCE[0]])),
            walk,
            generate,
            distance,
        ]


def _taken(sampled):
    return f", {sampled.seconds:.1f} s" if sampled.seconds else ""
