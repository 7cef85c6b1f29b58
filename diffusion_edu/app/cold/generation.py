"""New pictures from what a degradation leaves, beside as many from noise, as a film."""

import hashlib
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from torch import Tensor

from diffusion_edu.analysis.measures import spectrum
from diffusion_edu.app.cold.animation import T
from diffusion_edu.app.trajectories.animation import COLOUR, Film, Screen, png_url
from diffusion_edu.core import walk
from diffusion_edu.data.images import mean_colours, to_bytes, to_signed
from diffusion_edu.degradations import GRAIN, TO_ONE_COLOUR, Colours, Degradation, emptied
from diffusion_edu.denoisers import clipped
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.samplers import cold_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced

PICTURES, SOME = 4, 128  # grown at once; of ours to compare with
FINE = 8  # cycles per picture, from which detail is called fine
ONE_COLOUR = "Chance chooses one colour here, three numbers per picture"
CHANCE = {
    "blur": ONE_COLOUR,
    "pixelate": ONE_COLOUR,
    "fade": "Chance has only a faint grain here, which grows as strong as colours when the grey is taken away: the cold way comes near to noise",
    "desaturate": "The brightness of four of our flowers is left here, and only their colours are lost: this is colouring, not drawing",
    "mask": "Chance chooses where the disc began, two numbers per picture",
    "snow": "Chance chooses when each flake melts, but says nothing of what lies under it",
}
WHY = (
    "With noise it chooses 12,288 numbers, one for every value of a picture, and each choice leads to another flower. A restorer that cannot know "
    "what was there guesses the average of all that it could have been, and averages are soft and alike."
)


def variety(x):
    """Say how unlike pictures (b, 3, h, w) are: the root mean square of their differences, pair by pair."""
    return x.var(dim=0).mean().mul(2).sqrt().item()


def fine_detail(x):
    """Say how strong detail of FINE and more cycles per picture is in pictures (b, 3, h, w): the root of its power."""
    cycles, power = spectrum(x)
    return power[cycles >= FINE].mean().sqrt().item()


@dataclass(frozen=True, eq=False)
class Growing:
    """Four pictures grown from what a degradation (a name) leaves by the model cold, and four drawn from noise by the model hot.

    ours are the pictures uint8 (n, 3, h, w) that colours are taken from, and that the new ones are compared with; guesses: what is
    shown is not the pictures under way but what the models think they will be.
    """

    way: str
    moves: int
    seed: int
    cold: str
    hot: str
    guesses: bool
    ours: Tensor

    names = ("grown from what is left", "drawn from noise")

    @property
    def id(self):
        """The same for the same choices."""
        return hashlib.sha256(
            repr((self.way, self.moves, self.seed, self.cold, self.hot, self.guesses)).encode()
        ).hexdigest()

    @property
    def needs(self):
        """The names of the models that are asked."""
        return [self.cold, self.hot]

    @property
    def seeds(self):
        """One seed per picture."""
        return tuple(range(self.seed, self.seed + PICTURES))

    def states(self, cold, hot):
        """Walk from nothing but chance, and from noise, and yield a pair of States per level."""
        degrade = Degradation(self.way, self.seeds, T)
        x = cold.compute.place(emptied(degrade, self.x0))
        step = partial(cold_step, clipped(cold.restorer(degrade)), degrade)
        return zip(
            walk(step, x, spaced(cosine(T), self.moves)),
            generate(hot, Preset(moves=self.moves, T=T), self.seeds),
            strict=True,
        )

    @property
    def x0(self):
        """What is emptied, (4, 3, h, w): pictures of one colour where that is what is left, else pictures of ours."""
        if self.way in TO_ONE_COLOUR:
            return Colours.of(mean_colours(self.ours)).draw(self.seeds, self.ours.shape[-1])
        return to_signed(self.ours[[seed % len(self.ours) for seed in self.seeds]])

    def film(self, pairs):
        """What the player shows of all pairs of States, as a dict; it opens at the end."""
        levels, (height, width) = [state.t for state, _ in pairs], self.ours.shape[2:]
        screens = [
            self._screen(*parts) for parts in zip(("cold", "hot"), self.names, zip(*pairs, strict=True), strict=True)
        ]
        some = png_url(grid(self.ours[:PICTURES], columns=PICTURES))
        screens.append(
            Screen(
                "ours",
                ("x", "0"),
                "to compare: ours",
                COLOUR["x0"],
                "Four of our drawings",
                some,
                rows=[0] * len(levels),
            )
        )
        says = [f"level {t} of {T}" for t in levels]
        return asdict(
            Film(
                self.id,
                width,
                height,
                ["flower"] * PICTURES,
                levels,
                says,
                screens,
                len(levels) - 1,
                ends=("nothing", "picture"),
            )
        )

    def _screen(self, name, words, states):
        shown = [state.x0_hat if self.guesses else state.x for state in states]
        letter, kind = (("x\u0302", "0"), "x0_hat") if self.guesses else (("x", "t"), "x")
        sprite = png_url(np.concatenate([grid(to_bytes(x), columns=PICTURES) for x in shown]))
        few = to_signed(self.ours[:SOME])
        known = variety(few), fine_detail(few)
        says = [
            "variety {:.0%}, fine detail {:.0%}".format(
                *(there / here for there, here in zip((variety(x), fine_detail(x)), known, strict=True))
            )
            for x in (state.x0_hat.clamp(-1, 1) for state in states)
        ]
        return Screen(name, letter, words, COLOUR[kind], f"Four pictures {words}", sprite, says)

    def words(self, pairs):
        """Say what the numbers mean, and why the two sides differ."""
        return (
            f"**{CHANCE[self.way]}.** {WHY} Variety is how much four guesses differ from one another, fine detail how strong all of {FINE} and more "
            "cycles per picture is in them; 100% is as in our own drawings."
        )

    @property
    def equations(self):
        """Where both sides begin."""
        x_T = rf"\textcolor{{{COLOUR['x']}}}{{x_T}}"
        return [
            rf"\text{{grown:}}\quad {x_T}=D(x_0,T)+{GRAIN}\,\epsilon",
            rf"\text{{drawn from noise:}}\quad {x_T}=\epsilon",
        ]

    @property
    def code(self):
        """The lines of Python that make the same pictures."""
        if self.way in TO_ONE_COLOUR:
            start = "x0 = Colours.of(mean_colours(ours)).draw(seeds, size=64)\n"
        else:
            start = "x0 = to_signed(ours[[seed % len(ours) for seed in seeds]])\n"
        return (
            "from functools import partial\n\n"
            "from diffusion_edu.checkpoints import PRETRAINED, load\n"
            "from diffusion_edu.core import walk\n"
            "from diffusion_edu.data.images import load_pictures, mean_colours, to_bytes, to_signed\n"
            "from diffusion_edu.degradations import Colours, Degradation, emptied\n"
            "from diffusion_edu.denoisers import clipped\n"
            "from diffusion_edu.generation import Preset, generate\n"
            "from diffusion_edu.samplers import cold_step\n"
            "from diffusion_edu.schedules import cosine\n"
            "from diffusion_edu.spacings import spaced\n\n"
            'ours = load_pictures(PRETRAINED / "flower_samples.parquet").images\n'
            f'seeds, cold, hot = {self.seeds}, load("{self.cold}"), load("{self.hot}")\n'
            f'degrade = Degradation("{self.way}", seeds)\n'
            f"{start}"
            "x = cold.compute.place(emptied(degrade, x0))\n"
            "step = partial(cold_step, clipped(cold.restorer(degrade)), degrade)\n"
            f"*_, grown = walk(step, x, spaced(cosine({T}), {self.moves}))\n"
            f"*_, drawn = generate(hot, Preset(moves={self.moves}, T={T}), seeds)\n"
            "pictures = to_bytes(grown.x), to_bytes(drawn.x)  # uint8 (4, 3, 64, 64) each\n"
        )
