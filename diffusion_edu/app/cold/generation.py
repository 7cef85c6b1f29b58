"""New images from what a degradation leaves, beside as many from noise, as an animation."""

import hashlib
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from torch import Tensor

from diffusion_edu.analysis.measures import spectrum
from diffusion_edu.app.cold.animation import T
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

IMAGES, SOME = 4, 128  # grown at once; of ours to compare with
FINE = 8  # cycles per image, from which detail is called fine
ONE_COLOUR = "Chance chooses one colour here, three numbers per image"
CHANCE = {
    "blur": ONE_COLOUR,
    "pixelate": ONE_COLOUR,
    "fade": "Chance has only a faint grain here, which grows as strong as colours when the grey is taken away: the cold way comes near to noise",
    "desaturate": "The brightness of four of our flowers is left here, and only their colours are lost: this is colouring, not drawing",
    "mask": "Chance chooses where the disc began, two numbers per image",
    "snow": "Chance chooses when each flake melts, but says nothing of what lies under it",
}
WHY = (
    "With noise it chooses 12,288 numbers, one for every value of an image, and each choice leads to another flower. A restorer that cannot know "
    "what was there predictions the average of all that it could have been, and averages are soft and alike."
)


def variety(x):
    """Say how unlike images (b, 3, h, w) are: the root mean square of their differences, pair by pair."""
    return x.var(dim=0).mean().mul(2).sqrt().item()


def fine_detail(x):
    """Say how strong detail of FINE and more cycles per image is in images (b, 3, h, w): the root of its power."""
    cycles, power = spectrum(x)
    return power[cycles >= FINE].mean().sqrt().item()


@dataclass(frozen=True, eq=False)
class Growing:
    """Four images grown from what a degradation (a name) leaves by the model cold, and four sampled from noise by the model hot.

    ours are the images uint8 (n, 3, h, w) that colours are taken from, and that the new ones are compared with; predictions: what is
    shown is not the images under way but what the models think they will be.
    """

    way: str
    steps: int
    seed: int
    cold: str
    hot: str
    predictions: bool
    ours: Tensor

    names = ("grown from what is left", "sampled from noise")

    @property
    def id(self):
        """The same for the same choices."""
        return hashlib.sha256(
            repr((self.way, self.steps, self.seed, self.cold, self.hot, self.predictions)).encode()
        ).hexdigest()

    @property
    def needs(self):
        """The names of the models that are asked."""
        return [self.cold, self.hot]

    @property
    def seeds(self):
        """One seed per image."""
        return tuple(range(self.seed, self.seed + IMAGES))

    def states(self, cold, hot):
        """Walk from nothing but chance, and from noise, and yield a pair of States per timestep."""
        degrade = Degradation(self.way, self.seeds, T)
        x = cold.compute.place(fully_degraded(degrade, self.x0))
        step = partial(cold_step, clipped(cold.restorer(degrade)), degrade)
        return zip(
            walk(step, x, spaced(cosine(T), self.steps)),
            generate(hot, Preset(steps=self.steps, T=T), self.seeds),
            strict=True,
        )

    @property
    def x0(self):
        """What is fully degraded, (4, 3, h, w): images of one colour where that is what is left, else images of ours."""
        if self.way in TO_ONE_COLOUR:
            return ColourDistribution.of(mean_colours(self.ours)).sample(self.seeds, self.ours.shape[-1])
        return to_signed(self.ours[[seed % len(self.ours) for seed in self.seeds]])

    def animation(self, pairs):
        """What the player shows of all pairs of States, as a dict; it opens at the end."""
        timesteps, (height, width) = [state.t for state, _ in pairs], self.ours.shape[2:]
        tracks = [
            self._screen(*parts) for parts in zip(("cold", "hot"), self.names, zip(*pairs, strict=True), strict=True)
        ]
        some = png_url(grid(self.ours[:IMAGES], columns=IMAGES))
        tracks.append(
            Track(
                "ours",
                ("x", "0"),
                "to compare: ours",
                COLOUR["x0"],
                "Four of our samples",
                some,
                rows=[0] * len(timesteps),
            )
        )
        says = [f"timestep {t} of {T}" for t in timesteps]
        return asdict(
            Animation(
                self.id,
                width,
                height,
                ["flower"] * IMAGES,
                timesteps,
                says,
                tracks,
                len(timesteps) - 1,
                ends=("nothing", "image"),
            )
        )

    def _screen(self, name, words, states):
        shown = [state.x0_hat if self.predictions else state.x for state in states]
        letter, class_name = (("x\u0302", "0"), "x0_hat") if self.predictions else (("x", "t"), "x")
        sprite = png_url(np.concatenate([grid(to_bytes(x), columns=IMAGES) for x in shown]))
        few = to_signed(self.ours[:SOME])
        known = variety(few), fine_detail(few)
        says = [
            "variety {:.0%}, fine detail {:.0%}".format(
                *(there / here for there, here in zip((variety(x), fine_detail(x)), known, strict=True))
            )
            for x in (state.x0_hat.clamp(-1, 1) for state in states)
        ]
        return Track(name, letter, words, COLOUR[class_name], f"Four images {words}", sprite, says)

    def words(self, pairs):
        """Say what the numbers mean, and why the two sides differ."""
        return (
            f"**{CHANCE[self.way]}.** {WHY} Variety is how much four predictions differ from one another, fine detail how strong all of {FINE} and more "
            "cycles per image is in them; 100% is as in our own samples."
        )

    @property
    def equations(self):
        """Where both sides begin."""
        x_T = rf"\textcolor{{{COLOUR['x']}}}{{x_T}}"
        return [
            rf"\text{{grown:}}\quad {x_T}=D(x_0,T)+{GRAIN}\,\epsilon",
            rf"\text{{sampled from noise:}}\quad {x_T}=\epsilon",
        ]

    @property
    def code(self):
        """The lines of Python that make the same images."""
        if self.way in TO_ONE_COLOUR:
            start = "x0 = ColourDistribution.of(mean_colours(ours)).sample(seeds, size=64)\n"
        else:
            start = "x0 = to_signed(ours[[seed % len(ours) for seed in seeds]])\n"
        return (
            "from functools import partial\n\n"
            "from diffusion_edu.checkpoints import PRETRAINED, load\n"
            "from diffusion_edu.core import walk\n"
            "from diffusion_edu.data.images import load_images, mean_colours, to_bytes, to_signed\n"
            "from diffusion_edu.degradations import ColourDistribution, Degradation, fully_degraded\n"
            "from diffusion_edu.denoisers import clipped\n"
            "from diffusion_edu.generation import Preset, generate\n"
            "from diffusion_edu.samplers import cold_step\n"
            "from diffusion_edu.schedules import cosine\n"
            "from diffusion_edu.spacings import spaced\n\n"
            'ours = load_images(PRETRAINED / "flower_samples.parquet").images\n'
            f'seeds, cold, hot = {self.seeds}, load("{self.cold}"), load("{self.hot}")\n'
            f'degrade = Degradation("{self.way}", seeds)\n'
            f"{start}"
            "x = cold.compute.place(fully_degraded(degrade, x0))\n"
            "step = partial(cold_step, clipped(cold.restorer(degrade)), degrade)\n"
            f"*_, grown = walk(step, x, spaced(cosine({T}), {self.steps}))\n"
            f"*_, sampled = generate(hot, Preset(steps={self.steps}, T={T}), seeds)\n"
            "images = to_bytes(grown.x), to_bytes(sampled.x)  # uint8 (4, 3, 64, 64) each\n"
        )
