"""Image-to-image: noise is added to an image up to a timestep, and a model denoises it from there (SDEdit, Meng et
al. 2022).
"""

from dataclasses import dataclass

import streamlit as st
import torch

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.edit_controls import (
    COLUMNS,
    ask_add_noise,
    ask_image_or_stop,
    ask_strength,
    painted_over,
)
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.numbers import counted
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.editing.image_to_image import start_from_image
from diffusion_edu.generation import make_step
from diffusion_edu.randomness import SeededNoise

RESULT = "image-to-image"
FIRST = "sunflower"  # the default condition
NO_NOISE = (
    "Details are generated from noise: without noise they stay blurred, and all four images are alike unless the "
    "sampler adds noise."
)


@dataclass(frozen=True, eq=False)
class ImageToImage:
    """The request (model, condition, preset, seeds), the input image, the strength 0..1, and whether noise is added
    first.
    """

    request: Request
    subject: Subject
    strength: float
    add_noise: bool = True

    key = "image-to-image"
    functions = (start_from_image, make_step, walk)

    @property
    def id(self):
        """The same for the same settings."""
        return settings_id(self.request.settings, self.strength, self.add_noise, self.subject.image)

    @property
    def models(self):
        """The name of the model."""
        return [self.request.card.name]

    def start(self):
        """Return where the walk starts: x (b, 3, h, w), its timesteps, and the source of noise for the sampler."""
        noise, preset = SeededNoise(self.request.seeds), self.request.preset
        x0 = to_signed(self.subject.image).expand(len(self.request.seeds), -1, -1, -1)
        eps = noise(x0) if self.add_noise else torch.zeros_like(x0)
        return *start_from_image(preset.noise_schedule(), x0, self.strength, preset.steps, eps, preset.spacing), noise

    @property
    def paths(self):
        """The timesteps of the walk."""
        return {RESULT: self.start()[1]}

    def walk(self, model):
        """Return the walk from the image."""
        x, timesteps, noise = self.start()
        step = make_step(model, self.request.preset, noise, self.request.labels)
        return walk(step, model.compute.place(x), timesteps)

    def walks(self, model):
        """Return the walk by the name of its method."""
        return {RESULT: self.walk(model)}

    def animation(self, walks):
        """Show x_t beside the predictions."""
        states = walks[RESULT]
        tracks = [edit_job.WalkTrack(field, states, field, words) for words, field in edit_job.FIELDS.items()]
        return edit_job.walks_animation(self, tracks, (f"timestep {states[0].t}", "image"))

    def caption(self, walks):
        """Say how far the new images are from the input image."""
        end, x0 = walks[RESULT][-1].x.cpu(), to_signed(self.subject.image)
        far = 127.5 * distance(end, x0.expand_as(end))
        return (
            f"{plain(self.request.class_names_in_words)}. The root mean squared difference between the four images and "
            f"the input is **{far:.0f} of 255**."
        )

    @property
    def where(self):
        """Say at which timestep the walk starts, and what is left of the image there."""
        preset, timesteps = self.request.preset, self.paths[RESULT]
        schedule, t = preset.noise_schedule(), timesteps[0]
        if t == 0:
            return "Strength 0 makes **no step**: the result is the input image, bit for bit."
        if self.strength == 1:
            what = "pure noise" if self.add_noise else "plain grey"
            return f"Starts at **timestep {t} of {t}, {what}**: nothing of your image is used, as in generation."
        noise = f" + {schedule.noise[t]:.2f} × noise" if self.add_noise else ", and no noise"
        steps = counted(len(timesteps) - 1, "sampling step")
        says = (
            f"Starts at **timestep {t} of {preset.T}** with {schedule.signal[t]:.2f} × your image{noise}, then {steps}."
        )
        return says if self.add_noise else f"{says} {NO_NOISE}"

    @property
    def code(self):
        """Python code that makes the same images."""
        request = self.request
        return snippet(
            __file__,
            "image_to_image",
            torch=None if self.add_noise else "torch",
            image=self.subject.code.strip(),
            model=repr(request.card.name),
            preset=request.preset,
            seeds=request.seeds,
            eps="noise.sample(image.shape)"
            if self.add_noise
            else f"torch.zeros({len(request.seeds)}, *image.shape)  # no noise",
            strength=self.strength,
            condition=repr(request.labels),
        ).lstrip()


def show():
    """Show this part of the page."""
    card = edit_job.ask_card()
    words = "Start from white paper, and paint on it."
    blank = control(st.sidebar.toggle, "Blank paper", key="blank", help=words)
    subject = edit_job.white_paper(card.size) if blank else ask_image_or_stop(card.size)
    request = edit_job.ask_request(card, FIRST)
    left, right = st.columns(**COLUMNS)
    with left:
        strength, add_noise = ask_strength(), ask_add_noise()
        layer = widget.paint("image-to-image canvas", subject.image, label="The input image; paint over it")
        st.caption(" ".join(["Paint over it: the painted image is the input.", *subject.notes]))
    edit = ImageToImage(request, painted_over(subject, layer), strength, add_noise)
    with right:
        st.markdown(edit.where)
        edit_job.show(edit)
    edit_job.code(edit)
