"""Three guesses of one picture at every level of one walk: without the condition, with it, and the guided one beyond; as pictures and as vectors."""

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.app.attributes import Asked
from diffusion_edu.app.comparison import GAINS
from diffusion_edu.app.footage import COLOUR, DASHES, Axis, Chart, Film, Screen, Series, png_url, round_axis
from diffusion_edu.app.obedience import GUIDANCE
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import noting
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, step_of
from diffusion_edu.measures import angle
from diffusion_edu.randomness import SeededNoise

GREEN = COLOUR["x0_hat"]
LOOKS = {"∅": (GREEN, DASHES[1]), "c": (GREEN, DASHES[0]), "g": (GUIDANCE, DASHES[0])}  # unconditional, conditional, guided
APART = COLOUR["none"], DASHES[2]  # what lies between the first two
TELLING = 0.2  # of the way from noise to picture: there is something to see, and it is not yet decided


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of the walk, each (1, 3, h, w): the picture, the guesses without and with the condition, the guided one, and what of it was used."""

    t: int
    x: Tensor
    unconditional: Tensor
    conditional: Tensor
    guided: Tensor
    used: Tensor

    @property
    def difference(self):
        """What the condition changes."""
        return self.conditional - self.unconditional

    @property
    def clipped(self):
        """The share of values that lay outside of what a picture can show, and were brought to its edge."""
        return (self.guided.abs() > 1).double().mean().item()

    @property
    def gain(self):
        """How many times stronger than it is the difference is shown."""
        return next((gain for gain in GAINS if gain * self.difference.abs().quantile(0.99) <= 1), 1)

    @property
    def plane(self):
        """Places of the three guesses in the plane through them and grey, float64 (3, 2), in RMS; the unconditional one lies on the first axis."""
        u, c, g = (v.double().flatten() / v.numel() ** 0.5 for v in (self.unconditional, self.conditional, self.guided))
        along = u / u.norm()
        across = c - (c @ along) * along
        across = across / across.norm().clamp(min=1e-12)
        return torch.tensor([[v @ along, v @ across] for v in (u, c, g)], dtype=torch.float64)


def length(v):
    """The length of a vector, as the root of its mean square, so that it does not depend on how many pixels there are."""
    return v.double().square().mean().sqrt().item()


def _screen(symbol, words, alt, look, images, says):
    colour, dash = look
    return Screen("".join(symbol), symbol, words, colour, alt, png_url(np.concatenate([grid(to_bytes(image)) for image in images])), says, dash=dash)


@dataclass(frozen=True)
class Vectors:
    """One picture, drawn with both guesses in sight."""

    card: Card
    preset: Preset
    asked: Asked
    seed: int

    key = "vectors"
    look_for = "Drag the bar: **when, and where, does the condition speak up?**"

    @property
    def id(self):
        """The same for the same choices."""
        return hashlib.sha256(repr((self.card.name, self.preset, self.asked, self.seed)).encode()).hexdigest()

    @property
    def needs(self):
        """The names of the models that are asked."""
        return [self.card.name]

    @property
    def total(self):
        """How many items draw yields."""
        return self.preset.moves

    @property
    def labels(self):
        """What is asked for, for one picture."""
        return [self.asked.label(self.card)]

    def draw(self, model):
        """Walk from noise to picture, and yield a Moment per level at which the network was asked."""
        noise, noted = SeededNoise([self.seed]), {}
        x = model.compute.place(noise.draw((self.card.channels, self.card.size, self.card.size)))
        for state in walk(step_of(model, self.preset, noise, self.labels, noting(noted)), x, self.preset.levels()):
            if state.t:  # at level 0 nothing is left to guess
                yield Moment(state.t, *(v.cpu() for v in (state.x, *noted[state.t], state.x0_hat)))

    def under_way(self, moment):
        """What to show while the walk is under way, as (images, words)."""
        return [(moment.unconditional, "asked for anything"), (moment.conditional, f"asked for: {self.asked.words}"), (moment.used, "guided")]

    def film(self, moments):
        """What the player shows, as a dict: the three guesses and what the condition changes; the vectors, their lengths and angles."""
        levels, size = [moment.t for moment in moments], self.card.size
        says = [self._sentence(moment) for moment in moments]
        charts = [self._plane(moments), *self._over_levels(moments)]
        start = round(TELLING * (len(moments) - 1))
        return asdict(Film(self.id, size, size, [self.asked.words], levels, says, self._screens(moments), start, charts=charts))

    def _sentence(self, moment):
        turn = angle(moment.unconditional, moment.conditional)
        moved = f"c lies {length(moment.difference):.3f} from ∅, at an angle of {turn:.1f}°"
        return f"level {moment.t} of {self.preset.T}: {moved}; g lies {self.preset.scale:g} times as far"

    def _screens(self, moments):
        def told(name, more=lambda moment: ""):
            return [f"length {length(getattr(m, name)):.3f}{more(m)}" for m in moments]

        louder = told("difference", lambda m: f"\nshown × {m.gain}")
        ends = told("guided", lambda m: f"\n{m.clipped:.0%} clipped")
        without, as_asked, used = ([getattr(m, name) for m in moments] for name in ("unconditional", "conditional", "used"))
        changes = [m.gain * m.difference for m in moments]
        return [
            _screen(("x", "t"), "given", "The noisy picture", (COLOUR["x"], None), [m.x for m in moments], [""] * len(moments)),
            _screen(("x\u0302", "∅"), "anything", "The guess when asked for anything", LOOKS["∅"], without, told("unconditional")),
            _screen(("x\u0302", "c"), "as asked", f"The guess when asked for {self.asked.words}", LOOKS["c"], as_asked, told("conditional")),
            _screen(("c − ∅", ""), "", "What the condition changes", APART, changes, louder),
            _screen(("x\u0302", "g"), "guided", "The guided guess", LOOKS["g"], used, ends),
        ]

    def _plane(self, moments):
        planes = [moment.plane for moment in moments]
        ends = torch.cat(planes)
        series = [
            Series(name, colour, [[0.0, plane[k, 1].item()] for plane in planes], dash, [[0.0, plane[k, 0].item()] for plane in planes])
            for k, (name, (colour, dash)) in enumerate(LOOKS.items())
        ]
        through = [[plane[[0, 2], k].tolist() for plane in planes] for k in range(2)]
        series.append(Series("", COLOUR["none"], through[1], DASHES[2], through[0]))
        room = -0.15 * ends[:, 1].max().item()  # below the axis, for a name
        axes = [round_axis(title, [0.0, *ends[:, k].tolist(), room * k]) for k, title in enumerate(("along ∅ (RMS)", "across"))]
        alt = "The three guesses as arrows from grey in the plane they span: their tips lie on one line"
        return Chart("Three vectors, one line", alt, *axes, [], series, equal=True)

    def _over_levels(self, moments):
        at = [moment.t for moment in moments]
        level = Axis("level t", at[0], 0, {str(t): t for t in (at[0], at[0] // 2, 0)})
        looks = {
            "unconditional": ("∅", *LOOKS["∅"]),
            "conditional": ("c", *LOOKS["c"]),
            "guided": ("g", *LOOKS["g"]),
            "difference": ("c − ∅", *APART),
        }
        series = [Series(letter, colour, [length(getattr(m, name)) for m in moments], dash) for name, (letter, colour, dash) in looks.items()]
        long = round_axis("length (RMS)", [y for one in series for y in one.y], low=0)
        turns = [
            Series("c from ∅", GREEN, [angle(m.unconditional, m.conditional) for m in moments]),
            Series("g from ∅", GUIDANCE, [angle(m.unconditional, m.guided) for m in moments], DASHES[1]),
        ]
        wide = round_axis("degrees", [y for one in turns for y in one.y], low=0)
        over = f"over all levels, from noise at level {at[0]}, left, to the picture"
        return [
            Chart("Lengths", f"Lengths of the guesses and of their difference {over}", level, long, at, series, cursor=True),
            Chart("Angles", f"Angles between the guesses {over}", level, wide, at, turns, cursor=True),
        ]

    def words(self, moments):
        """Say what is seen."""
        loud = max(moments, key=lambda m: length(m.difference))
        return (
            f"The network is asked twice about the same noisy picture: for anything (∅), and for {self.asked.words} (c). Each guess is one "
            f"long vector of {loud.used.numel():,} values from grey. Guidance walks from the first tip through the second and on. What "
            f"the condition changes (c − ∅, grey where it has no say) is largest at level {loud.t}, where the two are {length(loud.difference):.2f} "
            "apart. The walk goes on with g, its values brought back between black and white (clipped)."
        )

    equations = [
        rf"\textcolor{{{GUIDANCE}}}{{\hat x_g}}=\textcolor{{{GREEN}}}{{\hat x_\varnothing}}"
        rf"+\text{{scale}}\cdot(\textcolor{{{GREEN}}}{{\hat x_c}}-\textcolor{{{GREEN}}}{{\hat x_\varnothing}})"
    ]

    @property
    def code(self):
        """The lines of Python that make the same guesses and measure the same numbers."""
        return (
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.core import walk\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.denoisers import noting\n"
            "from diffusion_edu.generation import Preset, step_of\n"
            "from diffusion_edu.measures import angle\n"
            "from diffusion_edu.randomness import SeededNoise\n\n"
            f'noted, model = {{}}, load("{self.card.name}")\n'
            f"preset = {self.preset}\n"
            f"noise, labels = SeededNoise([{self.seed}]), {self.labels}  # {self.asked.words}\n"
            f"x = model.compute.place(noise.draw({(self.card.channels, self.card.size, self.card.size)}))\n"
            "for state in walk(step_of(model, preset, noise, labels, noting(noted)), x, preset.levels()):\n"
            "    if state.t:  # at level 0 nothing is left to guess\n"
            "        u, c, g = noted[state.t]  # g = u + scale * (c - u)\n"
            "        print(state.t, [v.double().square().mean().sqrt().item() for v in (u, c, g, c - u)], angle(u, c))\n"
            "picture = to_bytes(state.x)  # uint8 (1, 3, height, width)\n"
        )
