"""How few moves are enough? The same noise, moved to a picture by several samplers in few and in many moves."""

from dataclasses import dataclass, replace

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.request import Wish
from diffusion_edu.app.common.sampler_controls import SAYS
from diffusion_edu.app.steps_and_seeds.grid_job import drawing, items, setting
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.core import walk
from diffusion_edu.generation import generate
from diffusion_edu.samplers import SAMPLERS, evaluations

REFERENCE = "DPM-Solver++", 100  # from here on, samplers that draw nothing at random agree to about one unit of 255


@dataclass(frozen=True)
class Contest:
    """A wish, whose preset holds what all cells have in common, and the samplers and numbers of moves that differ."""

    wish: Wish
    samplers: tuple[str, ...]
    moves: tuple[int, ...]

    key = "contest"

    @property
    def presets(self):
        """What to draw each cell by, as {(sampler, moves): Preset}: few moves first, the reference last."""
        cells = [(sampler, moves) for moves in self.moves for sampler in self.samplers]
        return {
            cell: replace(self.wish.preset, sampler=cell[0], moves=cell[1], options={}) for cell in [*cells, REFERENCE]
        }

    @property
    def total(self):
        """How many items draw yields."""
        return items(self.presets.values())

    def draw(self, model):
        """Draw one cell after the other; yields {(sampler, moves): Drawn} of those that are finished, after every move."""
        return drawing(
            (cell, generate(model, preset, self.wish.seeds, self.wish.labels)) for cell, preset in self.presets.items()
        )

    def says(self, finished):
        """Say what is being drawn."""
        cells = list(self.presets)
        sampler, moves = cells[min(len(finished), len(cells) - 1)]
        return f"{len(finished)} of {len(cells)} drawn, now {sampler} in {moves} move{'s' * (moves > 1)}"

    @property
    def caption(self):
        """What to know about the pictures and the numbers."""
        sampler, moves = REFERENCE
        return (
            f"{setting(self.wish)}, seed {self.wish.seed}. Off by: the root of the mean squared difference to the reference, in units of 255. "
            f"The reference is {sampler} in {moves} moves from the same noise, where all samplers without fresh noise come to agree. "
            "Those with fresh noise draw another picture with every number of moves: judge them by eye."
        )

    def table(self, finished):
        """Lay out what is finished, as HTML."""
        reference = finished.get(REFERENCE)
        rows = []
        for k, sampler in enumerate(self.samplers):
            cells = [self._cell((sampler, moves), finished.get((sampler, moves)), reference) for moves in self.moves]
            rows.append(Row(sampler, SAYS[sampler], cells + ([self._reference(reference)] if k == 0 else [])))
        columns = [f"{moves} move{'s' * (moves > 1)}" for moves in self.moves]
        return table([*columns, "reference"], rows)

    def _cell(self, cell, drawn, reference):
        asked = evaluations(*cell)
        says = [f"{asked} guess{'es' * (asked > 1)}"]
        if drawn:
            says[0] += _taken(drawn)
            says.append(f"off by {distance(drawn.images.float(), reference.images.float()):.0f}" if reference else "")
        return Cell(
            drawn and drawn.images, f"{self.wish.kinds_in_words}, drawn by {cell[0]} in {cell[1]} moves", tuple(says)
        )

    def _reference(self, drawn):
        sampler, moves = REFERENCE
        says = (f"{sampler},", f"{moves} moves" + (_taken(drawn) if drawn else ""))
        return Cell(
            drawn and drawn.images, f"{self.wish.kinds_in_words}, the reference: {sampler} in {moves} moves", says
        )

    @property
    def code(self):
        """The lines of Python that draw the same pictures."""
        return (
            "from dataclasses import replace\n\n"
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.generation import Preset, generate\n"
            "from diffusion_edu.analysis.measures import distance\n\n"
            f'model = load("{self.wish.card.name}")\n'
            f"common = {replace(self.wish.preset, options={})}\n\n"
            "def draw(sampler, moves):\n"
            "    preset = replace(common, sampler=sampler, moves=moves)\n"
            f"    *_, last = generate(model, preset, seeds={self.wish.seeds}, labels={self.wish.labels})\n"
            "    return to_bytes(last.x.cpu())     # uint8 (pictures, 3, height, width)\n\n"
            f"reference = draw{REFERENCE}\n"
            f"for sampler in {list(self.samplers)}:\n"
            f"    for moves in {list(self.moves)}:\n"
            "        pictures = draw(sampler, moves)\n"
            "        print(sampler, moves, distance(pictures.float(), reference.float()))\n"
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


def _taken(drawn):
    return f", {drawn.seconds:.1f} s" if drawn.seconds else ""
