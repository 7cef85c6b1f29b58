"""Home: what this is, what is installed, how fast this machine is."""

import streamlit as st

from diffusion_edu.app.common import model_card, models
from diffusion_edu.app.common.layout import page
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.timing import measure
from diffusion_edu.app.trajectories.recording import load_animation
from diffusion_edu.checkpoints import PRETRAINED, Unusable
from diffusion_edu.generation import Preset


def choice(card):
    """Say what a model can be asked for."""
    if card.text:
        return "draws what a text says"
    return (
        f"{len(card.condition_names)} {'attributes' if card.attributes else 'class_names'}"
        if card.condition_names
        else "no kinds"
    )


page(
    "How diffusion models work",
    "Noise becomes a flower, one small move at a time. Watch the prediction on the right: **what does it see first, colour or shape?**",
    icon="🌸",
)

if animation := load_animation(PRETRAINED / "flowers_attention.animation.json"):
    play(animation, key="home", autoplay=True)
    st.caption(
        "Sampled by the small network that comes with this app, trained on photographs of flowers; nothing is being computed now."
    )
with st.container(horizontal=True):
    st.page_link("pages/1_Adding_noise.py", label="First see what noise does to an image", icon=":material/grain:")
    st.page_link(
        "pages/3_Sampling_theatre.py", label="Draw your own in the sampling theatre", icon=":material/theaters:"
    )
    st.page_link("pages/11_Text_to_image.py", label="Or say what to draw", icon=":material/text_fields:")

installed, machine = st.columns(2, gap="large")
with installed:
    st.subheader("Installed models", anchor=False)
    known = models.cards(lambda card: card.generates or (card.text and card.autoencoder))
    for card in known.values():
        seen = card.training.get("images_seen")
        trained = f", has seen {seen:,} images in training" if seen else ""
        with st.container(gap="xxsmall"):
            model_card.button(card)
            scored = "FD {FD:.1f} to real images, which have {FD_floor:.1f} to each other; noise {FD_noise:.0f}."
            st.caption(
                f"{model_card.pixels(card)}, {choice(card)}{trained}. "
                + (scored.format(**card.scores) if "FD" in card.scores else "")
            )
    if others := [card for name, card in model_card.everything().items() if name not in known]:
        with st.expander(f"{len(others)} more: they judge, restore, enlarge or follow an image"):
            for card in others:
                model_card.button(card)
    if not known:
        st.warning(
            "No model is installed: restore the folder 'pretrained', or train one with 'python -m diffusion_edu.recipes.flowers_attention'."
        )
with machine:
    st.subheader("Your machine", anchor=False)
    drawing = [card for card in known.values() if card.generates]
    if drawing and st.button("Measure for one second", icon=":material/speed:"):
        card = drawing[0]
        preset = Preset(**card.sampling)
        try:
            model = models.get(card.name)
            with st.spinner("Measuring ..."):
                seconds = 8 * preset.nfe(guiding=bool(card.condition_names)) * measure(model)
            st.metric(
                f"8 images in {preset.steps} steps",
                f"{seconds:.1f} s",
                help="The default preset of the model; up to 2 s feels immediate.",
            )
            st.caption(f"Computing on {model.compute}.")
        except Unusable as problem:
            st.error(str(problem))
    else:
        st.caption("See how long drawing takes here before you wait for it.")
