"""Upscaling of a generated image by 2 or 4: with our super-resolution model, or a network from a weight file."""

import hashlib
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import streamlit as st
import torch

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.image_picker import UNLINKED
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.server_folders import ask_path
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.state import own
from diffusion_edu.app.common.super_resolution_card import MISSING, super_resolution_card
from diffusion_edu.app.components.zoom.widget import Pane, show_zoom
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task, done, start, watch
from diffusion_edu.app.text_to_image.request import shortened
from diffusion_edu.app.text_to_image.result import GenerationResult
from diffusion_edu.app.text_to_image.upscalers import DiffusionUpscaler, WeightFileUpscaler
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.data.notes import noted
from diffusion_edu.editing.upscaling import upscaler
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

KEY = "upscaling"
FACTORS = {"none": 1, "2 ×": 2, "4 ×": 4}
OURS, WEIGHT_FILE = "our diffusion model", "a weight file"
STEPS = [1, 2, 4, 6, 8, 10, 15, 20, 30]
MAX_UPLOAD = 80  # megabytes of a weight file: Real-ESRGAN has 67


@dataclass(frozen=True, eq=False)
class UpscalingJob:
    """One image of a GenerationResult, by its number, the factor and the upscaler."""

    result: GenerationResult
    number: int
    factor: int
    upscaler: DiffusionUpscaler | WeightFileUpscaler

    @property
    def id(self):
        """Equal for equal settings."""
        return settings_id(self.image, self.seed, self.factor, self.upscaler)

    @property
    def image(self):
        """The generated image, uint8 (1, 3, h, w)."""
        return self.result.images[[self.number]]

    @property
    def seed(self):
        """The seed of the generated image, also used for upscaling."""
        return self.result.job.seeds[self.number]

    @property
    def seconds(self):
        """The expected seconds."""
        return self.upscaler.seconds_per_unit() * self.upscaler.work(self.image.shape[-1], self.factor)

    @property
    def code(self):
        """Python code that upscales the same image; it follows the code that generated it."""
        return self.upscaler.code(self.factor, self.number, self.seed)

    def task(self):
        """Make the Task; its result is the large image, uint8 (1, 3, h, w)."""

        def result(worker_job):
            self.upscaler.learn(self.image.shape[-1], self.factor, worker_job.seconds)
            return to_bytes(worker_job.latest.x.cpu())

        return Task(
            KEY,
            self.id,
            lambda: self.upscaler.states(to_signed(self.image), self.seed, self.factor),
            self.upscaler.total(self.factor),
            request=self,
            progress=_progress,
            preview=_preview,
            result=result,
            keep=lambda index: False,
        )

    def panes(self, large):
        """The large image beside the generated one with repeated pixels."""
        plain = self.image[0].repeat_interleave(self.factor, 1).repeat_interleave(self.factor, 2)
        return [
            Pane("large", large[0], COLOUR["x"], self.upscaler.words, ""),
            Pane("pixels", plain, COLOUR["x0"], "repeated pixels", ""),
        ]


def show(result, number):
    """Ask for the upscaling of one image and show it; returns the Python code, "" if nothing is shown."""
    job, button = _ask(result, number)
    if job and button.button("Upscale", icon=":material/zoom_in:"):
        start(job.task())
    watch(KEY)
    finished = done(KEY)
    if not job or not finished or not torch.equal(finished.request.image, result.images[[number]]):
        return ""
    shown, large = finished.request, finished.result
    show_zoom(shown.panes(large), shortened(result.job.request.prompt) or "Unconditional", KEY)
    height, width = large.shape[2:]
    how = f"upscaled by: {shown.upscaler.words}; computed in {finished.seconds:.1f} s."
    st.caption(f"The image of seed {shown.seed}, {width} × {height}, {how}")
    about = {**result.job.settings(number), "upscaled": shown.factor, "by": shown.upscaler.words}
    png = partial(noted, grid(large), about)
    st.download_button(
        "PNG of the large image", png, "upscaled.png", "image/png", on_click="ignore", key=own(f"save:{KEY}")
    )
    return shown.code


def _ask(result, number):
    """Ask for the factor and the upscaler; returns an UpscalingJob or None, and the place for its button."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    words = "One image at a time: the network adds plausible details."
    factor = control(
        row.segmented_control, "Upscaling", list(FACTORS), default="none", required=True, key="upscale", help=words
    )
    if factor == "none":
        return None, row
    choice = control(
        row.segmented_control, "Upscaler", [OURS, WEIGHT_FILE], default=OURS, required=True, key="upscaler"
    )
    chosen = _ask_diffusion(row) if choice == OURS else _ask_weight_file()
    if not chosen:
        return None, row
    job = UpscalingJob(result, number, FACTORS[factor], chosen)
    button = row.container(width="content")
    row.caption(f"About {max(job.seconds, 1):.0f} s", width=80)
    return job, button


def _ask_diffusion(row):
    card = super_resolution_card()
    if not card:
        st.info(MISSING, icon=":material/info:")
        return None
    words = "Sampling steps per doubling. More steps: finer details and a longer wait."
    steps = control(row.select_slider, "Upscaling steps", STEPS, 6, key="upscale_steps", width=140, help=words)
    return DiffusionUpscaler(card, replace(Preset(**card.sampling), steps=steps, guidance_scale=1.0))


def _ask_weight_file():
    """Ask for a weight file; a file that cannot be used gets one sentence."""
    words = (
        "A .safetensors or .pth file, for example one of Real-ESRGAN. It is read as numbers; no code in it is executed."
    )
    left, right = st.columns(2, gap="medium")
    wanted = "Type the path of the weight file of an upscaler, or upload the file."
    path = ask_path(left.text_input, "Path of the file on this computer", "weights", wanted, help=words)
    given = right.file_uploader("Or the file itself", key=own("weight file"), max_upload_size=MAX_UPLOAD, help=UNLINKED)
    try:
        if given:
            data = given.getvalue()
            return WeightFileUpscaler(_uploaded(hashlib.sha256(data).hexdigest(), data, given.name), given.name)
        if path:
            return WeightFileUpscaler(_read(path, Path(path).stat().st_mtime_ns), path)
    except Unusable as problem:
        st.error(plain(problem))
    return None


@st.cache_resource(max_entries=1, show_spinner="Reading the weights ...")
def _read(path, changed):
    return upscaler(path)


@st.cache_resource(max_entries=1, show_spinner="Reading the weights ...")
def _uploaded(digest, _data, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weights.safetensors" if name.lower().endswith(".safetensors") else "weights.pth")
        path.write_bytes(_data)
        return upscaler(path, name=name)


def _progress(worker_job):
    if not worker_job.latest:
        return WAITING
    height, width = worker_job.latest.x.shape[2:]
    return f"{width} × {height}, timestep {worker_job.latest.t}"


def _preview(state):
    page = grid(to_bytes(state.x0_hat.cpu()))
    st.image(page, caption="The predicted large image", alt="The predicted large image while sampling goes on")
