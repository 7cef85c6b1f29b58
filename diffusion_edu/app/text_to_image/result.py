"""What has been drawn in words: its film, the pictures of the batch, what they were asked for with, and the downloads."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from functools import partial

import numpy as np
import streamlit as st

from diffusion_edu.app.common.image_picker import DRAWN, Subject
from diffusion_edu.app.common.request import counted
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.text_to_image.job import Draft, Moment
from diffusion_edu.app.text_to_image.request import BOUND, escaped
from diffusion_edu.app.trajectories.animation import COLOUR, Film, Screen, png_url
from diffusion_edu.app.trajectories.recording import side_by_side
from diffusion_edu.data.notes import noted
from diffusion_edu.figures.animation import gif, mp4
from diffusion_edu.figures.grids import grid

PICTURE = "from a picture"
TAKEN = "taken"  # the Subject that a person wants to begin with
GAP = 4  # pixels between the pictures of a batch
RATES = [2, 4, 8, 12, 24]  # frames per second
SCREENS = (
    ("x", ("x", "t"), "under way, decoded", "The picture under way"),
    ("x0_hat", ("x\u0302", "0"), "guess, decoded", "The guess of the finished picture"),
)


@dataclass(frozen=True, eq=False)
class Album:
    """A Draft that has been drawn: the Moments that were kept, the notes on what was not understood, and the films that were made of it."""

    draft: Draft
    moments: list[Moment]
    notes: tuple[str, ...]
    films: dict = field(default_factory=dict)

    @property
    def pictures(self):
        """The finished pictures, uint8 (b, 3, h, w)."""
        return self.moments[-1].x

    @property
    def seconds(self):
        """How long it took to walk, and to decode what is shown."""
        return self.moments[-1].seconds

    def film(self, number):
        """What the player shows of one picture, as a dict."""
        if number not in self.films:
            self.films[number] = self._film(number)
        return self.films[number]

    def _film(self, number):
        draft, moments = self.draft, self.moments
        schedule, levels = draft.order.preset.noising(), [moment.t for moment in moments]
        says = [
            f"level {t} of {schedule.T} · signal {schedule.signal[t]:.3f} · noise {schedule.noise[t]:.3f}"
            for t in levels
        ]
        screens = [
            Screen(
                name,
                symbol,
                words,
                COLOUR[name],
                alt,
                png_url(np.concatenate([grid(getattr(each, name)[[number]]) for each in moments])),
            )
            for name, symbol, words, alt in SCREENS
        ]
        height, width = self.pictures.shape[2:]
        asked, ends = (
            cut(draft.order.prompt) or "anything",
            ("noise" if levels[0] == schedule.T else f"level {levels[0]}", "picture"),
        )
        return asdict(
            Film(f"{draft.id}-{number}", width, height, [asked], levels, says, screens, len(levels) - 1, ends=ends)
        )

    @property
    def words(self):
        """What was asked for, of whom, how and with what it began, in Markdown."""
        order, draft = self.draft.order, self.draft
        preset = order.preset
        options = "".join(f", {name} {value}" for name, value in preset.options.items() if value)
        said = f"**{escaped(cut(order.prompt))}**" if order.prompt.strip() else "**an empty prompt: anything**"
        without = f", without: **{escaped(cut(order.negative))}**" if order.negative.strip() else ""
        how = f"{preset.sampler}{options}, {counted(preset.moves, 'move')}, guidance {preset.scale:g}, {preset.schedule} schedule"
        seeds = f"seed {draft.seeds[0]}" if draft.count == 1 else f"seeds {draft.seeds[0]} to {draft.seeds[-1]}"
        walked, decoded = self.seconds
        spent = f"Walked in {walked:.1f} s, decoded for the film in {decoded:.1f} s."
        return f"{said}{without}\n\n{escaped(order.card.title)}, {draft.begin.words}; {how}, {seeds}. {spent}"

    def png(self, number):
        """One picture as a PNG with its settings inside."""
        return noted(grid(self.pictures[[number]]), self.draft.settings(number))

    def zip(self):
        """All pictures as PNGs, each with its settings inside, and the settings of all as a text."""
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
        """Encode the walk as an MP4 film of so many frames per second."""
        return mp4(self.frames(), frames_per_second=rate)

    def subject(self, number):
        """One of the pictures, to begin with."""
        code = f"{self.draft.code}image = pictures[{number}]\n\n"
        return Subject(self.pictures[number], f"drawn: {cut(self.draft.order.prompt, 80)}", code)


def cut(words, most=400):
    """Shorten what a person typed to what can be shown."""
    words = " ".join(words.split())
    return words if len(words) <= most else f"{words[:most]} ..."


def show(album, stage, side, columns):
    """Show the film of one picture on the stage; at the side the whole batch, in so many columns, what it is, and what can be done with it.

    Returns the number of the picture that is looked at.
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
            words = "Take this picture, change it with other words, or paint a hole into it and fill that."
            st.button(
                "Begin with it", icon=":material/brush:", on_click=_take, args=(album.subject(number),), help=words
            )
    with stage:
        play(album.film(number), key="typed film")
    return number


def _choose(album, columns):
    """Show all pictures of the batch and ask which is looked at; returns its number from 0."""
    count = album.draft.count
    page = grid(album.pictures, columns=min(columns, count), gap=GAP)
    alt = f"{count} pictures of: {cut(album.draft.order.prompt)}"
    st.image(page, caption=f"All {count}, in the order of their seeds", alt=alt)
    chosen = st.segmented_control("Look at", range(1, count + 1), default=1, required=True, key=f"look {count}")
    return chosen - 1


def _take(subject):
    st.session_state[TAKEN] = subject
    st.session_state.source = DRAWN
    st.session_state.begin = PICTURE


def _downloads(album, number):
    """Offer the picture with its settings inside, the whole batch, and videos of any frame rate; each is made when it is asked for."""
    name = f"seed_{album.draft.seeds[number]}"
    with st.popover("Download", icon=":material/download:"):
        st.markdown("PNGs carry prompt and settings inside: this page reads them back, under *More choices*.")
        with st.container(horizontal=True, gap="small"):
            _download("PNG", partial(album.png, number), f"{name}.png", "image/png")
            if album.draft.count > 1:
                _download("ZIP of all", album.zip, "pictures.zip", "application/zip")
        rate = st.select_slider("Frames per second", RATES, 8, key="rate", **BOUND)
        with st.container(horizontal=True, gap="small"):
            _download("GIF", partial(album.gif, rate), f"{name}.gif", "image/gif")
            _download("MP4", partial(album.mp4, rate), f"{name}.mp4", "video/mp4")


def _download(label, make, file, kind):
    st.download_button(label, make, file, kind, on_click="ignore", key=f"save:typed:{label}")
