"""How few steps are enough? A table of samplers and numbers of steps, all from the same noise."""

from dataclasses import dataclass, replace

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.numbers import counted
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.common.sampler_controls import SAYS
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.steps_and_seeds.grid_job import count_items, describe, sample_cells
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.core import walk
from diffusion_edu.generation import generate
from diffusion_edu.samplers import SAMPLERS, nfe

REFERENCE = "DPM-Solver++", 100  # with so many steps, deterministic samplers agree to about one unit of 255


@dataclass(frozen=True)
class SamplerGrid:
    """A request, whose preset holds what all cells have in common, and the samplers and numbers of
    steps that differ.
    """

    request: Request
    samplers: tuple[str, ...]
    steps: tuple[int, ...]

    key = "sampler_grid"

    @property
    def presets(self):
        """The preset of each cell, as {(sampler, steps): Preset}: few steps first, the reference last."""
        cells = [(sampler, steps) for steps in self.steps for sampler in self.samplers]
        return {
            cell: replace(self.request.preset, sampler=cell[0], steps=cell[1], options={})
            for cell in [*cells, REFERENCE]
        }

    @property
    def total(self):
        """The number of items that `run` yields."""
        return count_items(self.presets.values())

    def run(self, model):
        """Sample one cell after the other, and yield {(sampler, steps): Sampled} of the finished ones, after every
        step.
        """
        request = self.request
        return sample_cells(
            (cell, generate(model, preset, request.seeds, request.labels)) for cell, preset in self.presets.items()
        )

    def progress(self, finished):
        """Write which cell is being sampled."""
        cells = list(self.presets)
        sampler, steps = cells[min(len(finished), len(cells) - 1)]
        return f"{len(finished)} of {len(cells)} sampled, now {sampler} in {counted(steps, 'step')}"

    @property
    def caption(self):
        """How to read the images and the numbers."""
        sampler, steps = REFERENCE
        return (
            f"{describe(self.request)}, seed {self.request.seed}. NFE: network evaluations. "
            "Error: the root mean square difference from the reference, in units of 255. "
            f"The reference is {sampler} in {steps} steps from the same noise, "
            "where all samplers without new noise come to agree. Those with new noise give another image with "
            "every number of steps: compare them by eye."
        )

    def table(self, finished):
        """Lay out the finished cells as HTML."""
        reference = finished.get(REFERENCE)
        rows = []
        for k, sampler in enumerate(self.samplers):
            cells = [self._cell((sampler, steps), finished.get((sampler, steps)), reference) for steps in self.steps]
            rows.append(Row(sampler, SAYS[sampler], cells + ([self._reference(reference)] if k == 0 else [])))
        return table([*(counted(steps, "step") for steps in self.steps), "reference"], rows)

    def _cell(self, cell, sampled, reference):
        sampler, steps = cell
        says = [f"NFE {nfe(*cell)}"]
        if sampled:
            says[0] += _seconds(sampled)
            error = reference and distance(sampled.images.float(), reference.images.float())
            says.append(f"error {error:.0f}" if reference else "")
        alt = f"{self.request.class_names_in_words}, sampled by {sampler} in {counted(steps, 'step')}"
        return Cell(sampled and sampled.images, alt, tuple(says))

    def _reference(self, sampled):
        sampler, steps = REFERENCE
        says = (f"{sampler},", f"{steps} steps" + (_seconds(sampled) if sampled else ""))
        alt = f"{self.request.class_names_in_words}, the reference: {sampler} in {steps} steps"
        return Cell(sampled and sampled.images, alt, says)

    @property
    def code(self):
        """The Python that samples the same images."""
        return snippet(
            __file__,
            "sampler_grid",
            model=self.request.card.name,
            preset=replace(self.request.preset, options={}),
            seeds=self.request.seeds,
            condition=self.request.labels or "None",
            reference=REFERENCE,
            samplers=list(self.samplers),
            all_steps=list(self.steps),
        )

    @property
    def functions(self):
        """The functions whose source the page shows."""
        samplers = dict.fromkeys([*self.samplers, REFERENCE[0]])
        return [*(SAMPLERS[sampler] for sampler in samplers), walk, generate, distance]


def _seconds(sampled):
    return f", {sampled.seconds:.1f} s" if sampled.seconds else ""
