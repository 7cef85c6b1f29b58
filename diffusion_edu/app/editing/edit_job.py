"""Controls, task, animation and downloads that image-to-image, inpainting and sketch-to-image have in common."""

import io
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import NamedTuple

import streamlit as st
from PIL import Image

from diffusion_edu.app.common import models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.common.state import own
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task, cancel, done, keep_done
from diffusion_edu.app.trajectories.animation import COLOUR, SYMBOL, Animation, Track, rates_captions, sprite
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.layers import paper
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

VARIANTS = 4  # images that are generated
FIELDS = {"noisy image": "x", "prediction": "x0_hat"}  # what is shown of a State


def ask_card(label="Model", size=None):
    """Ask for a model of colour images, of one size if that is given; ends the page with one sentence if there is
    none.
    """
    cards = models.titled()
    known = {title: card for title, card in cards.items() if card.channels == 3 and size in (None, card.size)}
    if not known:
        st.error("No model that generates colour images is installed: restore the folder 'pretrained'.")
        st.stop()
    return models.choose(known, st.sidebar.selectbox, label)


def ask_condition(names, first=ANY):
    """Ask for one of the condition names; `first` is the default, if the model knows it."""
    choices = [ANY, *names]
    index = choices.index(first) if first in choices else 0
    return control(st.selectbox, "Condition", choices, index, key="condition")


def ask_request(card, first=ANY):
    """Ask for the condition, the preset and the seed; returns a Request. `first` is the default condition."""
    with st.sidebar:
        condition = ask_condition(card.condition_names, first) if card.condition_names else ANY
        more = st.expander("More choices")
    seed = ask_seed(more)
    preset = ask_preset(Preset(**card.sampling), (more, more, more), guiding=condition != ANY)
    return Request(card, preset, condition, seed, VARIANTS)


def ask_field():
    """Ask what the animation shows; returns "x" or "x0_hat"."""
    choices = {"default": "noisy image", "required": True, "key": "show"}
    return FIELDS[control(st.segmented_control, "Show", list(FIELDS), **choices)]


def white_paper(size):
    """Return the Subject that is white paper."""
    code = f"from diffusion_edu.data.layers import paper\n\nimage = paper({size})  # white, uint8 (3, {size}, {size})\n"
    return Subject(paper(size), "sketch", code)


@dataclass(frozen=True)
class WalkTrack:
    """One track of an animation: its name, the States of a walk, their field "x" or "x0_hat", its words, a line per
    state.
    """

    name: str
    states: list
    field: str
    words: str
    says: tuple[str, ...] = ()


def walks_animation(edit, walk_tracks, ends=("noise", "image")):
    """Build the animation, as a dict, of walks of different lengths: all follow the timesteps of the longest one."""
    main = max((track.states for track in walk_tracks), key=len)
    timesteps, (height, width) = [state.t for state in main], main[0].x.shape[2:]
    animation = Animation(
        edit.id,
        width,
        height,
        edit.request.class_names,
        timesteps,
        rates_captions(edit.request.preset.noise_schedule(), main),
        [_track(track, rows_at(timesteps, [state.t for state in track.states])) for track in walk_tracks],
        len(timesteps) - 1,
        ends=ends,
    )
    return asdict(animation)


def rows_at(timesteps, others):
    """Return for each timestep the index in `others` to show: the last one that is not below the lowest timestep so
    far.

    timesteps may go up again, as in RePaint; others only go down.
    """
    if timesteps == others:
        return list(range(len(timesteps)))
    return [max(0, sum(t >= low for t in others) - 1) for low in accumulate(timesteps, min)]


def _track(track, rows):
    images = [to_bytes(getattr(state, track.field)) for state in track.states]
    says = [track.says[row] for row in rows] if track.says else []
    alt = f"Four {'noisy images x_t' if track.field == 'x' else 'predictions'}, {track.words}"
    symbol, colour = SYMBOL[track.field], COLOUR[track.field]
    return Track(track.name, symbol, track.words, colour, alt, sprite(images), says, rows=rows)


class Edited(NamedTuple):
    """The result of an edit: its animation as a dict, its caption, and the images uint8 (n, 3, h, w) of every
    method.
    """

    animation: dict
    caption: str
    images: dict


def show(edit):
    """Run an edit whenever its settings change; show its animation, caption and downloads; `code` shows its code.

    An edit has a key, an id, a request, the names of its models, paths {method: timesteps}, walks(*models) {method:
    States}, animation(walks) and caption(walks) of the kept States {method: States}, code and functions.
    """
    bar, stage, below = st.container(), st.container(), st.container()
    with bar:
        finished = _keep_done(edit)
    if finished:
        with stage:
            play(finished.result.animation, key=edit.key)
        with below:
            st.caption(finished.result.caption)
            _downloads(edit.key, finished.result.images)


def code(edit):
    """Show the code that makes the same images."""
    show_code(edit.code, *edit.functions)


def _keep_done(edit):
    try:
        return keep_done(_task(edit))
    except ValueError as problem:  # the settings do not go together
        cancel(edit.key)
        st.error(plain(problem))
        return done(edit.key)


def _task(edit):
    """Make the Task of an edit: the walks one after the other, as (method, State) pairs."""
    paths, keep, before = edit.paths, set(), 0
    for path in paths.values():
        keep |= {before + index for index in kept(len(path) - 1)}
        before += len(path)
    steps = before - len(paths)

    def progress(job):
        if not job.latest:
            return WAITING
        method, state = job.latest
        return f"Step {min(job.done, steps)} of {steps}: {method}, timestep {state.t}"

    def result(job):
        walks = {name: [state for method, state in job.kept if method == name] for name in paths}
        images = {name: to_bytes(states[-1].x.cpu()) for name, states in walks.items()}
        return Edited(edit.animation(walks), f"{edit.caption(walks)} Computed in {job.seconds:.1f} s.", images)

    def run(*loaded):
        walks = edit.walks(*loaded)
        return ((method, state) for method, walk in walks.items() for state in walk)

    return Task(edit.key, edit.id, run, before, edit, edit.models, progress, _preview, result, keep.__contains__)


def _preview(item):
    method, state = item
    page, alt = grid(to_bytes(state.x), columns=2, zoom=2), f"Four noisy images at timestep {state.t}"
    st.image(page, caption=f"Timestep {state.t}: {method}", alt=alt)


def _downloads(key, results):
    """Offer each finished image, and all of them in a row, as lossless PNG."""
    with st.popover("Download", icon=":material/download:"):
        for name, images in results.items():
            st.markdown(f"{name[0].upper()}{name[1:]}, as PNG at its own size:")
            with st.container(horizontal=True, gap="small"):
                for k, image in enumerate(images):
                    download(f"{k + 1}", image[None], f"edit_{k + 1}.png", f"{key}:{name}:{k}")
                download("all", images, "edit_all.png", f"{key}:{name}:all")


def download(label, images, file_name, key):
    """Show a button that downloads images uint8 (n, 3, h, w) in a row as a PNG."""
    file = io.BytesIO()
    Image.fromarray(grid(images, columns=len(images))).save(file, "PNG")
    st.download_button(label, file.getvalue(), file_name, "image/png", on_click="ignore", key=own(f"save:{key}"))
