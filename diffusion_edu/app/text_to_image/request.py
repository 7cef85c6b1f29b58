"""What all tabs of the text-to-image page have in common: model, prompts, sampling settings and seed."""

from dataclasses import dataclass, field

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import own
from diffusion_edu.app.text_to_image import png_metadata, random_prompts
from diffusion_edu.checkpoints import Card, Unusable, available, read_card, vocabulary
from diffusion_edu.generation import Preset
from diffusion_edu.latent.text_to_image import TextToImage, load_text_to_image

FIRST_PROMPT = "A volcano erupts at dusk, glowing lava flowing down its dark slopes under a stormy sky."
MISSING = (
    "No text-to-image model is installed: restore the folder 'pretrained', "
    "or train one with 'diffusion-edu train text_to_image'."
)
TIPS = """
- **Name one subject**, then its colour, what it does, the place, the light, the weather, as the training captions do.
- **A sentence of 10 to 40 words** works best. After about 70 words nothing is read.
- **The model knows only the words of its captions.** It reads other words in pieces; the page says what is left out.
- **The negative prompt** names what the image should not show. It needs a guidance scale above 1.
- **English**, one subject, no text, no numbers: the model cannot count.
"""


@dataclass(frozen=True)
class TextRequest:
    """The settings of the page: model, prompt, negative prompt, preset, and the seed of the first image."""

    card: Card = field(repr=False)
    prompt: str
    negative: str
    preset: Preset
    seed: int

    def seeds(self, count):
        """One seed per image."""
        return list(range(self.seed, self.seed + count))

    def prompt_request(self, text_to_image, count=1):
        """Return the PromptRequest of a TextToImage for `count` images."""
        return text_to_image.request(self.prompt, self.seeds(count), self.preset, self.negative)

    @property
    def settings(self):
        """All settings as a dict for JSON."""
        about = {"model": self.card.name, "sha256": self.card.sha256, "prompt": self.prompt, "negative": self.negative}
        return {**about, "seed": self.seed, "preset": vars(self.preset)}

    def code(self, count=1):
        """Python code that loads the model and defines request, for `count` images."""
        values = {"prompt": repr(self.prompt), "negative": repr(self.negative)}
        lines = snippet(
            __file__, "request", model=self.card.name, preset=self.preset, seeds=self.seeds(count), **values
        )
        return lines.rstrip()


@st.cache_resource(max_entries=2, show_spinner="Loading the weights ...")
def _loaded(name, changed) -> TextToImage:
    return load_text_to_image(name)


def load(name):
    """Load a TextToImage, shared by all sessions until one of its files changes; raises Unusable."""
    return _loaded(name, tuple(_modified(path) for path in _files(name)))


def _files(name):
    """List the files of a text-to-image model: its weights and vocabulary, and those of its autoencoder."""
    known = available()
    if name not in known:
        return []
    parts = [each for each in (name, read_card(known[name]).autoencoder) if each in known]
    weights = [known[each].with_suffix(ending) for each in parts for ending in (".json", ".safetensors")]
    return [*weights, vocabulary(known[name].parent, name)]


def _modified(path):
    return str(path), path.stat().st_mtime_ns if path.exists() else None


def ask():
    """Show the controls that all tabs share and return the TextRequest; stop with one sentence if there is no model."""
    with st.sidebar:
        known = models.titled(lambda card: bool(card.text and card.autoencoder), MISSING)
        card = models.choose(known, st.selectbox)
        main, more = st.container(), st.expander("More choices")
    with more:
        png_metadata.offer(known)
    preset = ask_preset(Preset(**card.sampling), (main, main, more))
    seed = ask_seed(main)
    return TextRequest(card, *ask_prompts(card), preset, seed)


def ask_prompts(card):
    """Ask for the prompt and the negative prompt; returns both as typed."""
    left, right = st.columns([13, 7], gap="small")
    with right.container(gap="xsmall"):
        with st.container(horizontal=True, gap="small"):
            popover = st.popover(
                "Random", icon=":material/casino:", width="stretch", key=own("random"), on_change="rerun"
            )
            if popover.open:  # reading a Markov chain takes a moment
                with popover:
                    random_prompts.offer(card, "prompt")  # before the text box, because it may fill it
            with st.popover("Tips", icon=":material/lightbulb:", width="stretch"):
                st.markdown(TIPS)
        words = "Negative prompt (optional)"
        negative = control(
            st.text_input, "Negative prompt", key="negative", placeholder=words, label_visibility="collapsed"
        )
    words = "Prompt: what the image should show. Empty: unconditional."
    prompt = control(
        left.text_area, "Prompt", FIRST_PROMPT, height=88, key="prompt", placeholder=words, label_visibility="collapsed"
    )
    return prompt, negative


def load_or_stop(request):
    """Return the TextToImage of a TextRequest; show one sentence and stop the page if it cannot be used."""
    try:
        return load(request.card.name)
    except Unusable as problem:
        st.error(plain(problem))
        st.stop()


def show_notes(prompt_request):
    """Show which parts of the prompts have no effect."""
    for note in prompt_request.notes:
        st.caption(f":material/info: {plain(note)}")


def quoted(prompt, limit=40):
    """Write the beginning of a prompt in quotation marks."""
    text = " ".join(prompt.split())
    return f"“{text[:limit].rstrip()}…”" if len(text) > limit else f"“{text}”" if text else "unconditional"


def shortened(text, limit=400):
    """Shorten typed text to what can be shown."""
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[:limit]} ..."
