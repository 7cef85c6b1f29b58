"""What has been sampled in words: its animation, the images of the batch, what they were asked for with, and the downloads."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import streamlit as st

from diffusion_edu.app.common.image_picker import SAMPLED, Subject
from diffusion_edu.app.common.request import counted
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.text_to_image.job import Draft, Moment
from diffusion_edu.app.text_to_image.request import BOUND, escaped
from diffusion_edu.app.trajectories.animation import COLOUR, Animation, Track, png_url
from diffusion_edu.app.trajectories.recording import side_by_side
from diffusion_edu.data.notes import noted
from diffusion_edu.figures.animation import gif, mp4
from diffusion_edu.figures.grids import grid

IMAGE = "from an image"
TAKEN = "taken"  # the Subject that a person wants to begin with
GAP = 4  # pixels between the images of a batch
RATES = [2, 4, 8, 12, 24]  # frames per second
TRACKS = (
    ("x", ("x", "t"), "under way, decoded", "The image under way"),
    ("x0_hat", ("x\u0302", "0"), "prediction, decoded", "The prediction of the finished image"),
)


@dataclass(frozen=True, eq=False)
class Album:
    """A Draft that has been sampled: the Moments that were kept, the notes on what was not understood, and the animations that were made of it."""

    draft: Draft
    moments: list[Moment]
    notes: tuple[str, ...]
    animations: dict = field(default_factory=dict)

    @property
    def images(self):
        """The finished images, uint8 (b, 3, h, w)."""
        return self.moments[-1].x

    @property
    def seconds(self):
        """How long it took to walk, and to decode what is shown."""
        return self.moments[-1].seconds

    def animation(self, number):
        """What the player shows of one image, as a dict."""
        if number not in self.animations:
            self.animations[number] = self._animation(number)
        return self.animations[number]

    def _animation(self, number):
        draft, moments = self.draft, self.moments
        schedule, timesteps = draft.order.preset.noise_schedule(), [moment.t for moment in moments]
        says = [
            f"timestep {t} of {schedule.T} · signal {schedule.signal[t]:.3f} · noise {schedule.noise[t]:.3f}"
            for t in timesteps
        ]
        tracks = [
            Track(
                name,
                symbol,
                words,
                COLOUR[name],
                alt,
                png_url(np.concatenate([grid(getattr(each, name)[[number]]) for each in moments])),
            )
            for name, symbol, words, alt in TRACKS
        ]
        height, width = self.images.shape[2:]
        asked, ends = (
            cut(draft.order.prompt) or "anything",
            ("noise" if timesteps[0] == schedule.T else f"timestep {timesteps[0]}", "image"),
        )
        return asdict(
            Animation(
                f"{draft.id}-{number}", width, height, [asked], timesteps, says, tracks, len(timesteps) - 1, ends=ends
            )
        )

    @property
    def words(self):
        """What was asked for, of whom, how and with what it began, in Markdown."""
        order, draft = self.draft.order, self.draft
        preset = order.preset
        options = "".join(f", {name} {value}" for name, value in preset.options.items() if value)
        said = f"**{escaped(cut(order.prompt))}**" if order.prompt.strip() else "**an empty prompt: anything**"
        without = f", without: **{escaped(cut(order.negative))}**" if order.negative.strip() else ""
        how = f"{preset.sampler}{options}, {counted(preset.steps, 'move')}, guidance {preset.guidance_scale:g}, {preset.schedule} schedule"
        seeds = f"seed {draft.seeds[0]}" if draft.count == 1 else f"seeds {draft.seeds[0]} to {draft.seeds[-1]}"
        walked, decoded = self.seconds
        spent = f"Walked in {walked:.1f} s, decoded for the animation in {decoded:.1f} s."
        return f"{said}{without}\n\n{escaped(order.card.title)}, {draft.begin.words}; {how}, {seeds}. {spent}"

    def png(self, number):
        """One image as a PNG with its settings inside."""
        return noted(grid(self.images[[number]]), self.draft.settings(number))

    def zip(self):
        """All images as PNGs, each with its settings inside, and the settings of all as a text."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as folder:
            for number, seed in enumerate(self.draft.seeds):
                folder.writestr(f"seed_{seed}.png", self.png(number))
            folder.writestr("settings.json", json.dumps(self.draft.settings(), indent=2))
        return file.getvalue()

    def frames(self):
        """The frames of a video of the whole batch."""
        return side_by_side([moment.pair for moment in self.moments], zoom=2 if self.draft.count == 1 else 1)

    def gif(self, rate):
        """Encode the walk as an animated GIF of so many frames per second."""
        return gif(self.frames(), seconds_per_frame=1 / rate)

    def mp4(self, rate):
        """Encode the walk as an MP4 animation of so many frames per second."""
        return mp4(self.frames(), frames_per_second=rate)

    def subject(self, number):
        """One of the images, to begin with."""
        code = f"{self.draft.code}image = images[{number}]\n\n"
        return Subject(self.images[number], f"sampled: {cut(self.draft.order.prompt, 80)}", code)


def cut(words, most=400):
    """Shorten what a person typed to what can be shown."""
    words = " ".join(words.split())
    return words if len(words) <= most else f"{words[:most]} ..."


def show(album, stage, side, columns):
    """Show the animation of one image on the stage; at the side the whole batch, in so many columns, what it is, and what can be done with it.

    Returns the number of the image that is looked at.
    """
    number = 0
    with side:
        if album.draft.count > 1:
            number = _choose(album, columns)
        st.caption(album.words)
        for note in album.notes:
            st.caption(f":material/info: {escaped(note)}")
        with st.container(horizontal=True, gap="small"):
            _downloads(album, number)
            words = "Take this image, change it with other words, or paint a hole into it and fill that."
            st.button(
                "Begin with it", icon=":material/brush:", on_click=_take, args=(album.subject(number),), help=words
            )
    with stage:
        play(album.animation(number), key="typed animation")
    return number


def _choose(album, columns):
    """Show all images of the batch and ask which is looked at; returns its number from 0."""
    count = album.draft.count
    page = grid(album.images, columns=min(columns, count), gap=GAP)
    alt = f"{count} images of: {cut(album.draft.order.prompt)}"
    st.image(page, caption=f"All {count}, in the order of their seeds", alt=alt)
    chosen = st.segmented_control("Look at", range(1, count + 1), default=1, required=True, key=f"look {count}")
    return chosen - 1


def _take(subject):
    st.session_state[TAKEN] = subject
    st.session_state.source = SAMPLED
    st.session_state.begin = IMAGE


def _downloads(album, number):
    """Offer the image with its settings inside, the whole batch, and videos of any frame rate; each is made when it is asked for."""
    name = f"seed_{album.draft.seeds[number]}"
    with st.popover("Download", icon=":material/download:"):
        st.markdown("PNGs carry prompt and settings inside: this page reads them back, under *More choices*.")
        with st.container(horizontal=True, gap="small"):
            _download("PNG", partial(album.png, number), f"{name}.png", "image/png")
            if album.draft.count > 1:
                _download("ZIP of all", album.zip, "images.zip", "application/zip")
        rate = st.select_slider("Frames per second", RATES, 8, key="rate", **BOUND)
        with st.container(horizontal=True, gap="small"):
            _download("GIF", partial(album.gif, rate), f"{name}.gif", "image/gif")
            _download("MP4", partial(album.mp4, rate), f"{name}.mp4", "video/mp4")


def _download(label, make, file, class_name):
    st.download_button(label, make, file, class_name, on_click="ignore", key=f"save:typed:{label}")
