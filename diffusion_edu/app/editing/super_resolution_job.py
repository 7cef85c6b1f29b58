"""A small image that is sampled or given, and made larger by a network, once or twice, beside what needs no network."""

import time
from dataclasses import dataclass
from functools import reduce

from torch import Tensor

from diffusion_edu.analysis.measures import gradient_energy, psnr
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.request import Request, counted
from diffusion_edu.app.components.zoom.widget import Pane
from diffusion_edu.app.editing.edit_job import named
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.editing.super_resolution import FACTOR, cascade, enlarge, enlarged, held, shrunk
from diffusion_edu.generation import Preset, generate

REAL = "gradient_energy_real"  # among the scores of a card
UNKNOWN = (
    "What is usual in real images, `python -m diffusion_edu.evaluation.super_resolution` writes into the card of the network."
)


def steps_between(energy):
    """Read a gradient energy (a float) as how much neighbouring pixels differ, root mean square, in units of 255."""
    return 127.5 * (energy / 2) ** 0.5


@dataclass(frozen=True)
class Finished:
    """What came of it: the small image uint8 (1, 3, h, w), the large ones uint8 (n, 3, H, W), and the seconds of computing by width."""

    small: Tensor
    large: Tensor
    seconds: dict


@dataclass(frozen=True, eq=False)
class Enlarging:
    """An image that is there, or what is to be sampled first; and what makes it larger, how often twice as large, with which seeds.

    card is that of the network, None if there is none: then only the others are shown. how: share and hold, as enlarge takes them.
    """

    begun: Subject | Request
    card: Card | None
    preset: Preset
    doublings: int
    seeds: tuple[int, ...]
    how: dict

    key = "studio enlarge"

    @property
    def id(self):
        """The same for the same choices."""
        begun = self.begun.settings if self._sampled else self.begun.image
        return named(begun, self.card and self.card.sha256, self.preset, self.doublings, self.seeds, self.how)

    @property
    def _sampled(self):
        return isinstance(self.begun, Request)

    @property
    def needs(self):
        """The names of the models that are asked: the one that draws, the one that enlarges."""
        return [*([self.begun.card.name] if self._sampled else []), *([self.card.name] if self.card else [])]

    @property
    def lengths(self):
        """How many States each walk has."""
        first = self.begun.preset.steps + 1 if self._sampled else 1
        return [first, *([self.preset.steps + 1] * self.doublings if self.card else [])]

    def states(self, *models):
        """Walk to the small image, then to one twice as large, and so on; yields (State, seconds of computing so far, by width)."""
        small = (
            generate(models[0], self.begun.preset, self.begun.seeds, self.begun.labels)
            if self._sampled
            else self._given()
        )
        doublings = self.doublings if self.card else 0
        return timed(reduce(cascade, [lambda x: self._larger(models[-1], x)] * doublings, small))

    def _given(self):
        x = to_signed(self.begun.image)[None]
        return iter([State(0, x, x)])

    def _larger(self, model, small):
        return enlarge(model, self.preset, small.expand(len(self.seeds), -1, -1, -1), self.seeds, **self.how)

    def finished(self, kept):
        """Make what is shown of the last (State, seconds) of every walk."""
        (first, _), (last, seconds) = kept[0], kept[-1]
        return Finished(to_bytes(first.x.cpu()), to_bytes(last.x.cpu()), seconds)

    def panes(self, done):
        """Every way to make it larger: the pixels repeated, bicubic, and one by the network for each seed."""
        times = FACTOR**self.doublings
        nearest = done.small.repeat_interleave(times, 2).repeat_interleave(times, 3)
        smooth = to_bytes(reduce(lambda x, _: enlarged(x), range(self.doublings), to_signed(done.small)))
        others = [("nearest", nearest, "x0", "pixels repeated"), ("bicubic", smooth, "none", "bicubic")]
        if self.card:
            others += [
                (f"seed{seed}", image[None], "x", f"network, seed {seed}")
                for seed, image in zip(self.seeds, done.large, strict=True)
            ]
        return [
            Pane(name, image[0], COLOUR[class_name], words, self._says(image, done.small))
            for name, image, class_name, words in others
        ]

    def _says(self, image, small):
        again = reduce(lambda x, _: shrunk(x), range(self.doublings), to_signed(image))
        near = psnr(again, to_signed(small)).item()
        return f"steps of {steps_between(gradient_energy(to_signed(image)).item()):.1f}, shrunk again {near:.0f} dB"

    def words(self, done):
        """Say what the numbers mean, what is usual, and what it cost."""
        real = self.card and self.card.scores.get(REAL)
        usual = UNKNOWN
        if real:
            low, middle, high = (steps_between(energy) for energy in real)
            size = self.card.size
            usual = f"In real images of {size} × {size} it is mostly {low:.0f} to {high:.0f}, in the middle **{middle:.0f}**."
        return (
            f"Steps: how much neighbouring pixels differ, the root of half the gradient energy, of 255. {usual} Shrunk again: how near the large "
            f"image comes to the small one (PSNR); above 30 dB nobody sees a difference. {self._cost(done)}"
        )

    def _cost(self, done):
        parts, (height, width) = [], done.small.shape[2:]
        for doubling, seconds in enumerate(done.seconds.values()):
            if doubling == 0 and not self._sampled:
                continue
            preset, guiding = (self.preset, True) if doubling else (self.begun.preset, self.begun.labels is not None)
            asked = preset.nfe(guiding)
            parts.append(
                f"{width * FACTOR**doubling} × {height * FACTOR**doubling} in {counted(asked, 'evaluation')} and {seconds:.1f} s"
            )
        return f"Computed: {', '.join(parts)}." if parts else ""

    @property
    def functions(self):
        """What did it."""
        return [enlarge, held, cascade, enlarged, gradient_energy]

    @property
    def code(self):
        """The lines of Python that make the same images."""
        if self._sampled:
            request, more = self.begun, ""
            small = f'generate(load("{request.card.name}"), {request.preset}, seeds={request.seeds}, condition={request.labels})'
        else:
            more = (
                f"{self.begun.code}x = to_signed(image)[None]                               # (1, 3, h, w) in [-1, 1]\n"
            )
            small = "iter([State(0, x, x)])                           # a walk of one moment: the image is there"
        larger = (
            "def larger(small):\n    x = enlarged(small)  # no network: bicubic\n    return iter([State(0, x, x)])\n\n"
        )
        if self.card:
            larger = (
                f'model, preset, seeds = load("{self.card.name}"), {self.preset}, {list(self.seeds)}\n\n'
                "def larger(small):\n"
                f"    return enlarge(model, preset, small.expand(len(seeds), -1, -1, -1), seeds, **{self.how})\n\n"
            )
        return (
            "from diffusion_edu.editing.super_resolution import cascade, enlarge, enlarged\n"
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.core import State\n"
            "from diffusion_edu.data.images import to_bytes, to_signed\n"
            "from diffusion_edu.generation import Preset, generate\n"
            "from diffusion_edu.analysis.measures import gradient_energy\n\n"
            f"{larger}{more}states = {small}\n"
            f"for doubling in range({self.doublings}):\n"
            "    states = cascade(states, larger)\n"
            "for state in states:\n"
            "    print(tuple(state.x.shape), state.t)\n"
            "images = to_bytes(state.x.cpu())                      # uint8 (seeds, 3, height, width)\n"
            "print(gradient_energy(to_signed(images)))\n"
        )


def timed(states):
    """Yield every State with a dict of the seconds that States of each width took to compute so far."""
    seconds = {}
    while True:
        begun = time.perf_counter()
        state = next(states, None)
        if state is None:
            return
        width = state.x.shape[-1]
        seconds = {**seconds, width: seconds.get(width, 0.0) + time.perf_counter() - begun}
        yield state, seconds
