"""The controls of the U-Net page: which part, which position, and which image goes through the network."""

import streamlit as st

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.request import ANY
from diffusion_edu.app.common.sampler_controls import ask_seed
from diffusion_edu.app.common.state import set_controls
from diffusion_edu.app.unet.diagram import spatial
from diffusion_edu.app.unet.layer_recording import UNETS
from diffusion_edu.app.unet.trajectory import Trajectory

SAMPLE, OURS = "a sample", "one of ours"
NONE = "none"
FIRST_CLASS = "sunflower"


def ask_part(summary):
    """Ask for a part of the network; the default is the last one that is conditioned on the timestep."""
    parts = {part.name: part for part in spatial(summary)}
    default = [part.name for part in summary.parts if part.conditioned][-1]
    words = "Or click a part of the map. The names are those in the code of the network."
    name = control(st.selectbox, "Part", list(parts), list(parts).index(default), key="part", help=words)
    return parts[name]


def select_part(name):
    """Select a part in the widget of ask_part."""
    set_controls(part=name)


def ask_layer(summary):
    """Ask in the sidebar for an attention layer and a position; returns the layer, or None if there is none."""
    layers = {part.name: part for part in spatial(summary) if part.type_name == "SelfAttention"}
    if not layers:
        return None
    with st.sidebar:
        layer = layers[control(st.selectbox, "Attention layer", list(layers), len(layers) - 1, key="layer")]
        more = st.expander("More choices")
    for key, last in zip(("row", "column"), layer.output_shape[1:], strict=True):
        words = "Or click into the image."
        control(more.slider, f"Position: {key}", 1, last, (last + 1) // 2, key=key, help=words)
    return layer


def ask_second_network(card):
    """Ask for a second network to compare with; returns its card or None."""
    cards = models.titled().items()
    known = {title: other for title, other in cards if other.name != card.name and other.network in UNETS}
    return known.get(control(st.sidebar.selectbox, "Compare with", [NONE, *known], key="compare_with"))


def class_of(trajectory, card):
    """Return the class whose neighbours are shown: that of the image, or the first one."""
    name = trajectory.subject.class_name if trajectory.subject else trajectory.condition
    return name if name in card.condition_names else card.condition_names[0]


def ask_trajectory(card):
    """Ask in the sidebar for the image that goes through the network.

    Raises ValueError, in one sentence, if our own images are missing.
    """
    with st.sidebar:
        choices = [SAMPLE, OURS] if card.channels == 3 else [SAMPLE]
        words = "Sampled from noise by the model itself, or one of our images with noise added."
        chosen = control(
            st.segmented_control, "Input image", choices, default=SAMPLE, required=True, key="input", help=words
        )
        if chosen == OURS:
            return Trajectory(card, ask_seed(st), subject=image_picker.ours(card.size))
        names = [ANY, *card.condition_names]
        default = names.index(FIRST_CLASS) if FIRST_CLASS in names else 0
        condition = control(st.selectbox, "Condition", names, default, key="condition")
        return Trajectory(card, ask_seed(st), condition)
