"""Latents are changed by hand, a little or much, and decoded: what each number stands for, and how far it reaches."""

from dataclasses import asdict, dataclass
from functools import cached_property

import streamlit as st
import torch

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.editing import edit_job
from diffusion_edu.app.text_to_image.latent_images import LEGEND, in_one, screen
from diffusion_edu.app.trajectories.animation import Animation
from diffusion_edu.app.trajectories.comparison import best_gain, gap
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.latent.codec import Codec, rescaled, swapped
from diffusion_edu.randomness import SeededNoise

TIMES, PLUS, SWAP, NOISE = "multiply", "add", "swap", "noise"
VALUES = {  # what the bar goes through, and where it opens
    TIMES: ([k / 4 for k in range(-4, 13)], 2.0),
    PLUS: ([k / 4 for k in range(-12, 13)], 1.5),
    SWAP: ([0, 1], 1),
    NOISE: ([k / 8 for k in range(17)], 0.5),
}
SEEN = 5  # of 255: a pixel that changed by more has changed visibly
LOOK = {
    TIMES: "**Does a channel hold light, colour or texture?** Drag the bar: at 0 it says nothing, below 0 the contrary.",
    PLUS: "**Does a channel hold light, colour or texture?** Drag the bar: all places of the channel are moved by as much.",
    SWAP: "**How far does one place reach?** It stands for a few pixels, and yet more of them change.",
    NOISE: "**How much noise do latents bear?** Noise of strength 1 is as strong as they are.",
}


@dataclass(frozen=True)
class Poke:
    """What is done to latents: the way, with a channel counted from 0, two places (row, column), or the seed of the noise."""

    way: str
    channel: int = 0
    one: tuple = (0, 0)
    other: tuple = (0, 0)
    seed: int = 0

    def poked(self, latents, value):
        """Do it to latents (1, c, h, w), as much as the value says."""
        if self.way == TIMES:
            return rescaled(latents, self.channel, times=value)
        if self.way == PLUS:
            return rescaled(latents, self.channel, plus=value)
        if self.way == SWAP:
            return swapped(latents, self.one, self.other) if value else latents
        return latents + value * SeededNoise([self.seed])(latents)

    def words(self, value):
        """Say what was done."""
        number = f"{value:g}".replace("-", "−")
        if self.way == SWAP:
            (row, column), (below, beside) = self.one, self.other
            return f"row {row + 1}, column {column + 1} and row {below + 1}, column {beside + 1} " + (
                "swapped" if value else "not swapped"
            )
        return {
            TIMES: f"channel {self.channel + 1} × {number}",
            PLUS: f"channel {self.channel + 1} {'+' if value >= 0 else '−'} {abs(value):g}",
            NOISE: f"latents + {number} × noise",
        }[self.way]

    @property
    def ends(self):
        """What stands at both ends of the bar."""
        first, last = (f"{value:g}".replace("-", "−") for value in (VALUES[self.way][0][0], VALUES[self.way][0][-1]))
        return {
            TIMES: (f"× {first}", f"× {last}"),
            PLUS: (first, f"+{last}"),
            SWAP: ("as it was", "swapped"),
            NOISE: ("none", f"× {last}"),
        }[self.way]

    @property
    def line(self):
        """The line of Python that does it as much as `value` says."""
        return {
            TIMES: f"rescaled(latents, {self.channel}, times=value)",
            PLUS: f"rescaled(latents, {self.channel}, plus=value)",
            SWAP: f"swapped(latents, {self.one}, {self.other}) if value else latents",
            NOISE: f"latents + value * SeededNoise([{self.seed}])(latents)",
        }[self.way]


@dataclass(frozen=True, eq=False)
class Poking:
    """An image, whose latents, by an autoencoder of this name, are poked more and more."""

    subject: Subject
    coder: Codec
    name: str
    poke: Poke

    functions = (rescaled, swapped, Codec.decode)

    @property
    def id(self):
        """The same for the same choices."""
        return edit_job.named(self.subject.image, self.poke, self.name, self.coder.mean)

    @property
    def values(self):
        """How much is done in each state of the animation."""
        return VALUES[self.poke.way][0]

    @cached_property
    def whole(self):
        """The latents that nobody has poked (1, c, h, w)."""
        return self.coder.encode(to_signed(self.subject.image)[None])

    @cached_property
    def latents(self):
        """The latents of every state (states, c, h, w)."""
        return torch.cat([self.poke.poked(self.whole, value) for value in self.values])

    @cached_property
    def plain(self):
        """What nobody has poked, as an image uint8 (1, 3, h, w)."""
        return to_bytes(self.coder.decode(self.whole)).cpu()

    @cached_property
    def images(self):
        """What every state is decoded to, uint8 (states, 3, h, w), each alone as `plain` is: in a batch numbers are rounded otherwise."""
        return torch.cat([to_bytes(self.coder.decode(some)).cpu() for some in self.latents.split(1)])

    def changed(self, image):
        """Say how far an image uint8 (3, h, w) is from the one that nobody has poked, and in how many of its pixels."""
        far = distance(image, self.plain[0])
        fraction = ((image.int() - self.plain[0].int()).abs().amax(0) > SEEN).double().mean().item()
        return f"{far:.0f} of 255 away\n{fraction:.0%} of the pixels differ visibly"

    @cached_property
    def animation(self):
        """Latents, their image, and what differs, for every value, as a dict."""
        size, x, plain = self.plain.shape[-1], to_signed(self.images), to_signed(self.plain)
        gain = best_gain(x[self.start][None], plain)
        tracks = [
            screen("latents", ("x", ""), "latents, poked", "x", [in_one(each, size) for each in self.latents]),
            screen(
                "image",
                ("x\u0302", ""),
                "as an image",
                "x0_hat",
                self.images,
                [self.changed(image) for image in self.images],
            ),
            screen("apart", ("Δ", ""), f"what differs, × {gain}", "none", gap(x, plain, gain)),
        ]
        says = [self.poke.words(value) for value in self.values]
        return asdict(
            Animation(self.id, size, size, ["poked"], self.values, says, tracks, self.start, ends=self.poke.ends)
        )

    @property
    def start(self):
        """The state that the animation opens at."""
        values, first = VALUES[self.poke.way]
        return values.index(first)

    def show(self, key):
        """Show the animation."""
        st.markdown(LOOK[self.poke.way])
        play(self.animation, key=key)
        seen = f"A pixel differs visibly if one of its colours has moved by more than {SEEN} of 255, from what comes back if nobody pokes."
        st.caption(
            " ".join(
                [
                    LEGEND,
                    "The maps are channels 1, 2, and below them 3, 4." * (len(self.latents[0]) == 4),
                    seen,
                    *self.subject.notes,
                ]
            )
        )

    @property
    def code(self):
        """The lines of Python that make the same images."""
        return (
            "import torch\n\n"
            "from diffusion_edu.data.images import to_bytes, to_signed\n"
            "from diffusion_edu.latent.codec import codec, rescaled, swapped\n"
            "from diffusion_edu.randomness import SeededNoise\n"
            f"{self.subject.code}\n"
            f'coder = codec("{self.name}")\n'
            "latents = coder.encode(to_signed(image)[None])       # (1, c, h / factor, w / factor)\n"
            "plain = to_bytes(coder.decode(latents)).cpu()        # uint8 (1, 3, h, w)\n"
            f"values = {self.values}\n"
            f"poked = torch.cat([{self.poke.line} for value in values])\n"
            "images = torch.cat([to_bytes(coder.decode(some)).cpu() for some in poked.split(1)])\n"
            "print((images.float() - plain.float()).square().mean((1, 2, 3)).sqrt())  # of 255\n"
        )


def ask(way, row, able, seed):
    """Ask, in a row of the page, for what a way to poke latents of a TextToImage needs; the noise goes by the seed of the page."""
    if way in (TIMES, PLUS):
        named = [f"{'channel ' * (k == 0)}{k + 1}" for k in range(able.codec.channels)]
        asked = row.segmented_control(
            "Channel",
            named,
            default=named[0],
            required=True,
            key="channel",
            label_visibility="collapsed",
            **edit_job.BOUND,
        )
        return Poke(way, named.index(asked))
    if way == NOISE:
        return Poke(way, seed=seed)
    size, at, places = able.model.card.size, [], row.popover("Places", icon=":material/grid_on:")
    for name, first in {"Row": 0.5, "Column": 0.5, "Other row": 0.2, "Other column": 0.2}.items():
        key = f"at_{name.lower().replace(' ', '_')}"
        at.append(places.number_input(name, 1, size, max(1, round(first * size)), key=key, **edit_job.BOUND) - 1)
    return Poke(way, one=(at[0], at[1]), other=(at[2], at[3]))
