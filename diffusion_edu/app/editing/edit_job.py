"""What the parts of the edit studio share: who draws and how, the image that is begun with, the work beside the page, and its animation."""

import hashlib
import io
from base64 import b64encode
from dataclasses import asdict, dataclass
from itertools import accumulate

import numpy as np
import streamlit as st
from PIL import Image
from torch import Tensor

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import session
from diffusion_edu.app.trajectories.animation import COLOUR, Animation, Track, png_url
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.layers import painted, paper, to_png
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

VARIANTS = 4
UNDER_WAY, PREDICTION = "image under way", "prediction"
LETTERS = {"x": ("x", "t"), "x0_hat": ("x\u0302", "0")}
COLUMNS = {"spec": [10, 21], "gap": "small"}  # a canvas of 256 pixels, and two tracks as wide
BOUND = {"bind": "query-params"}


def ask_card(label="Model", size=None):
    """Show the picker of models that draw images in colour, of one size if that is given; the page ends here, in words, if there is none."""
    known = {title: card for title, card in models.titled().items() if card.channels == 3 and size in (None, card.size)}
    if not known:
        st.error("No model that draws is installed: restore the folder 'pretrained'.")
        st.stop()
    return known[st.sidebar.selectbox(label, list(known), key="model", **BOUND)]


def ask_request(card, first=ANY):
    """Ask what the model shall draw, and how; `first` is the kind that stands there at first, if the model knows it."""
    with st.sidebar:
        class_names, class_name = [ANY, *card.condition_names], ANY
        if card.condition_names:
            class_name = st.selectbox(
                "What to draw",
                class_names,
                class_names.index(first) if first in class_names else 0,
                key="wanted",
                **BOUND,
            )
        more = st.expander("More choices")
    seed = ask_seed(more)
    preset = ask_preset(Preset(**card.sampling), (more, more, more), guiding=class_name != ANY)
    return Request(card, preset, class_name, seed, VARIANTS)


def ask_subject(size, place=None, sampled=None):
    """Let a person choose an image (see darkroom); this part ends with one sentence if our own are missing and there is no other."""
    try:
        return image_picker.ask_subject(size, place, sampled)
    except ValueError as problem:
        st.error(f"{problem} Restore it, or choose a file of your own.")
        st.stop()


def sheet(size):
    """The Subject that is nothing but paper."""
    return Subject(
        paper(size),
        "drawing",
        f"from diffusion_edu.data.layers import paper\n\nimage = paper({size})  # white, uint8 (3, {size}, {size})\n",
    )


def painted_over(subject, layer):
    """The Subject with a layer uint8 (4, h, w) painted over it."""
    if not layer.any():
        return subject
    imports = "from base64 import b64decode\n\nfrom diffusion_edu.data.layers import painted, read_layer\n"
    line = f"image = painted(image, read_layer(b64decode({spelled(to_png(layer))}), {layer.shape[-1]}))  # what was painted, as a PNG\n"
    return Subject(
        painted(subject.image, layer), subject.class_name, f"{imports}{subject.code}{line}", subject.notes, subject.row
    )


def spelled(data):
    """Write bytes as a string that b64decode reads."""
    return f'"{b64encode(data).decode()}"'


def named(*about):
    """Make a name that is the same for the same tensors and settings."""
    digest = hashlib.sha256()
    for part in about:
        digest.update(part.cpu().numpy().tobytes() if isinstance(part, Tensor) else repr(part).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Take:
    """One screen of an animation: its name, the States of a walk, what is shown of them ("x" or "x0_hat"), its words, and a line of numbers per state."""

    name: str
    states: list
    look: str
    words: str
    says: tuple[str, ...] = ()


def reel(edit, takes, T, ends=("noise", "image")):
    """Make an animation, as a dict, of walks that need not be as long as one another: each is where it was when the longest came to a timestep."""
    main = max((take.states for take in takes), key=len)
    timesteps, schedule = [state.t for state in main], edit.request.preset.noise_schedule()
    rates = [schedule.rates(t, main[0].x) for t in timesteps]
    says = [
        f"timestep {t} of {T} · signal {signal:.2f} · noise {noise:.2f}"
        for t, (signal, noise) in zip(timesteps, rates, strict=True)
    ]
    height, width = main[0].x.shape[2:]
    tracks = [_screen(take, reached(timesteps, [state.t for state in take.states])) for take in takes]
    return asdict(
        Animation(
            edit.id, width, height, edit.request.class_names, timesteps, says, tracks, len(timesteps) - 1, ends=ends
        )
    )


def reached(timesteps, others):
    """For every moment of a walk, which may climb, find the last state of another, which falls, that is not below the lowest timestep so far."""
    if timesteps == others:
        return list(range(len(timesteps)))
    return [max(0, sum(t >= low for t in others) - 1) for low in accumulate(timesteps, min)]


def _screen(take, rows):
    sprite = png_url(
        np.concatenate([grid(to_bytes(getattr(state, take.look)), columns=VARIANTS) for state in take.states])
    )
    says = [take.says[row] for row in rows] if take.says else []
    alt = f"Four {'images under way' if take.look == 'x' else 'predictions'}, {take.words}"
    return Track(take.name, LETTERS[take.look], take.words, COLOUR[take.look], alt, sprite, says, rows=rows)


def show(edit):
    """Keep the work of an edit up to date and show its animation, what to know about it, its downloads and its code.

    An edit has a key, an id, a request, the names of the models that it needs, paths {name: timesteps}, walks(*models) {name: States},
    animation and words made of {name: States that were kept}, code and functions.
    """
    bar, stage, below = st.container(), st.container(), st.container()
    with bar:
        done = session.keep_up(edit.key, edit, _begin, _watch, "Go on")
    if done:
        shown, animation, words, results = done
        with stage:
            play(animation, key=edit.key)
        with below:
            st.caption(words)
            _downloads(edit.key, results)


def code(edit):
    """Show the lines that make the same images."""
    show_code(edit.code, *edit.functions)


def _begin(edit):
    """Start to walk in the background. Shows one sentence if the choices do not go together or a model cannot be used."""
    try:
        walks, paths = edit.walks(*(models.get(name) for name in edit.needs)), edit.paths
    except (Unusable, ValueError) as problem:
        session.cancel(edit.key)
        st.error(str(problem))
        return
    chosen, before = set(), 0
    for path in paths.values():
        chosen |= {before + index for index in kept(len(path) - 1)}
        before += len(path)
    session.begin(
        edit.key,
        ((name, state) for name, walk in walks.items() for state in walk),
        before,
        chosen.__contains__,
        wanted=edit.id,
    )


def _watch(edit, quiet):
    """Show how far the walks are, and unless quiet the images under way; when it is over, keep the animation and show the page anew."""
    total = sum(len(path) - 1 for path in edit.paths.values())

    def says(job):
        where = f"{job.latest[0]}, timestep {job.latest[1].t}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, total)} of {total}: {where}"

    def look(item):
        page = grid(to_bytes(item[1].x), columns=2, zoom=2)
        st.image(page, caption=f"Timestep {item[1].t}: {item[0]}", alt=f"Four images under way at timestep {item[1].t}")

    def over(job):
        walks = {name: [state for label, state in job.kept if label == name] for name in edit.paths}
        results = {name: to_bytes(states[-1].x.cpu()) for name, states in walks.items()}
        words = f"{edit.words(walks)} Computed in {job.seconds:.1f} s."
        st.session_state[f"done:{edit.key}"] = edit, edit.animation(walks), words, results

    session.watch(edit.key, says, (lambda item: None) if quiet else look, over)


def _downloads(key, results):
    """Offer each finished image, and all of them in a row, as a PNG without loss."""
    with st.popover("Download", icon=":material/download:"):
        for name, images in results.items():
            st.markdown(f"{name[0].upper()}{name[1:]}, as PNG at its own size:")
            with st.container(horizontal=True, gap="small"):
                for k, image in enumerate(images):
                    _download(f"{k + 1}", image[None], f"{key}:{name}:{k}")
                _download("all", images, f"{key}:{name}:all")


def _download(label, images, key):
    file = io.BytesIO()
    Image.fromarray(grid(images, columns=len(images))).save(file, "PNG")
    st.download_button(label, file.getvalue(), f"edit_{label}.png", "image/png", on_click="ignore", key=f"save:{key}")
