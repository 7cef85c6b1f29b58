"""What all parts of the text-to-image page ask: who draws, what is to be seen and what not, and how."""

from dataclasses import dataclass, field

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.text_to_image import png_metadata, random_prompts
from diffusion_edu.checkpoints import Card, Unusable, available, read_card, vocabulary
from diffusion_edu.generation import Preset
from diffusion_edu.latent.text_to_image import TextToImage, load_text_to_image

FIRST = "A volcano erupts at dusk, glowing lava flowing down its dark slopes under a stormy sky."
MISSING = (
    "No model that draws what a text says is installed: restore the folder 'pretrained', "
    "or train one with 'python -m diffusion_edu.recipes.text_to_image'."
)
TIPS = """
- **Name one subject**, and then its colour, what it does, the place, the light, the weather: so are the captions that it learned from.
- **A sentence of 10 to 40 words** is best. Beyond about 70 words nothing is read.
- **It knows only words of its captions.** Of others it hears the pieces that it knows, and the page says what it left out.
- **The negative prompt** names what shall not be seen. It needs a guidance above 1.
- **English**, one subject, no text, no numbers: two tigers are as likely as one.
"""
BOUND = {"bind": "query-params"}


@dataclass(frozen=True)
class Order:
    """What a person asks for on this page: of whom, in which words, not in which, how, and the seed of the first image."""

    card: Card = field(repr=False)
    prompt: str
    negative: str
    preset: Preset
    seed: int

    def seeds(self, count):
        """One seed per image."""
        return list(range(self.seed, self.seed + count))

    def ask(self, able, count=1):
        """Ask a TextToImage for so many images; returns what it understood, text_to_image.Asked."""
        return able.ask(self.prompt, self.seeds(count), self.preset, self.negative)

    @property
    def settings(self):
        """All of it as a dict that JSON can hold."""
        about = {"model": self.card.name, "sha256": self.card.sha256, "prompt": self.prompt, "negative": self.negative}
        return {**about, "seed": self.seed, "preset": vars(self.preset)}

    def code(self, count=1):
        """The lines of Python that load the model, able, and ask for so many images, asked; they import load_text_to_image and Preset."""
        return (
            f'able = load_text_to_image("{self.card.name}")\n'
            f"preset = {self.preset}\n"
            f"asked = able.ask({self.prompt!r}, seeds={self.seeds(count)}, preset=preset, negative={self.negative!r})\n"
        )


@st.cache_resource(max_entries=2, show_spinner="Loading the weights ...")
def _loaded(name, changed) -> TextToImage:
    return load_text_to_image(name)


def get(name):
    """Load a TextToImage, once for everybody, or take it from the cache if none of its files has changed since; raises Unusable."""
    return _loaded(name, tuple(_age(path) for path in _files(name)))


def _files(name):
    """Find the files that a model that is told captions is made of: its weights and vocabulary, and those of its autoencoder."""
    known = available()
    if name not in known:
        return []
    there = [each for each in (name, read_card(known[name]).autoencoder) if each in known]
    return [
        *(known[each].with_suffix(ending) for each in there for ending in (".json", ".safetensors")),
        vocabulary(known[name].parent, name),
    ]


def _age(path):
    return str(path), path.stat().st_mtime_ns if path.exists() else None


def ask():
    """Show the questions that all parts of the page share and return the Order; the page ends here, in words, if there is no model."""
    with st.sidebar:
        known = models.titled(lambda card: bool(card.text and card.autoencoder), MISSING)
        card = known[st.selectbox("Model", list(known), key="model", **BOUND)]
        main, more = st.container(), st.expander("More choices")
    with more:
        png_metadata.offer(known)
    preset = ask_preset(Preset(**card.sampling), (main, main, more))
    seed = ask_seed(main)
    return Order(card, *ask_words(card), preset, seed)


def ask_words(card):
    """Ask what is to be seen and what not; returns prompt and negative prompt, as they were typed."""
    left, right = st.columns([13, 7], gap="small")
    with right.container(gap="xsmall"):
        with st.container(horizontal=True, gap="small"):
            chance = st.popover("Random", icon=":material/casino:", width="stretch", key="random", on_change="rerun")
            if chance.open:  # a chain of words takes a moment to read
                with chance:
                    random_prompts.offer(card, "prompt")  # before the box: it may fill it
            with st.popover("Tips", icon=":material/lightbulb:", width="stretch"):
                st.markdown(TIPS)
        words = "Negative prompt: not this"
        negative = st.text_input(
            "Negative prompt", key="negative", placeholder=words, label_visibility="collapsed", **BOUND
        )
    words = "Prompt: what shall be seen? Nothing: anything."
    return left.text_area(
        "Prompt", FIRST, height=88, key="prompt", placeholder=words, label_visibility="collapsed", **BOUND
    ), negative


def able(order):
    """The TextToImage that an Order is for; this part of the page ends with one sentence if it cannot be used."""
    try:
        return get(order.card.name)
    except Unusable as problem:
        st.error(str(problem))
        st.stop()


def tell(asked):
    """Say in words what of the prompts was not understood."""
    for note in asked.notes:
        st.caption(f":material/info: {escaped(note)}")


def escaped(words):
    """Write what a person typed so that no Markdown is read into it."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-.!|<>$:~" else sign for sign in " ".join(words.split()))
