"""The studio's second part: a hole is painted into an image, and a model fills it so that it fits what is left."""

from dataclasses import dataclass
from functools import partial

import streamlit as st
import torch
from torch import Tensor

from diffusion_edu.analysis.measures import seam
from diffusion_edu.app.common.image_picker import UNLINKED, Subject
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.data.layers import read_mask, to_png
from diffusion_edu.editing.verbs import keep_known, keep_known_freshly, resampled, resampling_step
from diffusion_edu.generation import guided_denoiser, make_step
from diffusion_edu.randomness import SeededNoise

NAIVE, REPAINT, BOTH = "naive", "RePaint", "both"
FILE = "file"
LOOKS = {edit_job.UNDER_WAY: "x", edit_job.PREDICTION: "x0_hat"}


def disc(size):
    """A round hole in the middle."""
    at = torch.arange(size) - (size - 1) / 2
    return (at[:, None] ** 2 + at**2).sqrt() < 0.28 * size


def half(size):
    """The right half."""
    return (torch.arange(size) >= size // 2).expand(size, size)


def frame(size):
    """Everything around the middle."""
    at = (torch.arange(size) - (size - 1) / 2).abs()
    return torch.maximum(at[:, None], at) > 0.25 * size


HOLES = {"disc": disc, "half": half, "frame": frame}


@dataclass(frozen=True, eq=False)
class Filling:
    """An image with a hole, bool (h, w), who fills it with what, by which method; RePaint goes back over `jump` steps, `repeats` times in all."""

    request: Request
    subject: Subject
    hole: Tensor
    method: str
    jump: int
    repeats: int
    look: str = "x"

    key = "studio fill"
    functions = (keep_known, keep_known_freshly, resampled, resampling_step, walk, seam)

    @property
    def id(self):
        """The same for the same choices."""
        return edit_job.named(
            self.request.settings, self.method, self.jump, self.repeats, self.look, self.subject.image, self.hole
        )

    @property
    def needs(self):
        """The name of the model that draws."""
        return [self.request.card.name]

    @property
    def paths(self):
        """The timesteps of every method that was asked for."""
        timesteps = self.request.preset.timesteps()
        paths = {NAIVE: timesteps, REPAINT: resampled(timesteps, self.jump, self.repeats)}
        return {name: path for name, path in paths.items() if self.method in (name, BOTH)}

    def walks(self, model):
        """A walk by every method that was asked for, all from the same noise."""
        return {name: self._walk(name, path, model) for name, path in self.paths.items()}

    def _walk(self, name, path, model):
        preset, labels, noise = self.request.preset, self.request.labels, SeededNoise(self.request.seeds)
        schedule, step = preset.noise_schedule(), make_step(model, preset, noise, labels)
        known = model.compute.place(to_signed(self.subject.image).expand(len(self.request.seeds), -1, -1, -1))
        mask, eps = ~self.hole.to(known.device), model.compute.place(noise(known))
        if name == NAIVE:
            return walk(step, eps, path, keep_known(known, mask, schedule, eps))
        step = partial(resampling_step, step, guided_denoiser(model, preset, labels), schedule, randn=noise)
        return walk(step, eps, path, keep_known_freshly(known, mask, schedule, noise))

    def animation(self, walks):
        """Both methods side by side, or the images under way beside the predictions of one."""
        if len(walks) == 2:
            takes = [edit_job.Take(name, states, self.look, name) for name, states in walks.items()]
        else:
            ((name, states),) = walks.items()
            takes = [edit_job.Take(look, states, look, f"{name}, {words}") for words, look in LOOKS.items()]
        return edit_job.reel(self, takes, self.request.preset.T)

    def words(self, walks):
        """Say what stayed, how visible the rim of the hole is, and why."""
        asked = " and ".join(f"{name} in {len(path) - 1} steps" for name, path in self.paths.items())
        seams = [f"{name} **{self._seam(states[-1].x):.1f}**" for name, states in walks.items()]
        rim = (
            ""
            if self.hole.all()
            else f" Step across the rim of the hole, 1 is as between any neighbours: {', '.join(seams)}, {self.before}."
        )
        return (
            f"{self.request.class_names_in_words}. {asked[0].upper()}{asked[1:]}; {self.hole.float().mean():.0%} of the image is made anew, the rest is the "
            f"same bit for bit.{rim} The naive way only overwrites what is known at every timestep; RePaint goes back up, again and again, so that "
            "hole and surroundings can come to agree."
        )

    @property
    def before(self):
        """How visible the rim would be in the image as it was, in words."""
        return f"in the image itself {self._seam(to_signed(self.subject.image)[None]):.1f}"

    def _seam(self, x):
        return seam(x.float().cpu(), self.hole).mean().item()

    @property
    def code(self):
        """The lines of Python that make the same images."""
        request = self.request
        return (
            "from base64 import b64decode\n"
            "from functools import partial\n\n"
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.core import walk\n"
            "from diffusion_edu.data.images import to_bytes, to_signed\n"
            "from diffusion_edu.data.layers import read_mask\n"
            "from diffusion_edu.editing.verbs import keep_known, keep_known_freshly, resampled, resampling_step\n"
            "from diffusion_edu.generation import Preset, guided_denoiser, make_step\n"
            "from diffusion_edu.analysis.measures import seam\n"
            "from diffusion_edu.randomness import SeededNoise\n"
            f"{self.subject.code}\n"
            f'model, preset, labels = load("{request.card.name}"), {request.preset}, {request.labels}\n'
            f"hole, _ = read_mask(b64decode({edit_job.spelled(to_png(self.hole))}), {request.card.size})  # a PNG, white in the hole\n"
            f"known = model.compute.place(to_signed(image).expand({len(request.seeds)}, -1, -1, -1))\n"
            "mask, schedule, timesteps = ~hole.to(known.device), preset.noising(), preset.timesteps()\n"
            "images = {}\n"
            f"for method in {list(self.paths)}:\n"
            f"    noise = SeededNoise({request.seeds})       # one seed per image\n"
            "    eps, step = model.compute.place(noise(known)), make_step(model, preset, noise, labels)\n"
            '    if method == "naive":\n'
            "        states = walk(step, eps, timesteps, keep_known(known, mask, schedule, eps))\n"
            "    else:\n"
            "        step = partial(resampling_step, step, guided_denoiser(model, preset, labels), schedule, randn=noise)\n"
            f"        path = resampled(timesteps, jump={self.jump}, repeats={self.repeats})\n"
            "        states = walk(step, eps, path, keep_known_freshly(known, mask, schedule, noise))\n"
            "    for state in states:\n"
            "        print(method, state.t)\n"
            "    images[method] = to_bytes(state.x.cpu())  # uint8 (4, 3, h, w)\n"
            "    print(method, seam(state.x.cpu(), hole))\n"
        )


def ask_hole(size):
    """Ask for the hole to begin with; a file that cannot be used gets one sentence, and the disc takes its place."""
    words = "Paint on from there: with brush and eraser, or clear it all first."
    chosen = st.segmented_control(
        "Hole", [*HOLES, FILE], default="disc", required=True, key="hole", help=words, **edit_job.BOUND
    )
    if chosen != FILE:
        return HOLES[chosen](size)
    given = st.file_uploader("Your mask, light where the hole is", key="mask", help=f"An image of any size. {UNLINKED}")
    if given is None:
        return disc(size)
    try:
        hole, notes = read_mask(given.getvalue(), size)
    except ValueError as problem:
        st.error(str(problem))
        return disc(size)
    if notes:
        st.caption(" ".join(notes))
    return hole


def ask_method(request):
    """Ask how the hole is filled: the method, jump, repeats and look."""
    words = "- **naive** overwrites what is known at every timestep.\n- **RePaint** does so with new noise, and goes over the same timesteps again."
    row = st.container(horizontal=True, gap="medium")
    method = row.segmented_control(
        "Method", [NAIVE, REPAINT, BOTH], default=BOTH, required=True, key="method", help=words, **edit_job.BOUND
    )
    with st.sidebar.expander("More choices of RePaint"):
        repeats = st.slider(
            "Times that steps are made",
            1,
            10,
            4,
            key="repeats",
            help="RePaint makes the same steps so many times.",
            **edit_job.BOUND,
        )
        jump = st.slider(
            "Steps that are made again", 1, 20, 3, key="jump", help="So many steps at a time.", **edit_job.BOUND
        )
        look = st.segmented_control(
            "Look at", list(LOOKS), default=edit_job.UNDER_WAY, required=True, key="look", **edit_job.BOUND
        )
    return method, jump, repeats, LOOKS[look]


def show():
    """Show this part of the page."""
    card = edit_job.ask_card()
    subject = edit_job.ask_subject(card.size)
    request = edit_job.ask_request(card)
    left, right = st.columns(**edit_job.COLUMNS)
    with left:
        hole = widget.hole(
            "fill canvas", subject.image, ask_hole(card.size), label="The image with its hole; paint the hole"
        )
        st.caption(" ".join(["Paint over what is to be made anew.", *subject.notes]))
    with right:
        edit = Filling(request, subject, hole, *ask_method(request))
        if not hole.any():
            st.info("There is no hole: paint over what is to be made anew.", icon=":material/info:")
            return
        if hole.all():
            st.info(
                "The hole is the whole image: nothing is known, and the model draws what it likes.",
                icon=":material/info:",
            )
        edit_job.show(edit)
    edit_job.code(edit)
