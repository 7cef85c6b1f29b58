"""Controls of image editing that several pages show: the input image, strength, added noise, and the mask."""

from base64 import b64encode

import streamlit as st
import torch

from diffusion_edu.app.common import image_picker
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.image_picker import UNLINKED, Subject
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.state import own
from diffusion_edu.data.layers import painted, read_mask, to_png

COLUMNS = {"spec": [10, 21], "gap": "small"}  # a canvas of 256 pixels, and two images of that width
FILE = "file"


def ask_image_or_stop(size, place=None, sampled=None):
    """Ask for an image (see image_picker.ask_subject); show one sentence and stop the page where there is none."""
    try:
        return image_picker.ask_subject(size, place, sampled)
    except ValueError as problem:
        st.error(f"{plain(problem)} Restore it, or choose a file of your own.")
        st.stop()


def painted_over(subject, layer):
    """Return the Subject with a layer, uint8 (4, h, w), painted over its image."""
    if not layer.any():
        return subject
    imports = "from base64 import b64decode\n\nfrom diffusion_edu.data.layers import painted, read_layer\n"
    data = base64_literal(to_png(layer))
    line = f"image = painted(image, read_layer(b64decode({data}), {layer.shape[-1]}))  # the painted layer, as a PNG\n"
    return Subject(
        painted(subject.image, layer), subject.class_name, f"{imports}{subject.code}{line}", subject.notes, subject.row
    )


def base64_literal(data):
    """Write bytes as a Python string that b64decode reads."""
    return f'"{b64encode(data).decode()}"'


def ask_strength(label="Strength"):
    """Ask how much of the image may change, 0 to 1."""
    words = (
        "0 returns the image unchanged, 1 ignores it. In between, sampling starts at this fraction of the timesteps."
    )
    return control(st.slider, label, 0.0, 1.0, 0.6, 0.05, key="strength", help=words)


def ask_add_noise():
    """Ask whether noise is added to the image before sampling."""
    words = (
        "Off: the image is only multiplied by the signal rate of that timestep. The result shows what the noise is for."
    )
    return control(st.toggle, "Add noise", True, key="noisy", help=words)


def disc(size):
    """Return a mask, bool (size, size): a disc in the middle."""
    at = torch.arange(size) - (size - 1) / 2
    return (at[:, None] ** 2 + at**2).sqrt() < 0.28 * size


def half(size):
    """Return a mask, bool (size, size): the right half."""
    return (torch.arange(size) >= size // 2).expand(size, size)


def frame(size):
    """Return a mask, bool (size, size): everything around the middle."""
    at = (torch.arange(size) - (size - 1) / 2).abs()
    return torch.maximum(at[:, None], at) > 0.25 * size


MASKS = {"disc": disc, "half": half, "frame": frame}


def ask_mask(size):
    """Ask for the first mask, bool (size, size), True where the image is generated anew.

    A file that cannot be read gets one sentence, and the disc takes its place.
    """
    words = "Change it with brush and eraser, or clear it first."
    chosen = control(
        st.segmented_control, "Mask", [*MASKS, FILE], default="disc", required=True, key="hole", help=words
    )
    if chosen != FILE:
        return MASKS[chosen](size)
    given = st.file_uploader(
        "Your mask: light pixels are filled", key=own("mask"), help=f"An image of any size. {UNLINKED}"
    )
    if given is None:
        return disc(size)
    try:
        mask, notes = read_mask(given.getvalue(), size)
    except ValueError as problem:
        st.error(plain(problem))
        return disc(size)
    if notes:
        st.caption(" ".join(notes))
    return mask
