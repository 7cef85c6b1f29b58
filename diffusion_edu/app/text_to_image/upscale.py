"""Two and four times as large: what was sampled in words, enlarged by our diffusion model, or by a network that a person brings as a weight file."""

import hashlib
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import streamlit as st
import torch

from diffusion_edu.app.common.image_picker import UNLINKED
from diffusion_edu.app.components.zoom.widget import Pane, magnify
from diffusion_edu.app.editing.edit_job import named
from diffusion_edu.app.editing.super_resolution import MISSING, enlarger
from diffusion_edu.app.jobs import session
from diffusion_edu.app.text_to_image.request import BOUND
from diffusion_edu.app.text_to_image.result import Album, cut
from diffusion_edu.app.text_to_image.upscalers import Drawer, Stranger
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.data.notes import noted
from diffusion_edu.editing.upscaling import upscaler
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

KEY = "typed larger"
TIMES = {"none": 1, "2 ×": 2, "4 ×": 4}
OURS, BROUGHT = "our diffusion model", "a weight file"
STEPS = [1, 2, 4, 6, 8, 10, 15, 20, 30]
HEAVIEST = 200  # megabytes of a weight file that is handed in


@dataclass(frozen=True, eq=False)
class Doubling:
    """One image of an Album, by its number, and who makes it how many times as large."""

    album: Album
    number: int
    factor: int
    by: Drawer | Stranger

    @property
    def id(self):
        """The same for the same choices."""
        return named(self.image, self.seed, self.factor, self.by)

    @property
    def image(self):
        """The image that is made larger, uint8 (1, 3, h, w)."""
        return self.album.images[[self.number]]

    @property
    def seed(self):
        """The seed of the image, and of the details that are sampled into it."""
        return self.album.draft.seeds[self.number]

    @property
    def seconds(self):
        """Estimate how long it takes."""
        return self.by.pace() * self.by.units(self.image.shape[-1], self.factor)

    @property
    def code(self):
        """The lines of Python that make the same image, after those that drew it."""
        return self.by.code(self.factor, self.number, self.seed)

    def panes(self, large):
        """The large image that was made, beside the one that was sampled with its pixels repeated."""
        plain = self.image[0].repeat_interleave(self.factor, 1).repeat_interleave(self.factor, 2)
        return [
            Pane("larger", large[0], COLOUR["x"], self.by.words, ""),
            Pane("pixels", plain, COLOUR["x0"], "pixels repeated", ""),
        ]


def show(album, number):
    """Ask whether an image of an Album is made larger, and show it; returns the lines of Python that make it, "" if none is shown."""
    wanted, button = _ask(album, number)
    if wanted and button.button("Enlarge", icon=":material/zoom_in:"):
        _begin(wanted)
    session.problem(KEY)
    if session.running(KEY):
        _watch()
    shown, large, seconds = st.session_state.get(f"done:{KEY}", (None, None, 0))
    if not wanted or not shown or not torch.equal(shown.image, album.images[[number]]):
        return ""
    magnify(shown.panes(large), cut(album.draft.order.prompt) or "Anything", KEY)
    height, width = large.shape[2:]
    st.caption(
        f"The image of seed {shown.seed}, {width} × {height}, made by: {shown.by.words}; computed in {seconds:.1f} s."
    )
    about = {**album.draft.settings(number), "enlarged": shown.factor, "by": shown.by.words}
    png = partial(noted, grid(large), about)
    st.download_button("PNG of the large image", png, "enlarged.png", "image/png", on_click="ignore", key=f"save:{KEY}")
    return shown.code


def _ask(album, number):
    """Ask how much larger, and by whom; returns a Doubling, or None, and the place for its button."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    words = "What was sampled is made larger, one image at a time: details are invented that fit it."
    times = row.segmented_control(
        "Upscaling", list(TIMES), default="none", required=True, key="larger", help=words, **BOUND
    )
    if times == "none":
        return None, row
    by = row.segmented_control("Made by", [OURS, BROUGHT], default=OURS, required=True, key="by", **BOUND)
    by = _ours(row) if by == OURS else _brought()
    if not by:
        return None, row
    wanted = Doubling(album, number, TIMES[times], by)
    button = row.container(width="content")
    row.caption(f"About {max(wanted.seconds, 1):.0f} s", width=80)
    return wanted, button


def _ours(row):
    card = enlarger()
    if not card:
        st.info(MISSING, icon=":material/info:")
        return None
    words = "Of the network, for every doubling. More: finer details, and a longer wait."
    steps = row.select_slider("Steps", STEPS, 6, key="larger_steps", width=140, help=words, **BOUND)
    return Drawer(card, replace(Preset(**card.sampling), steps=steps, guidance_scale=1.0))


def _brought():
    """Ask for a weight file; a file that cannot be used gets one sentence."""
    words = "For example Real-ESRGAN's: a .safetensors or .pth file. It is read as numbers, and nothing in it is run."
    left, right = st.columns(2, gap="medium")
    path = left.text_input("Its path on this computer", key="weights", help=words)
    given = right.file_uploader("Or the file itself", key="weight file", max_upload_size=HEAVIEST, help=UNLINKED)
    try:
        if given:
            data = given.getvalue()
            return Stranger(_handed_in(hashlib.sha256(data).hexdigest(), data, given.name), given.name)
        if path.strip():
            where = Path(path.strip()).expanduser()
            return Stranger(_read(str(where), where.stat().st_mtime_ns if where.is_file() else None), str(where))
    except Unusable as problem:
        st.error(str(problem))
        return None
    st.info("Name the file of a network that enlarges images, or hand it in.", icon=":material/info:")
    return None


@st.cache_resource(max_entries=1, show_spinner="Reading the weights ...")
def _read(path, changed):
    return upscaler(path)


@st.cache_resource(max_entries=1, show_spinner="Reading the weights ...")
def _handed_in(digest, _data, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(_data)
        return upscaler(path)


def _begin(wanted):
    """Start to enlarge in the background. Shows one sentence if a model cannot be used."""
    try:
        states = wanted.by.states(to_signed(wanted.image), wanted.seed, wanted.factor)
    except (Unusable, ValueError) as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, states, wanted.by.total(wanted.factor), lambda index: False, wanted=wanted.id)
    st.session_state[f"asked:{KEY}"] = wanted


def _watch():
    """Show how far it is; when it is over, keep it and show the page anew."""
    wanted = st.session_state[f"asked:{KEY}"]

    def says(job):
        if not job.latest:
            return "Waiting for a turn"
        height, width = job.latest.x.shape[2:]
        return f"{width} × {height}, timestep {job.latest.t}"

    def look(state):
        page = grid(to_bytes(state.x0_hat.cpu()))
        st.image(page, caption="What the network thinks it will be", alt="The prediction of the larger image under way")

    def over(job):
        wanted.by.learn(wanted.image.shape[-1], wanted.factor, job.seconds)
        st.session_state[f"done:{KEY}"] = wanted, to_bytes(job.latest.x.cpu()), job.seconds

    session.watch(KEY, says, look, over)
