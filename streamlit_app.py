"""Home: what this is, which models are installed, and how fast this machine is."""

import streamlit as st

from diffusion_edu.app.common import model_card, models
from diffusion_edu.app.common.layout import page
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.score_names import distance_in_words
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.timing import measure
from diffusion_edu.app.trajectories.recording import load_animation
from diffusion_edu.checkpoints import PRETRAINED, Unusable
from diffusion_edu.generation import Preset


def describe_condition(card):
    """Write what a model is conditioned on."""
    if card.text:
        return "conditioned on text"
    if not card.condition_names:
        return "unconditional"
    return f"{len(card.condition_names)} {'attributes' if card.attributes else 'classes'}"


def show_models(known):
    """Show all installed models; a click opens the card."""
    st.subheader("Installed models", anchor=False)
    if any("FD" in card.scores for card in known.values()):
        st.caption("FD is a distance to real images: lower is better.")
    for card in known.values():
        seen = card.training.get("images_seen")
        trained = f", training saw {seen:,} images, repeats included" if seen else ""
        with models.entry(card.name), st.container(gap="xxsmall"):
            model_card.button(card)
            words = f"{model_card.pixels(card)}, {describe_condition(card)}{trained}. {distance_in_words(card)}"
            st.caption(words.strip())
    if others := [card for name, card in model_card.everything().items() if name not in known]:
        with st.expander(f"{len(others)} more: classifiers, autoencoders, restoration, super-resolution, sketches"):
            for card in others:
                with models.entry(card.name):
                    model_card.button(card)
    if not known:
        st.warning(models.MISSING)


def show_speed(known):
    """Offer to measure the speed of this machine."""
    st.subheader("Your machine", anchor=False)
    generating = [card for card in known.values() if card.generates]
    if not generating or not st.button("Measure for one second", icon=":material/speed:"):
        st.caption("See how long sampling takes here before you wait for it.")
        return
    card = generating[0]
    preset = Preset(**card.sampling)
    try:
        model = models.get(card.name)
        with st.spinner("Measuring ..."):
            seconds = 8 * preset.nfe(guiding=bool(card.condition_names)) * measure(model)
        words = "The default preset of the model; up to 2 s feels immediate."
        st.metric(f"8 images in {preset.steps} steps", f"{seconds:.1f} s", help=words)
        st.caption(f"Computing on {model.compute}.")
    except Unusable as problem:
        st.error(plain(problem))


with page(
    "home",
    "How diffusion models work",
    "Noise becomes a flower, one small step at a time. Watch the prediction on the right: "
    "**what does it show first, colour or shape?**",
    icon="🌸",
):
    if animation := load_animation(PRETRAINED / "flowers_attention.animation.json"):
        play(animation, key="home", autoplay=True)
        st.caption(
            "A recorded sample of the small network that comes with this app, trained on photographs of flowers. "
            "Nothing is computed now."
        )
    with st.container(horizontal=True):
        st.page_link("pages/1_Adding_noise.py", label="Start: add noise to an image", icon=":material/grain:")
        st.page_link("pages/3_Sampling.py", label="Sample your own images", icon=":material/animation:")
        st.page_link("pages/11_Text_to_image.py", label="Generate images from text", icon=":material/text_fields:")
    installed, machine = st.columns(2, gap="large")
    with installed:
        known = models.cards(lambda card: card.generates or (card.text and card.autoencoder))
        show_models(known)
    with machine:
        show_speed(known)
