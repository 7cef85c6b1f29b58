"""Inpainting: a model fills the masked part of an image so that it fits the rest, naively and by RePaint (Lugmayr et
al. 2022).
"""

from dataclasses import dataclass
from functools import partial

import streamlit as st
from torch import Tensor

from diffusion_edu.analysis.measures import seam
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.edit_controls import COLUMNS, ask_image_or_stop, ask_mask, base64_literal
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.data.layers import to_png
from diffusion_edu.editing.inpainting import (
    keep_known,
    keep_known_with_new_noise,
    resampling_step,
    resampling_timesteps,
)
from diffusion_edu.generation import guided_denoiser, make_step
from diffusion_edu.randomness import SeededNoise

NAIVE, REPAINT, BOTH = "naive", "RePaint", "both"


@dataclass(frozen=True, eq=False)
class Inpainting:
    """The request (model, condition, preset, seeds), the image, its mask, and the method.

    mask is bool (h, w), True where the image is generated anew. RePaint goes back over `jump` steps, `repeats` times
    in all. field says what the animation shows of both methods: "x" or "x0_hat".
    """

    request: Request
    subject: Subject
    mask: Tensor
    method: str
    jump: int
    repeats: int
    field: str = "x"

    key = "inpainting"
    functions = (keep_known, keep_known_with_new_noise, resampling_timesteps, resampling_step, walk, seam)

    @property
    def id(self):
        """The same for the same settings."""
        settings = self.request.settings, self.method, self.jump, self.repeats, self.field
        return settings_id(settings, self.subject.image, self.mask)

    @property
    def models(self):
        """The name of the model."""
        return [self.request.card.name]

    @property
    def methods(self):
        """The names of the chosen methods."""
        return [name for name in (NAIVE, REPAINT) if self.method in (name, BOTH)]

    @property
    def paths(self):
        """The timesteps of every chosen method."""
        timesteps = self.request.preset.timesteps()
        paths = {NAIVE: timesteps, REPAINT: resampling_timesteps(timesteps, self.jump, self.repeats)}
        return {name: paths[name] for name in self.methods}

    def walks(self, model):
        """Return the walk of every chosen method, all from the same noise."""
        return {name: self._walk(name, path, model) for name, path in self.paths.items()}

    def _walk(self, name, path, model):
        preset, condition, noise = self.request.preset, self.request.labels, SeededNoise(self.request.seeds)
        schedule, step = preset.noise_schedule(), make_step(model, preset, noise, condition)
        image = model.compute.place(to_signed(self.subject.image).expand(len(self.request.seeds), -1, -1, -1))
        known, eps = ~self.mask.to(image.device), model.compute.place(noise(image))
        if name == NAIVE:
            return walk(step, eps, path, keep_known(image, known, schedule, eps))
        step = partial(resampling_step, step, guided_denoiser(model, preset, condition), schedule, randn=noise)
        return walk(step, eps, path, keep_known_with_new_noise(image, known, schedule, noise))

    def animation(self, walks):
        """Show both methods side by side, or x_t beside the predictions of one method."""
        if len(walks) == 2:
            tracks = [edit_job.WalkTrack(name, states, self.field, name) for name, states in walks.items()]
        else:
            ((name, states),) = walks.items()
            tracks = [
                edit_job.WalkTrack(field, states, field, f"{name}, {words}") for words, field in edit_job.FIELDS.items()
            ]
        return edit_job.walks_animation(self, tracks)

    def caption(self, walks):
        """Say what is new, how visible the edge of the mask is, and how the methods differ."""
        methods = " and ".join(f"{name} in {len(path) - 1} steps" for name, path in self.paths.items())
        return (
            f"{plain(self.request.class_names_in_words)}. {methods[0].upper()}{methods[1:]}; "
            f"{self.mask.float().mean():.0%} of the image is new, the rest is unchanged bit for bit."
            f"{self._seams(walks)} The naive method only "
            "replaces the known pixels at every timestep. RePaint goes back to earlier timesteps again and again "
            "(resampling), so that new and known pixels fit each other."
        )

    def _seams(self, walks):
        """Write how visible the edge of the mask is in the results and in the input image."""
        if self.mask.all():
            return ""
        seams = [f"{name} **{self._seam(states[-1].x):.1f}**" for name, states in walks.items()]
        seams.append(f"input image {self._seam(to_signed(self.subject.image)[None]):.1f}")
        return f" Difference across the edge of the mask, relative to other neighbouring pixels: {', '.join(seams)}."

    def _seam(self, x):
        return seam(x.float().cpu(), self.mask).mean().item()

    @property
    def code(self):
        """Python code that makes the same images."""
        request = self.request
        return snippet(
            __file__,
            "inpainting",
            image=self.subject.code.strip(),
            model=repr(request.card.name),
            preset=request.preset,
            condition=repr(request.labels),
            mask=base64_literal(to_png(self.mask)),
            size=request.card.size,
            seeds=request.seeds,
            count=len(request.seeds),
            methods=self.methods,
            jump=self.jump,
            repeats=self.repeats,
        )


def ask_method():
    """Ask for the method of inpainting; returns the method, jump, repeats and field."""
    words = (
        "- **naive** replaces the known pixels at every timestep.\n"
        "- **RePaint** also replaces the known pixels, but with new noise each time, and repeats timesteps "
        "(resampling)."
    )
    row = st.container(horizontal=True, gap="medium")
    choices = {"default": BOTH, "required": True, "key": "method", "help": words}
    method = control(row.segmented_control, "Method", [NAIVE, REPAINT, BOTH], **choices)
    with st.sidebar.expander("More choices of RePaint"):
        words = "How often RePaint makes the same sampling steps (r in the paper)."
        repeats = control(st.slider, "Resampling", 1, 10, 4, key="repeats", help=words)
        words = "How many sampling steps are repeated at a time (j in the paper)."
        jump = control(st.slider, "Jump length", 1, 20, 3, key="jump", help=words)
        field = edit_job.ask_field()
    return method, jump, repeats, field


def show():
    """Show this part of the page."""
    card = edit_job.ask_card()
    subject = ask_image_or_stop(card.size)
    request = edit_job.ask_request(card)
    left, right = st.columns(**COLUMNS)
    with left:
        initial, label = ask_mask(card.size), "The image with its mask; paint the mask"
        mask = widget.paint_mask("inpainting canvas", subject.image, initial, label=label)
        st.caption(" ".join(["Paint over the part that is generated anew.", *subject.notes]))
    with right:
        edit = Inpainting(request, subject, mask, *ask_method())
        if not mask.any():
            st.info("The mask is empty: paint over the part that is generated anew.", icon=":material/info:")
            return
        if mask.all():
            words = "The mask covers the whole image: nothing is known, so this is generation from noise."
            st.info(words, icon=":material/info:")
        edit_job.show(edit)
    edit_job.code(edit)
