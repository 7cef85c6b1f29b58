"""What is in the box? A map of the network, what its parts say, where its attention looks, and what it is told."""

import streamlit as st

from diffusion_edu.analysis.activations import anatomy as take_anatomy
from diffusion_edu.analysis.activations import (
    at_each,
    dead,
    during,
    likeness,
    principal,
    recorded,
    strength,
    told_class_names,
    waves,
)
from diffusion_edu.analysis.attention import attention_off, looking, perplexity
from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import page, show_code
from diffusion_edu.app.components.svg import widget
from diffusion_edu.app.unet import activation_animation, activations, controls, diagram, embeddings
from diffusion_edu.checkpoints import Unusable

MAP, CHANNELS, LOOKS, TIMESTEP, CLASS_NAMES = "map", "activations", "attention", "timestep", "class_names"
LOOK_FOR = {
    MAP: "Follow the image down and up again: **where is most of the arithmetic, and what do the skips carry past it?**",
    CHANNELS: "Drag the bar from noise to image: **do these channels show the flower or the noise, and where does that change?**",
    LOOKS: "Click into the image: **does a petal look at other petals, and what is lost with attention switched off?**",
    TIMESTEP: "Read 1, 2, 3 from left to right: **how does one number, the timestep, come to turn channels up and down?**",
    CLASS_NAMES: "Compare kinds in both ways: **are their embeddings strangers to each other, and which do the parts treat alike?**",
}

page(
    "Inside the U-Net",
    "What is in the box? Every number here was read from a real forward pass while it ran.",
    icon="🧩",
)
left, right = st.columns(2, vertical_alignment="center")
look = left.segmented_control(
    "Look at", list(LOOK_FOR), default=MAP, required=True, key="look", label_visibility="collapsed", **activations.BOUND
)
right.markdown(LOOK_FOR[look])
with st.sidebar:
    card = models.pick()
try:
    taken = activations.anatomy_of(card)
    with st.sidebar:
        part = controls.ask_part(taken)
    walk = controls.ask_walk(card)
except (Unusable, ValueError) as problem:
    st.error(str(problem))
    st.stop()
size = (card.channels, card.size, card.size)

if look == MAP:
    beside = controls.ask_beside(card)
    maps = [(diagram.title(card, taken), diagram.draw(taken, size, part.name, 470 if beside else 900))]
    if beside:
        other = activations.anatomy_of(beside)
        maps.append(
            (diagram.title(beside, other), diagram.draw(other, (beside.channels, beside.size, beside.size), None, 470))
        )
    widget.show(maps, "map", "map", controls.choose_part)
    st.markdown(diagram.describe(taken, part))
    st.caption(diagram.LEGEND)
    show_code(activations.map_code(card), take_anatomy, does="count exactly these numbers")

elif look == CHANNELS:
    wanted = activations.Look(walk, part.name, part.gives)
    if done := activations.keep_up(wanted):
        shown, animation, seconds = done
        activation_animation.show_channels(animation, "channels")
        st.caption(
            f"{shown.walk.words}; `{shown.part}` says {diagram.times(shown.shape)}. {activation_animation.CHANNEL_WORDS} Computed in {seconds:.1f} s."
        )
    show_code(wanted.code, recorded, during, strength, dead, does="read exactly these numbers")

elif look == LOOKS:
    if layer := controls.ask_layer(taken):
        wanted = activations.Look(walk, layer.name, layer.gives, attending=True)
        if done := activations.keep_up(wanted):
            shown, animation, seconds = done
            activation_animation.show_looks(animation, "looks", "row", "column")
            st.caption(
                f"{shown.walk.words}; `{shown.part}`. {activation_animation.LOOK_WORDS} Computed in {seconds:.1f} s."
            )
        show_code(wanted.code, looking, attention_off, during, perplexity, does="read exactly these numbers")
    else:
        st.info(
            f"{card.title} has no attention: its places hear of each other through convolutions only. Choose an attention U-Net."
        )

elif look == TIMESTEP:
    layer = embeddings.show_timestep(card, part.name)
    show_code(
        embeddings.timestep_code(card, layer, models.get(card.name).net),
        at_each,
        waves,
        likeness,
        does="compute exactly these numbers",
    )

elif not card.condition_names:
    st.info(
        f"{card.title} was never told any kinds: choose a model with classes or attributes.", icon=":material/info:"
    )
else:
    class_name = controls.class_name_of(walk, card)
    t, which = embeddings.show_class_names(card, class_name)
    code = embeddings.class_names_code(card, class_name, t, which, models.get(card.name).net)
    show_code(code, told_class_names, likeness, principal, does="compute exactly these numbers")
