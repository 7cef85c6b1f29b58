"""Where a drawing under way looks among the words of its prompt, at every timestep: read from the passes that drew it."""

import base64
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from diffusion_edu.analysis.attention import by_word, listening
from diffusion_edu.app.components import source
from diffusion_edu.app.editing.edit_job import named
from diffusion_edu.app.text_to_image.request import Order, escaped
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Axis, png_url, round_axis
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.data.images import to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import sample

START = "the start"  # what no word is said by, but every prompt begins with
ALL = "all heads"
LINK = "word"
TELLING = 0.6  # of the way from noise to image, where the animation opens


PARTS = {
    "html": source("attention/reel.html"),
    "css": source("player/player.css", "attention/reel.css", "attention/words.css"),
    "js": source("player/charts.js", "attention/reel.js", "attention/places.js", "attention/words.js"),
}


@dataclass(frozen=True, eq=False)
class Moment:
    """One timestep of a drawing: its prediction as an image uint8 (1, 3, h, w), and where it looked, {layer: (1, heads, places, tokens)}."""

    t: int
    image: Tensor
    looks: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Heard:
    """One drawing of what the page asks for, listened to; prompt holds its words, as (word, its places among the tokens)."""

    order: Order
    prompt: tuple

    key = "words heard"

    @cached_property
    def id(self):
        """The same for the same choices."""
        return named(self.key, self.order.settings)

    @property
    def needs(self):
        """The name of the model that draws."""
        return [self.order.card.name]

    @property
    def total(self):
        """How many items draw yields."""
        return self.order.preset.steps

    def keep(self, index):
        """Say whether an item is kept."""
        return index in kept(self.order.preset.steps)

    def draw(self, able):
        """Draw, and yield a Moment per timestep with noise, None where it would not be kept."""
        heard, asked = {}, self.order.ask(able)

        def moments():
            for at, state in enumerate(sample(replace(asked, guidance=listening(able.model.net, heard)))):
                if looks := heard.pop(state.t, None):
                    seen = {layer: look.cpu() for layer, look in looks.items()}
                    yield Moment(state.t, able.images(state.x0_hat), seen) if self.keep(at) else None

        return moments()

    def under_way(self, moment):
        """What to show while the walk is under way, as (images, words)."""
        return [(to_signed(moment.image), f"The prediction at timestep {moment.t}")] if moment else []

    def animation(self, moments):
        """What is kept: every Moment, for the animation depends on what a person then looks at, see `reel`."""
        return moments

    @cached_property
    def columns(self):
        """What can be looked at, each by another name: the start, and every word of the prompt."""
        said = [word for word, _ in self.prompt]
        return [
            START,
            *(
                word if (before := said[:at].count(word)) == 0 else f"{word} ({before + 1})"
                for at, word in enumerate(said)
            ),
        ]

    def words(self, moments):
        """Say who is looked at most, over all timesteps, layers, heads and places."""
        fractions = torch.stack(
            [self.fractions(look).mean(dim=(0, 1)) for moment in moments for look in moment.looks.values()]
        ).mean(dim=0)
        order = [at for at in fractions.argsort(descending=True).tolist() if at]
        most = ", ".join(f"{escaped(self.columns[at])} {fractions[at]:.0%}" for at in order[:3])
        return f"Over all timesteps, layers, heads and places, {fractions[0]:.0%} of the looks go to {START}, and most of the others to {most}."

    def fractions(self, look):
        """Say which share each place of a layer gives to each column, of looks (1, heads, places, tokens): float64 (heads, places, columns)."""
        return by_word(look[0].double(), self.prompt)

    def reel(self, moments, layer, head):
        """What the component shows, as a dict: where one layer, or one of its heads, looks among all columns, at every timestep."""
        looks = torch.stack(
            [_of_head(self.fractions(moment.looks[layer]), head) for moment in moments]
        )  # (timesteps, places, columns)
        timesteps, fractions, T = [moment.t for moment in moments], looks.mean(dim=1), self.order.preset.T
        animation = {
            "timesteps": timesteps,
            "says": [f"timestep {t} of {T}" for t in timesteps],
            "start": round(TELLING * (len(timesteps) - 1)),
            "size": list(moments[0].image.shape[2:]),
            "sprite": png_url(np.concatenate([grid(moment.image) for moment in moments])),
            "colour": COLOUR["x0_hat"],
            "said": self.columns,
            "rows": side(moments[0].looks[layer]),
            "columns": side(moments[0].looks[layer]),
            "looks": base64.b64encode((looks.mT * 65535).round().numpy().astype("<u2").tobytes()).decode(),
            "fractions": fractions.tolist(),
            "timestep": asdict(
                Axis("timestep t", timesteps[0], 0, {str(t): t for t in (timesteps[0], timesteps[0] // 2, 0)})
            ),
            "fraction": asdict(round_axis("% of all looks", [100 * fractions.max().item()], low=0)),
            "dash": DASHES[1],
        }
        return {"id": named(self.id, layer, head), **animation}

    def code(self, layer, head):
        """The lines of Python that read the same."""
        heads = "mean(dim=0)" if head == ALL else f"select(0, {int(head.split()[-1]) - 1})"
        return (
            "from dataclasses import replace\n\n"
            "from diffusion_edu.analysis.attention import by_word, listening\n"
            "from diffusion_edu.generation import Preset\n"
            "from diffusion_edu.latent.text_to_image import sample, load_text_to_image\n\n"
            f"{self.order.code()}"
            "heard, words = {}, able.reader.read(" + f"{self.order.prompt!r}" + ").words\n"
            "for state in sample(replace(asked, guidance=listening(able.model.net, heard))):\n"
            "    if state.t in heard:  # timestep 0 needs no network\n"
            f'        looks = heard[state.t]["{layer}"][0]  # (heads, places, tokens)\n'
            f"        shares = by_word(looks.double(), words).{heads}  # (places, 1 + words), the start first\n"
            "        print(state.t, shares.mean(dim=0).tolist())\n"
        )


def _of_head(fractions, head):
    return fractions.mean(dim=0) if head == ALL else fractions[int(head.split()[-1]) - 1]


def show(animation, key, first):
    """Show a reel of Heard, with the word lit that the link names, or else this one; a click on another goes into the link."""

    def choose():
        if word := st.session_state[key].word:
            st.query_params[LINK] = word

    word = st.query_params.get(LINK)
    looks = st.components.v2.component("diffusion_edu_words", **PARTS)
    looks(
        data={**animation, "word": animation["said"].index(word if word in animation["said"] else first)},
        key=key,
        on_word_change=choose,
    )


def layers(looks):
    """Name the layers that look at words for a person, in the order in which they run: {words: name}."""
    order = sorted(looks, key=lambda name: (("down", "middle", "up").index(_path(name)[0]), _turn(name)))
    titles = [f"{_path(name)[0]} · {side(looks[name])} × {side(looks[name])}" for name in order]
    return {
        title if titles.count(title) == 1 else f"{title} ({name})": name
        for title, name in zip(titles, order, strict=True)
    }


def _path(name):
    return [part for part in name.split(".") if part in ("down", "middle", "up") or part.isdigit()]


def _turn(name):
    part, *numbers = _path(name)
    return [-int(number) if part == "up" and at == 0 else int(number) for at, number in enumerate(numbers)]


def side(looks):
    """How many places of a layer stand in a row, if it looks (b, heads, places, tokens)."""
    return round(looks.shape[2] ** 0.5)
