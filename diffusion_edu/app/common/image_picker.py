"""The image picker: one of our images, a file, a photo, or a sample, cropped and resized for the models."""

from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import own
from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.data.images import load_images
from diffusion_edu.data.uploads import read_upload

OURS, FILE, CAMERA, SAMPLED = "one of ours", "a file", "camera", "your last sample"
OPENING_CLASS = "water lily"
UNLINKED = "Stays between you and this app's server, and is not part of the link to this page."


@dataclass(frozen=True)
class Subject:
    """An image uint8 (3, size, size) and its class name.

    code is the Python that reads it, notes say what was changed about it, and row is its index in our images, if it is
    one.
    """

    image: Tensor
    class_name: str
    code: str
    notes: tuple[str, ...] = ()
    row: int | None = None


@st.cache_resource(max_entries=2, show_spinner="Reading the images ...")
def images(size=64):
    """Read the images that come with the app, once for all sessions."""
    return load_images(PRETRAINED / "flower_samples.parquet", size)


def ask_subject(size=64, place=None, sampled=None):
    """Let a person choose an image, and return it as a Subject.

    An unreadable file is replaced by one of ours, with a sentence. The controls stand in the sidebar or in `place`;
    `sampled` is an earlier sample that can be chosen too. Raises ValueError, with a sentence for the person, if our own
    images are missing.
    """
    place = place or st.sidebar
    with place:
        sources = [OURS, FILE, CAMERA, *([SAMPLED] if sampled else [])]
        source = control(st.segmented_control, "Image", sources, default=OURS, required=True, key="source")
        if source == SAMPLED:
            return sampled
        file = _ask_file(source)
        if file is None:
            return ours(size)
    try:
        image, notes = read_upload(file.getvalue(), size)
    except ValueError as problem:
        st.error(plain(problem))
        with place:
            return ours(size)
    return Subject(image, "your image", snippet(__file__, "read_upload", size=size), tuple(notes))


def _ask_file(source):
    """Ask for a file or a photo, and return it, or None."""
    if source == FILE:
        return st.file_uploader("Your image", key=own("file"), help=f"JPEG, PNG, WebP, GIF and others. {UNLINKED}")
    return st.camera_input("Your photo", key=own("photo"), help=UNLINKED) if source == CAMERA else None


def ours(size=64):
    """Let a person choose one of our images by its class and number."""
    known = images(size)
    opening = known.classes.index(OPENING_CLASS)
    class_name = control(st.selectbox, "Class", known.classes, opening, key="class_name")
    rows = (known.labels == known.classes.index(class_name)).nonzero().flatten().tolist()
    count = int(known.labels.bincount().min())
    row = rows[control(st.slider, "Number", 1, count, 1, key="number") - 1]
    code = snippet(__file__, "read_ours", size=size, row=row, class_name=class_name)
    return Subject(known.images[row], class_name, code, row=row)
