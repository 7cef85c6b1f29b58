"""What the parts of the edit studio share: who draws and how, the picture that is begun with, the work beside the page, and its film."""

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
from diffusion_edu.app.common.request import ANY, Wish
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import session
from diffusion_edu.app.trajectories.animation import COLOUR, Film, Screen, png_url
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.layers import painted, paper, to_png
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

VARIANTS = 4
UNDER_WAY, GUESS = "picture under way", "guess"
LETTERS = {"x": ("x", "t"), "x0_hat": ("x\u0302", "0")}
COLUMNS = {"spec": [10, 21], "gap": "small"}  # a canvas of 256 pixels, and two screens as wide
BOUND = {"bind": "query-params"}


def ask_card(label="Model", size=None):
    """Show the picker of models that draw pictures in colour, of one size if that is given; the page ends here, in words, if there is none."""
    known = {title: card for title, card in models.titled().items() if card.channels == 3 and size in (None, card.size)}
    if not known:
        st.error("No model that draws is installed: restore the folder 'pretrained'.")
        st.stop()
    return known[st.sidebar.selectbox(label, list(known), key="model", **BOUND)]


def ask_wish(card, first=ANY):
    """Ask what the model shall draw, and how; `first` is the kind that stands there at first, if the model knows it."""
    with st.sidebar:
        kinds, kind = [ANY, *card.kinds], ANY
        if card.kinds:
            kind = st.selectbox(
                "What to draw", kinds, kinds.index(first) if first in kinds else 0, key="wanted", **BOUND
            )
        more = st.expander("More choices")
    seed = ask_seed(more)
    preset = ask_preset(Preset(**card.sampling), (more, more, more), guiding=kind != ANY)
    return Wish(card, preset, kind, seed, VARIANTS)


def ask_subject(size, place=None, drawn=None):
    """Let a person choose a picture (see darkroom); this part ends with one sentence if our own are missing and there is no other."""
    try:
        return image_picker.ask_subject(size, place, drawn)
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
        painted(subject.image, layer), subject.kind, f"{imports}{subject.code}{line}", subject.notes, subject.row
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
    """One screen of a film: its name, the States of a walk, what is shown of them ("x" or "x0_hat"), its words, and a line of numbers per state."""

    name: str
    states: list
    look: str
    words: str
    says: tuple[str, ...] = ()


def reel(edit, takes, T, ends=("noise", "picture")):
    """Make a film, as a dict, of walks that need not be as long as one another: each is where it was when the longest came to a level."""
    main = max((take.states for take in takes), key=len)
    levels, schedule = [state.t for state in main], edit.wish.preset.noising()
    rates = [schedule.rates(t, main[0].x) for t in levels]
    says = [
        f"level {t} of {T} · signal {signal:.2f} · noise {noise:.2f}"
        for t, (signal, noise) in zip(levels, rates, strict=True)
    ]
    height, width = main[0].x.shape[2:]
    screens = [_screen(take, reached(levels, [state.t for state in take.states])) for take in takes]
    return asdict(Film(edit.id, width, height, edit.wish.kinds, levels, says, screens, len(levels) - 1, ends=ends))


def reached(levels, others):
    """For every moment of a walk, which may climb, find the last state of another, which falls, that is not below the lowest level so far."""
    if levels == others:
        return list(range(len(levels)))
    return [max(0, sum(t >= low for t in others) - 1) for low in accumulate(levels, min)]


def _screen(take, rows):
    sprite = png_url(
        np.concatenate([grid(to_bytes(getattr(state, take.look)), columns=VARIANTS) for state in take.states])
    )
    says = [take.says[row] for row in rows] if take.says else []
    alt = f"Four {'pictures under way' if take.look == 'x' else 'guesses'}, {take.words}"
    return Screen(take.name, LETTERS[take.look], take.words, COLOUR[take.look], alt, sprite, says, rows=rows)


def show(edit):
    """Keep the work of an edit up to date and show its film, what to know about it, its downloads and its code.

    An edit has a key, an id, a wish, the names of the models that it needs, paths {name: levels}, walks(*models) {name: States},
    film and words made of {name: States that were kept}, code and functions.
    """
    bar, stage, below = st.container(), st.container(), st.container()
    with bar:
        done = session.keep_up(edit.key, edit, _begin, _watch, "Go on")
    if done:
        shown, film, words, results = done
        with stage:
            play(film, key=edit.key)
        with below:
            st.caption(words)
            _downloads(edit.key, results)


def code(edit):
    """Show the lines that make the same pictures."""
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
    """Show how far the walks are, and unless quiet the pictures under way; when it is over, keep the film and show the page anew."""
    total = sum(len(path) - 1 for path in edit.paths.values())

    def says(job):
        where = f"{job.latest[0]}, level {job.latest[1].t}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, total)} of {total}: {where}"

    def look(item):
        page = grid(to_bytes(item[1].x), columns=2, zoom=2)
        st.image(page, caption=f"Level {item[1].t}: {item[0]}", alt=f"Four pictures under way at level {item[1].t}")

    def over(job):
        walks = {name: [state for label, state in job.kept if label == name] for name in edit.paths}
        results = {name: to_bytes(states[-1].x.cpu()) for name, states in walks.items()}
        words = f"{edit.words(walks)} Computed in {job.seconds:.1f} s."
        st.session_state[f"done:{edit.key}"] = edit, edit.film(walks), words, results

    session.watch(edit.key, says, (lambda item: None) if quiet else look, over)


def _downloads(key, results):
    """Offer each finished picture, and all of them in a row, as a PNG without loss."""
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
