"""Three predictions of one image at every timestep of one walk: without the condition, with it, and the guided one beyond; as images and as vectors."""

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from diffusion_edu.analysis.measures import angle
from diffusion_edu.app.common.condition_picker import Asked
from diffusion_edu.app.guidance.cfg_charts import APART, GREEN, LOOKS, length, over_timesteps, plane
from diffusion_edu.app.guidance.sweep_view import GUIDANCE
from diffusion_edu.app.trajectories.animation import COLOUR, Animation, Track, png_url
from diffusion_edu.app.trajectories.comparison import GAINS
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import noting
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, make_step
from diffusion_edu.randomness import SeededNoise

TELLING = 0.2  # of the way from noise to image: there is something to see, and it is not yet decided


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of the walk, each (1, c, h, w): the image, the predictions without and with the condition, the guided one, and what of it was used.

    seen are images (1, 3, h, w) of the first four, where they are latents and need to be decoded to be seen.
    """

    t: int
    x: Tensor
    unconditional: Tensor
    conditional: Tensor
    guided: Tensor
    used: Tensor
    seen: tuple[Tensor, ...] = ()

    @property
    def images(self):
        """The image under way and the three predictions as they can be looked at."""
        return self.seen or (self.x, self.unconditional, self.conditional, self.used)

    @property
    def difference(self):
        """What the condition changes."""
        return self.conditional - self.unconditional

    @property
    def clipped(self):
        """The fraction of values that lay outside of what an image can show, and were brought to its edge."""
        return (self.guided.abs() > 1).double().mean().item()

    @property
    def gain(self):
        """How many times stronger than it is the difference is shown."""
        return next((gain for gain in GAINS if gain * self.visible.abs().quantile(0.99) <= 1), 1)

    @property
    def visible(self):
        """What the condition changes in what is seen."""
        _, without, told, _ = self.images
        return told - without

    @property
    def plane(self):
        """Places of the three predictions in the plane through them and zero, float64 (3, 2), in RMS; the unconditional one lies on the first axis."""
        u, c, g = (v.double().flatten() / v.numel() ** 0.5 for v in (self.unconditional, self.conditional, self.guided))
        along = u / u.norm()
        across = c - (c @ along) * along
        across = across / across.norm().clamp(min=1e-12)
        return torch.tensor([[v @ along, v @ across] for v in (u, c, g)], dtype=torch.float64)


def _screen(symbol, words, alt, look, images, says):
    colour, dash = look
    return Track(
        "".join(symbol),
        symbol,
        words,
        colour,
        alt,
        png_url(np.concatenate([grid(to_bytes(image)) for image in images])),
        says,
        dash=dash,
    )


@dataclass(frozen=True)
class Vectors:
    """One image, sampled with both predictions in sight."""

    card: Card
    preset: Preset
    asked: Asked
    seed: int

    key, origin, goes_on = "vectors", "grey", ", its values brought back between black and white (clipped)"
    without = "anything"  # what the other prediction is asked for
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
        return self.preset.steps

    @property
    def labels(self):
        """What is asked for, for one image."""
        return [self.asked.label(self.card)]

    def keep(self, index):
        """Say whether an item is kept."""
        return True

    def walk(self, model, noted):
        """Begin to walk from noise to image, and note all predictions, see denoisers.noting."""
        noise = SeededNoise([self.seed])
        x = model.compute.place(noise.draw((self.card.channels, self.card.size, self.card.size)))
        return walk(make_step(model, self.preset, noise, self.labels, noting(noted)), x, self.preset.timesteps())

    def seen(self, model, vectors):
        """Make images (1, 3, h, w) of vectors that are none."""
        return ()

    def draw(self, model):
        """Walk from noise to image, and yield a Moment per timestep at which the network was asked, None where it would not be kept."""
        noted = {}
        for at, state in enumerate(self.walk(model, noted)):
            if state.t:  # at timestep 0 nothing is left to prediction
                vectors = [v.cpu() for v in (state.x, *noted[state.t], state.x0_hat)]
                yield Moment(state.t, *vectors, self.seen(model, vectors[:4])) if self.keep(at) else None

    def under_way(self, moment):
        """What to show while the walk is under way, as (images, words)."""
        _, *predictions = moment.images
        return list(
            zip(predictions, (f"asked for {self.without}", f"asked for: {self.asked.words}", "guided"), strict=True)
        )

    def animation(self, moments):
        """What the player shows, as a dict: the three predictions and what the condition changes; the vectors, their lengths and angles."""
        timesteps, size = [moment.t for moment in moments], moments[0].images[0].shape[-1]
        says = [self._sentence(moment) for moment in moments]
        charts = [plane(moments, self.origin), *over_timesteps(moments)]
        start = round(TELLING * (len(moments) - 1))
        return asdict(
            Animation(
                self.id, size, size, [self.asked.words], timesteps, says, self._tracks(moments), start, charts=charts
            )
        )

    def _sentence(self, moment):
        turn = angle(moment.unconditional, moment.conditional)
        moved = f"c lies {length(moment.difference):.3f} from ∅, at an angle of {turn:.1f}°"
        return f"timestep {moment.t} of {self.preset.T}: {moved}; g lies {self.preset.guidance_scale:g} times as far"

    def _tracks(self, moments):
        def told(name, more=lambda moment: ""):
            return [f"length {length(getattr(m, name)):.3f}{more(m)}" for m in moments]

        louder = told("difference", lambda m: f"\nshown × {m.gain}")
        ends = told("guided", self.lost)
        given, without, as_asked, used = zip(*(m.images for m in moments), strict=True)
        changes = [m.gain * m.visible for m in moments]
        return [
            _screen(("x", "t"), "given", "The noisy image", (COLOUR["x"], None), given, [""] * len(moments)),
            _screen(
                ("x\u0302", "∅"),
                self.without,
                f"The prediction when asked for {self.without}",
                LOOKS["∅"],
                without,
                told("unconditional"),
            ),
            _screen(
                ("x\u0302", "c"),
                "as asked",
                f"The prediction when asked for {self.asked.words}",
                LOOKS["c"],
                as_asked,
                told("conditional"),
            ),
            _screen(("c − ∅", ""), "", "What the condition changes", APART, changes, louder),
            _screen(("x\u0302", "g"), "guided", "The guided prediction", LOOKS["g"], used, ends),
        ]

    def lost(self, moment):
        """Say, on a line of its own, how much of the guided prediction the walk does not go on with."""
        return f"\n{moment.clipped:.0%} clipped"

    def words(self, moments):
        """Say what is seen."""
        loud = max(moments, key=lambda m: length(m.difference))
        return (
            f"The network is asked twice about the same noisy image: for {self.without} (∅), and for {self.asked.words} (c). Each prediction is "
            f"one long vector of {loud.used.numel():,} values from {self.origin}. Guidance walks from the first tip through the second and on. What "
            f"the condition changes (c − ∅, grey where it has no say) is largest at timestep {loud.t}, where the two are {length(loud.difference):.2f} "
            f"apart. The walk goes on with g{self.goes_on}."
        )

    equations = [
        rf"\textcolor{{{GUIDANCE}}}{{\hat x_g}}=\textcolor{{{GREEN}}}{{\hat x_\varnothing}}"
        rf"+\text{{scale}}\cdot(\textcolor{{{GREEN}}}{{\hat x_c}}-\textcolor{{{GREEN}}}{{\hat x_\varnothing}})"
    ]

    @property
    def code(self):
        """The lines of Python that make the same predictions and measure the same numbers."""
        return (
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.core import walk\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.denoisers import noting\n"
            "from diffusion_edu.generation import Preset, step_of\n"
            "from diffusion_edu.analysis.measures import angle\n"
            "from diffusion_edu.randomness import SeededNoise\n\n"
            f'noted, model = {{}}, load("{self.card.name}")\n'
            f"preset = {self.preset}\n"
            f"noise, labels = SeededNoise([{self.seed}]), {self.labels}  # {self.asked.words}\n"
            f"x = model.compute.place(noise.draw({(self.card.channels, self.card.size, self.card.size)}))\n"
            "for state in walk(step_of(model, preset, noise, labels, noting(noted)), x, preset.timesteps()):\n"
            "    if state.t:  # at timestep 0 nothing is left to prediction\n"
            "        u, c, g = noted[state.t]  # g = u + scale * (c - u)\n"
            "        print(state.t, [v.double().square().mean().sqrt().item() for v in (u, c, g, c - u)], angle(u, c))\n"
            "image = to_bytes(state.x)  # uint8 (1, 3, height, width)\n"
        )
