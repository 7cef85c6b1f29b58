"""Generation from degradations: new images from a fully degraded image, beside images sampled from Gaussian noise."""

from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from torch import Tensor

from diffusion_edu.analysis.measures import spectrum
from diffusion_edu.app.cold.animation import T
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.trajectories.animation import COLOUR, Animation, Track, png_url
from diffusion_edu.core import walk
from diffusion_edu.data.images import mean_colours, to_bytes, to_signed
from diffusion_edu.degradations import GRAIN, TO_ONE_COLOUR, ColourDistribution, Degradation, fully_degraded
from diffusion_edu.denoisers import clipped
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.samplers import cold_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced

IMAGES, REFERENCES = 4, 128  # images that are generated, and reference images to compare them with
FINE = 8  # cycles per image: detail of this frequency and above is called fine
ONE_COLOUR = "The only randomness is one colour: three numbers per image"
RANDOMNESS = {
    "blur": ONE_COLOUR,
    "pixelate": ONE_COLOUR,
    "fade": "The only randomness is a faint grain. Removing the grey amplifies it until it is as strong as the "
    "colours, so this is almost sampling from noise",
    "desaturate": "The brightness of four reference images is kept and only their colours are lost: this is "
    "colourisation, not generation",
    "mask": "The only randomness is where the disc starts: two numbers per image",
    "snow": "The random numbers decide when each flake melts, but they say nothing about the image under it",
}
WHY = (
    "With Gaussian noise the randomness is 12,288 numbers, one for every value of an image, and each choice leads to "
    "another flower. A restoration network cannot know what was there. It predicts the average of all images that "
    "fit, and averages are blurred and alike."
)


def variety(x):
    """Measure how different images (b, 3, h, w) are: the root mean square of their differences, pair by pair."""
    return x.var(dim=0).mean().mul(2).sqrt().item()


def fine_detail(x):
    """Measure how strong detail of FINE and more cycles per image is in images (b, 3, h, w): the root of its power."""
    cycles, power = spectrum(x)
    return power[cycles >= FINE].mean().sqrt().item()


@dataclass(frozen=True, eq=False)
class ColdGeneration:
    """Four images generated from a fully degraded image by the model cold, and four sampled from noise by the model
    hot.

    degradation is a name in DEGRADATIONS. The mean colours come from the reference images uint8 (n, 3, h, w), and
    the new images are compared with them. With predictions, the player shows the predictions instead of x_t.
    """

    degradation: str
    steps: int
    seed: int
    cold: str
    hot: str
    predictions: bool
    reference: Tensor

    key = "cold"
    names = ("generated from a degraded image", "sampled from noise")

    @property
    def id(self):
        """The same for the same settings."""
        return settings_id(self.degradation, self.steps, self.seed, self.cold, self.hot, self.predictions)

    @property
    def models(self):
        """The names of the models that are needed."""
        return [self.cold, self.hot]

    @property
    def total(self):
        """The number of States of a walk."""
        return self.steps + 1

    @property
    def seeds(self):
        """One seed per image."""
        return tuple(range(self.seed, self.seed + IMAGES))

    def run(self, cold, hot):
        """Walk from a fully degraded image and from noise; yields a pair of States per timestep."""
        degrade = Degradation(self.degradation, self.seeds, T)
        x = cold.compute.place(fully_degraded(degrade, self.x0))
        step = partial(cold_step, clipped(cold.restorer(degrade)), degrade)
        return zip(
            walk(step, x, spaced(cosine(T), self.steps)),
            generate(hot, Preset(steps=self.steps, T=T), self.seeds),
            strict=True,
        )

    @property
    def x0(self):
        """The images that are fully degraded, (4, 3, h, w): random colours where only a colour is left, else
        reference images.
        """
        if self.degradation in TO_ONE_COLOUR:
            colours = ColourDistribution.of(mean_colours(self.reference))
            return colours.sample(self.seeds, self.reference.shape[-1])
        return to_signed(self.reference[[seed % len(self.reference) for seed in self.seeds]])

    def preview(self, pair):
        """Return (images, caption) of both walks while they run."""
        return [(state.x, f"Timestep {state.t} of {T}: {name}") for name, state in zip(self.names, pair, strict=True)]

    def animation(self, pairs):
        """Build what the player shows of all pairs of States, as a dict; it opens at timestep 0."""
        timesteps, (height, width) = [state.t for state, _ in pairs], self.reference.shape[2:]
        both = zip(("cold", "hot"), self.names, zip(*pairs, strict=True), strict=True)
        sprite, rows = png_url(grid(self.reference[:IMAGES], columns=IMAGES)), [0] * len(pairs)
        about = ("x", "0"), "reference: our samples", COLOUR["x0"], "Four of our samples"
        reference = Track("reference", *about, sprite, rows=rows)
        animation = Animation(
            self.id,
            width,
            height,
            ["flower"] * IMAGES,
            timesteps,
            [f"timestep {t} of {T}" for t in timesteps],
            [*(self._track(*parts) for parts in both), reference],
            len(timesteps) - 1,
            ends=("degraded", "image"),
        )
        return asdict(animation)

    def _track(self, name, words, states):
        shown = [state.x0_hat if self.predictions else state.x for state in states]
        symbol, colour = (("x\u0302", "0"), "x0_hat") if self.predictions else (("x", "t"), "x")
        sprite = png_url(np.concatenate([grid(to_bytes(x), columns=IMAGES) for x in shown]))
        said = [self._measured(state.x0_hat.clamp(-1, 1)) for state in states]
        return Track(name, symbol, words, COLOUR[colour], f"Four images {words}", sprite, said)

    def _measured(self, x):
        """Write variety and fine detail of predictions, relative to the reference images."""
        reference = to_signed(self.reference[:REFERENCES])
        return (
            f"variety {variety(x) / variety(reference):.0%}, fine detail {fine_detail(x) / fine_detail(reference):.0%}"
        )

    def caption(self, pairs):
        """Say what the numbers mean, and why the two sides differ."""
        return (
            f"**{RANDOMNESS[self.degradation]}.** {WHY} Variety measures how different the four predictions are, fine "
            f"detail how strong frequencies of {FINE} and more cycles per image are in them; 100% is the value of our "
            "own samples."
        )

    @property
    def equations(self):
        """The starting point of both walks, in LaTeX."""
        x_T = rf"\textcolor{{{COLOUR['x']}}}{{x_T}}"
        return [
            rf"\text{{from a degraded image:}}\quad {x_T}=D(x_0,T)+{GRAIN}\,\epsilon",
            rf"\text{{from noise:}}\quad {x_T}=\epsilon",
        ]

    @property
    def code(self):
        """Python code that makes the same images."""
        colours = self.degradation in TO_ONE_COLOUR
        return snippet(
            __file__,
            "cold_generation",
            seeds=self.seeds,
            cold=repr(self.cold),
            hot=repr(self.hot),
            degradation=repr(self.degradation),
            colours="mean_colours(reference)" if colours else None,
            rows=None if colours else "[seed % len(reference) for seed in seeds]",
            steps=self.steps,
            T=T,
        )
