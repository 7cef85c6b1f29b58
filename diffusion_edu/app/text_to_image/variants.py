"""Several walks from one noise, each asked for something else: how far they part from the first, and the animation that shows them side by side."""

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.editing.edit_job import named
from diffusion_edu.app.text_to_image.request import Order
from diffusion_edu.app.trajectories.animation import (
    COLOUR,
    DASHES,
    Animation,
    Axis,
    Chart,
    Series,
    Track,
    png_url,
    round_axis,
)
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.data.images import to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import draw

PARTED = 0.5  # of how far they are apart in the end
IMPORTS = "from diffusion_edu.generation import Preset\nfrom diffusion_edu.analysis.measures import distance\n"


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of the walk of this name: the timestep, the prediction in latents (1, c, h, w), and as an image uint8 (1, 3, h, w) if it is kept."""

    name: str
    t: int
    x0_hat: Tensor
    image: Tensor | None


@dataclass(frozen=True, eq=False)
class Walks:
    """What a person asks for on this page, and other things asked for from the same noise: `takes` says in words what each walk is.

    Whoever inherits says how each is asked for.
    """

    order: Order

    key = "walks"
    about = ()  # what else its name depends on

    @property
    def takes(self):
        """What each walk is, {name: words}; the first is what the others are compared with."""
        raise NotImplementedError

    def asks(self, able):
        """Ask a TextToImage for every walk, in the order of `takes`."""
        raise NotImplementedError

    @cached_property
    def id(self):
        """The same for the same choices."""
        return named(self.key, self.order.settings, self.about)

    @property
    def needs(self):
        """The name of the model that draws."""
        return [self.order.card.name]

    @property
    def total(self):
        """How many items draw yields."""
        return len(self.takes) * (self.order.preset.steps + 1)

    def keep(self, index):
        """Say whether an item is kept."""
        return index % (self.order.preset.steps + 1) in kept(self.order.preset.steps)

    def draw(self, able):
        """Draw one after the other, and yield a Moment per timestep."""
        asks, chosen = self.asks(able), kept(self.order.preset.steps)

        def moments():
            for name, asked in zip(self.takes, asks, strict=True):
                drawing = draw(asked)
                for at, state in enumerate(drawing):
                    yield Moment(name, state.t, state.x0_hat.cpu(), drawing.see(state.x0_hat) if at in chosen else None)

        return moments()

    def under_way(self, moment):
        """What to show while the walks are under way, as (images, words)."""
        return (
            [(to_signed(moment.image), f"{moment.name}: the prediction at timestep {moment.t}")]
            if moment.image is not None
            else []
        )

    def animation(self, moments):
        """What the player shows, as a dict: the predictions of every walk, and how far they are from those of the first."""
        walks = by_name(moments)
        first = next(iter(walks.values()))
        timesteps, (height, width), T = [moment.t for moment in first], first[0].image.shape[2:], self.order.preset.T
        tracks = [self._screen(name, walk, apart(first, walk)) for name, walk in walks.items()]
        says, start = [f"timestep {t} of {T}" for t in timesteps], len(timesteps) - 1
        return asdict(
            Animation(
                self.id,
                width,
                height,
                ["prediction"],
                timesteps,
                says,
                tracks,
                start,
                charts=[self._chart(walks, timesteps)],
            )
        )

    def _screen(self, name, walk, far):
        place, first = list(self.takes).index(name), next(iter(self.takes))
        sprite = png_url(np.concatenate([grid(moment.image) for moment in walk]))
        says = [f"{value:.2f} from {first}" for value in far] if place else []
        dash = DASHES[(place - 1) % len(DASHES)] if place else None
        alt = f"The prediction, {name}: {self.takes[name]}"
        return Track(name, (name, ""), self.takes[name], COLOUR["x0_hat"], alt, sprite, says, dash)

    def _chart(self, walks, timesteps):
        (_, first), *others = walks.items()
        curves = [
            Series(name, COLOUR["x0_hat"], apart(first, walk), DASHES[k % len(DASHES)])
            for k, (name, walk) in enumerate(others)
        ]
        timestep = Axis("timestep t", timesteps[0], 0, {str(t): t for t in (timesteps[0], timesteps[0] // 2, 0)})
        far = round_axis("RMS in latents", [value for curve in curves for value in curve.y], low=0)
        name = next(iter(self.takes))
        alt = f"How far every prediction is from that of {name}, over all timesteps, from noise at timestep {timesteps[0]}, left, to the image"
        return Chart(f"How far from {name}", alt, timestep, far, timesteps, curves, cursor=True)

    def words(self, moments):
        """Say how far the images are apart, and where the walks part."""
        (name, first), *others = by_name(moments).items()
        image = first[-1].image.float()
        said = []
        for other, walk in others:
            far, pixels = apart(first, walk), distance(walk[-1].image.float(), image)
            where = f", half of it from timestep {parted(walk, far)} on" if far[-1] else ": the same image"
            said.append(f"**{other}** ends {far[-1]:.2f} away in latents, {pixels:.0f} of 255 in pixels{where}")
        return f"From {name}: {'; '.join(said)}. Latents spread by about 1 in every direction, so that strangers are about 1.4 apart."


def by_name(moments):
    """Sort Moments by their walk, {name: [Moment]}."""
    walks = {}
    for moment in moments:
        walks.setdefault(moment.name, []).append(moment)
    return walks


def apart(first, walk):
    """How far the predictions of two walks are apart at every timestep, in latents."""
    return [distance(a.x0_hat, b.x0_hat) for a, b in zip(first, walk, strict=True)]


def parted(walk, far):
    """The timestep from which on a walk is always at least half as far from the first as in the end."""
    late = max((at for at, value in enumerate(far) if value < PARTED * far[-1]), default=-1)
    return walk[late + 1].t
