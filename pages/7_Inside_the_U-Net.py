"""What is in the box? A map of the network, what its parts say, where its attention looks, and what it is told."""

import streamlit as st

from diffusion_edu.app import anatomy, inside, models, reels, told, vectors, where
from diffusion_edu.app.layout import page, show_code
from diffusion_edu.attention import attention_off, looking, perplexity
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.insides import anatomy as take_anatomy
from diffusion_edu.insides import (
    at_each,
    dead,
    during,
    likeness,
    principal,
    recorded,
    strength,
    told_kinds,
    waves,
)

MAP, CHANNELS, LOOKS, LEVEL, KINDS = "map", "activations", "attention", "level", "kinds"
LOOK_FOR = {
    MAP: "Follow the picture down and up again: **where is most of the arithmetic, and what do the skips carry past it?**",
    CHANNELS: "Drag the bar from noise to picture: **do these channels show the flower or the noise, and where does that change?**",
    LOOKS: "Click into the picture: **does a petal look at other petals, and what is lost with attention switched off?**",
    LEVEL: "Read 1, 2, 3 from left to right: **how does one number, the level, come to turn channels up and down?**",
    KINDS: "Compare kinds in both ways: **are their embeddings strangers to each other, and which do the parts treat alike?**",
}

page("Inside the U-Net", "What is in the box? Every number here was read from a real forward pass while it ran.", icon="🧩")
left, right = st.columns(2, vertical_alignment="center")
look = left.segmented_control("Look at", list(LOOK_FOR), default=MAP, required=True, key="look", label_visibility="collapsed", **inside.BOUND)
right.markdown(LOOK_FOR[look])
with st.sidebar:
    card = models.pick()
try:
    taken = inside.anatomy_of(card)
    with st.sidebar:
        part = where.ask_part(taken)
    walk = where.ask_walk(card)
except (Unusable, ValueError) as problem:
    st.error(str(problem))
    st.stop()
size = (card.channels, card.size, card.size)

if look == MAP:
    beside = where.ask_beside(card)
    maps = [(anatomy.title(card, taken), anatomy.draw(taken, size, part.name, 470 if beside else 900))]
    if beside:
        other = inside.anatomy_of(beside)
        maps.append((anatomy.title(beside, other), anatomy.draw(other, (beside.channels, beside.size, beside.size), None, 470)))
    vectors.show(maps, "map", "map", where.choose_part)
    st.markdown(anatomy.describe(taken, part))
    st.caption(anatomy.LEGEND)
    show_code(inside.map_code(card), take_anatomy, does="count exactly these numbers")

elif look == CHANNELS:
    wanted = inside.Look(walk, part.name, part.gives)
    if done := inside.keep_up(wanted):
        shown, film, seconds = done
        reels.show_channels(film, "channels")
        st.caption(f"{shown.walk.words}; `{shown.part}` says {anatomy.times(shown.shape)}. {reels.CHANNEL_WORDS} Computed in {seconds:.1f} s.")
    show_code(wanted.code, recorded, during, strength, dead, does="read exactly these numbers")

elif look == LOOKS:
    if layer := where.ask_layer(taken):
        wanted = inside.Look(walk, layer.name, layer.gives, attending=True)
        if done := inside.keep_up(wanted):
            shown, film, seconds = done
            reels.show_looks(film, "looks", "row", "column")
            st.caption(f"{shown.walk.words}; `{shown.part}`. {reels.LOOK_WORDS} Computed in {seconds:.1f} s.")
        show_code(wanted.code, looking, attention_off, during, perplexity, does="read exactly these numbers")
    else:
        st.info(f"{card.title} has no attention: its places hear of each other through convolutions only. Choose an attention U-Net.")

elif look == LEVEL:
    layer = told.show_level(card, part.name)
    show_code(told.level_code(card, layer, models.get(card.name).net), at_each, waves, likeness, does="compute exactly these numbers")

elif not card.kinds:
    st.info(f"{card.title} was never told any kinds: choose a model with classes or attributes.", icon=":material/info:")
else:
    kind = where.kind_of(walk, card)
    t, which = told.show_kinds(card, kind)
    code = told.kinds_code(card, kind, t, which, models.get(card.name).net)
    show_code(code, told_kinds, likeness, principal, does="compute exactly these numbers")
