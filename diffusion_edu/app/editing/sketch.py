"""Sketch-to-image: two ways from the same sketch to an image, side by side."""

from dataclasses import dataclass, replace

import streamlit as st
from torch import Tensor

from diffusion_edu.app.common import image_picker
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.edit_controls import COLUMNS, ask_strength, painted_over
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.app.editing.image_to_image import ImageToImage
from diffusion_edu.app.editing.sketch_presets import SKETCHES, sketch_layer
from diffusion_edu.checkpoints import Unusable, available, read_card
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.editing.image_to_image import start_from_image
from diffusion_edu.editing.sketches import shape_correlation
from diffusion_edu.generation import generate

SKETCH_MODEL = "sketch_to_flower"
TRAINED, IMAGE_TO_IMAGE = "trained with sketches", "image-to-image from the sketch"  # names of both methods
SIZE, REFERENCES = 64, 128
BLANK = "blank paper"
MISSING = (
    "The model that was trained with sketches is not installed: train it with `diffusion-edu train sketch_to_flower`. "
    "Until then there is only image-to-image."
)


@dataclass(frozen=True, eq=False)
class SketchToImage:
    """Image-to-image from a sketch, and the sketch as conditioning image of a model that was trained with sketches.

    model is the name of that model, None if there is none; field says what the animation shows: "x" or "x0_hat";
    reference holds flowers uint8 (n, 3, h, w) that were made without the sketch, for comparison.
    """

    model: str | None
    other: ImageToImage
    field: str = "x"
    reference: Tensor | None = None

    key = "sketch-to-image"
    functions = (generate, start_from_image, walk, shape_correlation)

    @property
    def request(self):
        """The request of both methods."""
        return self.other.request

    @property
    def id(self):
        """The same for the same settings."""
        return settings_id(self.model, self.other.id, self.field)

    @property
    def models(self):
        """The names of the models."""
        return [*([self.model] if self.model else []), *self.other.models]

    @property
    def paths(self):
        """The timesteps of both methods."""
        trained = {TRAINED: self.request.preset.timesteps()} if self.model else {}
        return {**trained, IMAGE_TO_IMAGE: self.other.start()[1]}

    @property
    def sketch(self):
        """The sketch, (1, 3, h, w) in [-1, 1]."""
        return to_signed(self.other.subject.image)[None]

    def walks(self, *models):
        """Return the walks of both methods, from the same noise."""
        seeds, walks = self.request.seeds, {}
        if self.model:
            condition = self.sketch.expand(len(seeds), -1, -1, -1)
            walks[TRAINED] = generate(models[0], self.request.preset, seeds, condition)
        return {**walks, IMAGE_TO_IMAGE: self.other.walk(models[-1])}

    def animation(self, walks):
        """Show both methods side by side, with how well every prediction follows the sketch."""
        tracks = [
            edit_job.WalkTrack(name, states, self.field, name, self._says(states)) for name, states in walks.items()
        ]
        return edit_job.walks_animation(self, tracks)

    def _says(self, states):
        return tuple(f"follows the sketch: {self.score(state.x0_hat):.2f}" for state in states)

    def score(self, x):
        """Measure how well images x (b, 3, h, w) follow the sketch, on average."""
        return shape_correlation(self.sketch, x.float().cpu()).mean().item()

    def caption(self, walks):
        """Say how well both methods follow the sketch."""
        scores = [f"{name} **{self.score(states[-1].x):.2f}**" for name, states in walks.items()]
        if self.reference is not None:
            scores.append(f"flowers made without the sketch {self.score(to_signed(self.reference[:REFERENCES])):.2f}")
        return (
            f"How well the images follow the sketch: {', '.join(scores)}. 1 means that the subject covers exactly the "
            "drawn area. One model was trained with sketches as conditioning images, and may add light and "
            "background. The other one was trained with flowers only: with a small strength paper stays paper, with "
            "a large one the sketch is lost."
        )

    @property
    def code(self):
        """Python code that makes the same images."""
        condition = f"sketch.expand({len(self.request.seeds)}, -1, -1, -1)"
        return snippet(
            __file__,
            "sketch_to_image",
            image_to_image=self.other.code.strip(),
            model=self.model and repr(self.model),
            seeds=self.request.seeds,
            condition=condition,
            x=self.model and "last.x.cpu()",
        )


def sketch_model():
    """Return the card of the model that was trained with sketches, or None if there is none that can be read."""
    try:
        return read_card(available()[SKETCH_MODEL])
    except (KeyError, Unusable):
        return None


def _reference():
    try:
        return image_picker.images(SIZE).images
    except ValueError:  # our own images are missing: there is nothing to compare with
        return None


def show():
    """Show this part of the page."""
    known = sketch_model()
    with st.sidebar:
        name = control(st.selectbox, "Initial sketch", [*SKETCHES, BLANK], key="sketch", help="Draw on from there.")
    card = edit_job.ask_card("Model for image-to-image", SIZE)
    request = edit_job.ask_request(replace(card, sampling=known.sampling if known else card.sampling))
    left, right = st.columns(**COLUMNS)
    with left:
        paper, initial = edit_job.white_paper(SIZE), None if name == BLANK else sketch_layer(name)
        layer = widget.paint("sketch canvas", paper.image, initial, label="Paper to draw a flower on")
    with right:
        with st.container(horizontal=True, gap="medium"):
            strength, field = ask_strength("Strength of image-to-image"), edit_job.ask_field()
        if not known:
            st.info(MISSING, icon=":material/info:")
        if not layer.any():
            st.info("The paper is empty: draw a flower, or choose an initial sketch.", icon=":material/info:")
            return
        image_to_image = ImageToImage(request, painted_over(paper, layer), strength)
        edit = SketchToImage(known and SKETCH_MODEL, image_to_image, field, _reference())
        edit_job.show(edit)
    edit_job.code(edit)
