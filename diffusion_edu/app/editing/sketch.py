"""The studio's third part: two ways from the same sketch to an image, side by side."""

from dataclasses import dataclass, replace

import streamlit as st
from torch import Tensor

from diffusion_edu.app.common import image_picker
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.app.editing.image_to_image import IMPORTS, Changing, ask_strength
from diffusion_edu.app.editing.inpainting import LOOKS
from diffusion_edu.app.editing.sketch_presets import DOODLES, drawn
from diffusion_edu.checkpoints import Unusable, available, read_card
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.editing.sketches import likeness
from diffusion_edu.editing.verbs import image_to_image
from diffusion_edu.generation import generate

PAINTER = "sketch_to_flower"
TRAINED, PART_WAY = "trained with sketches", "started from the sketch"
SIZE, SOME = 64, 128
MISSING = (
    "The model that was trained with sketches is not installed: train it with `python -m diffusion_edu.recipes.sketch_to_flower`. "
    "Until then there is only the other way."
)


@dataclass(frozen=True, eq=False)
class Sketching:
    """A drawing, the model that paints such, if there is one, and the other way: a flower model that starts from the drawing."""

    painter: str | None
    other: Changing
    look: str = "x"
    ours: Tensor | None = None  # flowers uint8 (n, 3, h, w) that never saw the drawing, to compare with

    key = "studio sketch"
    functions = (generate, image_to_image, walk, likeness)

    @property
    def request(self):
        """What both ways have in common."""
        return self.other.request

    @property
    def id(self):
        """The same for the same choices."""
        return edit_job.named(self.painter, self.other.id, self.look)

    @property
    def needs(self):
        """The names of the models that draw."""
        return [*([self.painter] if self.painter else []), *self.other.needs]

    @property
    def paths(self):
        """The timesteps of both ways."""
        ways = {TRAINED: self.request.preset.timesteps()} if self.painter else {}
        return {**ways, PART_WAY: self.other.start()[1]}

    def walks(self, *models):
        """A walk by each way, from the same noise."""
        guide = to_signed(self.other.subject.image).expand(len(self.request.seeds), -1, -1, -1)
        ways = {TRAINED: generate(models[0], self.request.preset, self.request.seeds, guide)} if self.painter else {}
        return {**ways, PART_WAY: self.other.walk(models[-1])}

    def animation(self, walks):
        """Both ways side by side, with how well every prediction follows the drawing."""
        takes = [edit_job.Take(name, states, self.look, name, self._follows(states)) for name, states in walks.items()]
        return edit_job.reel(self, takes, self.request.preset.T)

    def _follows(self, states):
        return tuple(f"follows the drawing: {self.score(state.x0_hat):.2f}" for state in states)

    def score(self, x):
        """Say how well images x (b, 3, h, w) follow the drawing, on average."""
        return likeness(to_signed(self.other.subject.image)[None], x.float().cpu()).mean().item()

    def words(self, walks):
        """Say how well both ways follow the drawing."""
        ways = [f"{name} **{self.score(states[-1].x):.2f}**" for name, states in walks.items()]
        if self.ours is not None:
            ways.append(f"flowers that never saw it {self.score(to_signed(self.ours[:SOME])):.2f}")
        return (
            f"How well they follow the drawing: {', '.join(ways)}. 1: the subject is just where something is drawn. "
            "One model has learnt what sketches mean, and may add light and background. The other only knows flowers: with little strength "
            "paper stays paper, with much the drawing is forgotten."
        )

    @property
    def code(self):
        """The lines of Python that make the same images."""
        trained = (
            f"preset, drawing = {self.request.preset}, to_signed(image)[None]\n"
            f'*_, last = generate(load("{self.painter}"), preset, {self.request.seeds}, drawing.expand({len(self.request.seeds)}, -1, -1, -1))\n'
            "trained = to_bytes(last.x.cpu())                        # uint8 (4, 3, 64, 64)\n"
            "print(likeness(drawing, last.x.cpu()))\n\n"
        )
        return (
            f"{IMPORTS}from diffusion_edu.generation import generate\nfrom diffusion_edu.editing.sketches import likeness\n{self.other.subject.code}\n"
            f"{trained if self.painter else ''}{self.other.lines}print(likeness(to_signed(image)[None], state.x.cpu()))\n"
        )


def painter():
    """The card of the model that paints sketches, or None if there is none that can be read."""
    try:
        return read_card(available()[PAINTER])
    except (KeyError, Unusable):
        return None


def _ours():
    try:
        return image_picker.images(SIZE).images
    except ValueError:  # they are missing: there is nothing to compare with
        return None


def show():
    """Show this part of the page."""
    known = painter()
    with st.sidebar:
        name = st.selectbox(
            "Drawing to begin with", [*DOODLES, "nothing"], key="doodle", help="Draw on from there.", **edit_job.BOUND
        )
    card = edit_job.ask_card("Model that only knows flowers", SIZE)
    sampling = known.sampling if known else card.sampling
    request = edit_job.ask_request(replace(card, sampling=sampling))
    left, right = st.columns(**edit_job.COLUMNS)
    with left:
        sheet = edit_job.sheet(SIZE)
        layer = widget.paint(
            "sketch canvas", sheet.image, None if name == "nothing" else drawn(name), label="Paper to draw a flower on"
        )
    with right:
        row = st.container(horizontal=True, gap="medium")
        with row:
            strength = ask_strength("Strength, on the right")
            look = st.segmented_control(
                "Look at", list(LOOKS), default=edit_job.UNDER_WAY, required=True, key="look", **edit_job.BOUND
            )
        if not known:
            st.info(MISSING, icon=":material/info:")
        if not layer.any():
            st.info("The paper is empty: draw a flower, or choose a drawing to begin with.", icon=":material/info:")
            return
        edit = Sketching(
            known and PAINTER, Changing(request, edit_job.painted_over(sheet, layer), strength), LOOKS[look], _ours()
        )
        edit_job.show(edit)
    edit_job.code(edit)
