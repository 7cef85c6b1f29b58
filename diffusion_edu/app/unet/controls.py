"""What the page of the U-Net's insides asks: which part, from which place, and which image goes through."""

import streamlit as st

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.request import ANY
from diffusion_edu.app.common.sampler_controls import ask_seed
from diffusion_edu.app.examples.tables import KIND
from diffusion_edu.app.unet.activations import BOUND, UNETS, Walk
from diffusion_edu.app.unet.diagram import spatial

DRAWING, OURS = "a drawing", "one of ours"


def ask_part(anatomy):
    """Ask in which part to look; at first the last one that is told the level."""
    parts = {part.name: part for part in spatial(anatomy)}
    first = [part.name for part in anatomy.parts if part.told][-1]
    _forget_strangers("stage", parts)
    words = "Or click on it in the map. Names are those of the network in the code."
    name = st.selectbox("Part", list(parts), list(parts).index(first), key="stage", help=words, **BOUND)
    return parts[name]


def choose_part(name):
    """Choose a part, as the widget of ask_part would."""
    st.session_state["stage"] = name


def ask_layer(anatomy):
    """Ask in the sidebar which attention layer to look at, and from where; returns it, or None if there is none."""
    layers = {part.name: part for part in spatial(anatomy) if part.class_name == "Attention"}
    if not layers:
        return None
    _forget_strangers("layer", layers)
    with st.sidebar:
        layer = layers[st.selectbox("Attention layer", list(layers), len(layers) - 1, key="layer", **BOUND)]
        more = st.expander("More choices")
    for key, most in zip(("row", "column"), layer.gives[1:], strict=True):
        if st.session_state.get(key, 1) > most:
            del st.session_state[key]
        more.slider(f"Look from {key}", 1, most, (most + 1) // 2, key=key, help="Or click into the image.", **BOUND)
    return layer


def ask_beside(card):
    """Ask for a second network to lay beside; returns its card or None."""
    known = {
        title: other for title, other in models.titled().items() if other.name != card.name and other.network in UNETS
    }
    _forget_strangers("beside", ["nothing", *known])
    return known.get(st.sidebar.selectbox("Beside it", ["nothing", *known], key="beside", **BOUND))


def _forget_strangers(key, known):
    """Forget what was chosen for another network and is not there in this one."""
    if st.session_state.get(key) not in known:
        st.session_state.pop(key, None)


def class_name_of(walk, card):
    """The kind whose neighbours are shown: that of the image, or the first one."""
    asked = walk.subject.class_name if walk.subject else walk.class_name
    return asked if asked in card.condition_names else card.condition_names[0]


def ask_walk(card):
    """Ask in the sidebar for the image that goes through the network; raises ValueError, in words, if our own images are missing."""
    with st.sidebar:
        choices = [DRAWING, OURS] if card.channels == 3 else [DRAWING]
        words = "Sampled from noise by the model itself, or one of our images with noise laid over it."
        given = st.segmented_control("Image", choices, default=DRAWING, required=True, key="given", help=words, **BOUND)
        if given == OURS:
            return Walk(card, ask_seed(st), subject=image_picker.ours(card.size))
        class_names = [ANY, *card.condition_names]
        class_name = st.selectbox(
            "What to draw", class_names, class_names.index(KIND) if KIND in class_names else 0, key="asked", **BOUND
        )
        return Walk(card, ask_seed(st), class_name)
