"""The work of super-resolution: generate or take a small image, make it larger once or twice, and compare with other
methods.
"""

import time
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

from torch import Tensor

from diffusion_edu.analysis.measures import gradient_energy, psnr
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.numbers import counted
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.zoom.widget import Pane
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.editing.super_resolution import (
    FACTOR,
    back_projected,
    bicubic_downsample,
    bicubic_upsample,
    cascade,
    enlarge,
)
from diffusion_edu.generation import Preset, generate

REAL = "gradient_energy_real"  # among the scores of a card
COMMAND = "python -m diffusion_edu.evaluation.super_resolution"
UNKNOWN = f"`{COMMAND}` writes the usual values of real images into the card of the network."


def pixel_difference(energy):
    """Convert a gradient energy (a float) to the root mean square difference of neighbouring pixels, in units of
    255.
    """
    return 127.5 * (energy / 2) ** 0.5


class Result(NamedTuple):
    """The small image uint8 (1, 3, h, w), the large ones uint8 (n, 3, H, W), and the seconds of computing by width."""

    small: Tensor
    large: Tensor
    seconds: dict


@dataclass(frozen=True, eq=False)
class SuperResolution:
    """The source of the small image, and how it is made larger.

    source is the Subject of an image, or the Request that generates it first; card is that of the network, None for the
    methods without a network only; the image is doubled `doublings` times, once per seed; options are arguments of
    enlarge.
    """

    source: Subject | Request
    card: Card | None
    preset: Preset
    doublings: int
    seeds: tuple[int, ...]
    options: dict

    key = "super-resolution"

    @property
    def id(self):
        """The same for the same settings."""
        source = self.source.settings if self._generated else self.source.image
        return settings_id(
            source, self.card and self.card.sha256, self.preset, self.doublings, self.seeds, self.options
        )

    @property
    def _generated(self):
        return isinstance(self.source, Request)

    @property
    def models(self):
        """The names of the models: of the small image, and of super-resolution."""
        return [*([self.source.card.name] if self._generated else []), *([self.card.name] if self.card else [])]

    @property
    def lengths(self):
        """The number of States of every walk."""
        first = self.source.preset.steps + 1 if self._generated else 1
        return [first, *([self.preset.steps + 1] * self.doublings if self.card else [])]

    def run(self, *models):
        """Walk to the small image, then to one twice as large, and so on; yields (State, seconds of computing by
        width).
        """
        if self._generated:
            small = generate(models[0], self.source.preset, self.source.seeds, self.source.labels)
        else:
            x = to_signed(self.source.image)[None]
            small = iter([State(0, x, x)])
        doublings = self.doublings if self.card else 0
        return timed(reduce(cascade, [lambda x: self._double(models[-1], x)] * doublings, small))

    def _double(self, model, small):
        return enlarge(model, self.preset, small.expand(len(self.seeds), -1, -1, -1), self.seeds, **self.options)

    def result(self, kept):
        """Make the Result of the last (State, seconds) of every walk."""
        (first, _), (last, seconds) = kept[0], kept[-1]
        return Result(to_bytes(first.x.cpu()), to_bytes(last.x.cpu()), seconds)

    def panes(self, result):
        """Return a Pane per method: repeated pixels, bicubic interpolation, and the network once per seed."""
        factor = FACTOR**self.doublings
        nearest = result.small.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
        bicubic = to_bytes(reduce(lambda x, _: bicubic_upsample(x), range(self.doublings), to_signed(result.small)))
        panes = [("nearest", nearest, "x0", "repeated pixels"), ("bicubic", bicubic, "none", "bicubic")]
        if self.card:
            panes += [
                (f"seed{seed}", image[None], "x", f"network, seed {seed}")
                for seed, image in zip(self.seeds, result.large, strict=True)
            ]
        return [
            Pane(name, image[0], COLOUR[colour], words, self._says(image, result.small))
            for name, image, colour, words in panes
        ]

    def _says(self, image, small):
        downscaled = reduce(lambda x, _: bicubic_downsample(x), range(self.doublings), to_signed(image))
        difference = pixel_difference(gradient_energy(to_signed(image)).item())
        return f"pixel difference {difference:.1f}, downscaled {psnr(downscaled, to_signed(small)).item():.0f} dB"

    def caption(self, result):
        """Say what the numbers mean, which values are usual, and what the computation cost."""
        real, usual = self.card and self.card.scores.get(REAL), UNKNOWN
        if real:
            low, middle, high = (pixel_difference(energy) for energy in real)
            size = f"{self.card.size} × {self.card.size}"
            usual = f"Real images of {size} mostly have {low:.0f} to {high:.0f}, with a median of **{middle:.0f}**."
        return (
            "Pixel difference: the root mean square difference of neighbouring pixels, of 255 (from the gradient "
            f"energy). {usual} Downscaled: the PSNR between the downscaled large image and the small image; above 30 "
            f"dB nobody sees a difference. {self._cost(result)}"
        )

    def _cost(self, result):
        parts, (height, width) = [], result.small.shape[2:]
        for doubling, seconds in enumerate(result.seconds.values()):
            if doubling == 0 and not self._generated:
                continue
            preset, guiding = (self.preset, True) if doubling else (self.source.preset, self.source.labels is not None)
            size = f"{width * FACTOR**doubling} × {height * FACTOR**doubling}"
            parts.append(f"{size} in {counted(preset.nfe(guiding), 'network evaluation')} (NFE) and {seconds:.1f} s")
        return f"Computed: {', '.join(parts)}." if parts else ""

    @property
    def functions(self):
        """The functions of the library that did the work."""
        return [enlarge, back_projected, cascade, bicubic_upsample, gradient_energy]

    @property
    def code(self):
        """Python code that makes the same images."""
        source, network = self.source, "enlarge(model, preset, small.expand(len(seeds), -1, -1, -1), seeds, **options)"
        small = "iter([State(0, x, x)])  # the image is there: a walk of one state"
        if self._generated:
            arguments = f"{source.preset}, seeds={source.seeds}, condition={source.labels}"
            small = f'generate(load("{source.card.name}"), {arguments})'
        return snippet(
            __file__,
            "super_resolution",
            model=self.card and repr(self.card.name),
            preset=self.preset,
            seeds=list(self.seeds),
            options=self.options if self.card else None,
            doubled=network
            if self.card
            else "iter([State(0, bicubic_upsample(small), bicubic_upsample(small))])  # bicubic, no network",
            image=None if self._generated else source.code.strip(),
            x=None if self._generated else "to_signed(image)[None]",
            small=small,
            doublings=self.doublings,
        )


def timed(states):
    """Yield every State with a dict of the seconds that the States of each width have taken to compute so far."""
    seconds = {}
    while True:
        start = time.perf_counter()
        state = next(states, None)
        if state is None:
            return
        width = state.x.shape[-1]
        seconds = {**seconds, width: seconds.get(width, 0.0) + time.perf_counter() - start}
        yield state, seconds
