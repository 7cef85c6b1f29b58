"""What the page of the forward process asks: an image from anywhere, and the schedules that add noise to it."""

from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from diffusion_edu.app.adding_noise.animation import MANY, Noising
from diffusion_edu.app.trajectories.animation import DASHES
from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.data.images import load_images
from diffusion_edu.data.uploads import read_upload
from diffusion_edu.schedules import SCHEDULES

OURS, FILE, CAMERA, SAMPLED = "one of ours", "a file", "camera", "sampled"
FIRST, TIMESTEPS = ("linear", "cosine"), (100, 300, 600, 1000)
UNLINKED = "Stays between you and this app's server, and is not part of the link to this page."


@dataclass(frozen=True)
class Subject:
    """An image uint8 (3, size, size), what it is, the lines of Python that read it, what had to be changed about it, and which of ours it is."""

    image: Tensor
    class_name: str
    code: str
    notes: tuple[str, ...] = ()
    row: int | None = None


@st.cache_resource(max_entries=2, show_spinner="Reading the images ...")
def images(size=64):
    """Read the images that come with the app, once for everybody."""
    return load_images(PRETRAINED / "flower_samples.parquet", size)


def ask_subject(size=64, place=None, sampled=None):
    """Let a person choose an image; a file that cannot be used gets one sentence, and one of ours takes its place.

    The questions stand in the sidebar or in another place; sampled is a Subject that was sampled before, if there is one to choose.
    Raises ValueError, in words, if our own images are missing.
    """
    place = place or st.sidebar
    with place:
        sources = [OURS, FILE, CAMERA, *([SAMPLED] if sampled else [])]
        source = st.segmented_control("Image", sources, default=OURS, required=True, key="source", bind="query-params")
        given = None
        if source == FILE:
            given = st.file_uploader("Your image", key="file", help=f"JPEG, PNG, WebP, GIF and others. {UNLINKED}")
        elif source == CAMERA:
            given = st.camera_input("Your photo", key="photo", help=UNLINKED)
        if source == SAMPLED:
            return sampled
        if given is None:
            return ours(size)
    try:
        image, notes = read_upload(given.getvalue(), size)
    except ValueError as problem:
        st.error(str(problem))
        with place:
            return ours(size)
    code = f'image, notes = read_upload(Path("my_image.jpg").read_bytes(), {size})  # your own file\n'
    return Subject(
        image,
        "your image",
        f"from pathlib import Path\nfrom diffusion_edu.data.uploads import read_upload\n\n{code}",
        tuple(notes),
    )


def ours(size=64):
    """Let a person choose one of our images, by kind and number."""
    known = images(size)
    class_name = st.selectbox(
        "Kind", known.classes, known.classes.index("water lily"), key="class_name", bind="query-params"
    )
    rows = (known.labels == known.classes.index(class_name)).nonzero().flatten().tolist()
    most = int(known.labels.bincount().min())
    number = st.slider("Number", 1, most, 1, key="number", bind="query-params")
    row = rows[number - 1]
    code = (
        "from diffusion_edu.checkpoints import PRETRAINED\n"
        "from diffusion_edu.data.images import load_images\n\n"
        f'image = load_images(PRETRAINED / "flower_samples.parquet", {size}).images[{row}]  # {class_name}\n'
    )
    return Subject(known.images[row], class_name, code, row=row)


def ask_noise():
    """Let a person choose what adds noise: names of schedules, T, the seed, and whether to average over many noises."""
    bound = {"bind": "query-params"}
    with st.sidebar:
        words = f"Up to {len(DASHES)} ways to mix image and noise. All of them get the same noise."
        names = st.multiselect(
            "Schedules, side by side",
            list(SCHEDULES),
            FIRST,
            max_selections=len(DASHES),
            key="schedules",
            help=words,
            **bound,
        )
        left, right = st.columns(2)
        T = left.selectbox(
            "Timesteps T",
            TIMESTEPS,
            len(TIMESTEPS) - 1,
            key="timesteps",
            help="How many timesteps lie between image and noise.",
            **bound,
        )
        seed = right.number_input(
            "Seed", 0, 1_000_000, 0, key="seed", help="The same seed gives the same noise.", **bound
        )
        words = f"Mix the image with {MANY} different noises and show their mean: the noise cancels, what is left of the image stays."
        averaged = st.toggle(f"Average over {MANY} noises", key="averaged", help=words, **bound)
        words = "The linear schedule is made for 1,000 timesteps. With 300, timestep T is not yet noise: something of the image is left."
        st.button(
            "See the ghost: linear, T = 300",
            icon=":material/visibility:",
            on_click=show_ghost,
            help=words,
            width="stretch",
        )
    return names, T, seed, averaged


def ask():
    """Let a person choose an image and what adds noise to it; returns the Subject and the Noising, or ends the page with one sentence."""
    try:
        subject = ask_subject()
    except ValueError as problem:  # our own images are missing
        st.error(f"{problem} Restore it, or choose a file of your own.")
        st.stop()
    names, T, seed, averaged = ask_noise()
    if not names:
        st.info("Choose at least one schedule.", icon=":material/info:")
        st.stop()
    return subject, Noising(subject.image, subject.class_name, [SCHEDULES[name](T) for name in names], seed, averaged)


def show_ghost():
    """Choose a schedule that leaves some of the image at T, beside one that does not, and average the noise away."""
    st.session_state.update(schedules=list(FIRST), timesteps=300, averaged=True)


def code(subject, mixed):
    """Write the lines of Python that make the same images and numbers."""
    names = [schedule.name for schedule in mixed.schedules]
    noise = f"SeededNoise([{mixed.seed}]).sample(image.shape)  # one noise for all schedules"
    if mixed.averaged:
        noise = f"SeededNoise(range({mixed.seed}, {mixed.seed + MANY})).sample(image.shape).mean(0)  # mixing is linear: average the noises first"
    return (
        "from diffusion_edu.data.images import to_signed\n"
        "from diffusion_edu.analysis.measures import histogram, snr_decibels, spectrum\n"
        "from diffusion_edu.randomness import SeededNoise\n"
        "from diffusion_edu.schedules import SCHEDULES\n"
        "from diffusion_edu.spacings import spaced\n"
        f"{subject.code}"
        "x0 = to_signed(image)[None]                 # (1, 3, 64, 64) in [-1, 1]\n"
        f"eps = {noise}\n"
        f"for name in {names}:\n"
        f"    schedule = SCHEDULES[name]({mixed.T})\n"
        f"    for t in spaced(schedule, {len(mixed.timesteps) - 1}):\n"
        "        x = schedule.corrupt(x0, t, eps)    # signal[t] * x0 + noise[t] * eps\n"
        "        print(name, t, snr_decibels(schedule)[t], histogram(x), spectrum(x))\n"
    )
