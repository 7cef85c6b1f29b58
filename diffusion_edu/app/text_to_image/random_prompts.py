"""Random prompts for a text-to-image model: from a Markov chain, unseen, or training captions; by category."""

import random

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.image_picker import UNLINKED
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.state import own, set_controls
from diffusion_edu.checkpoints import available
from diffusion_edu.data.prompts import load_prompts, pick
from diffusion_edu.data.uploads import read_prompt_file
from diffusion_edu.text.random_prompts import ORDER, chain_path, load_chain

CHAIN, UNSEEN, TRAINING = "Markov chain", "unseen", "training"
HELP = (
    "- **Markov chain**: words follow each other as in the training captions; the sentence is new.\n"
    "- **unseen**: written by people in the same style; not a training caption.\n"
    "- **training**: training captions. Those for photos of flowers come with the model; the captions of scenes belong "
    "to others: upload their file."
)
FILES = {
    UNSEEN: "unseen",
    TRAINING: "captions",
}  # NAME.unseen.json is beside the weights; training makes NAME.captions.json


def offer(card, key):
    """Offer a random prompt and put it into the widget of this key."""
    sources = [CHAIN, UNSEEN, TRAINING]
    source = control(st.segmented_control, "Prompts", sources, default=CHAIN, required=True, key="prompts", help=HELP)
    try:
        choose, categories = _from_chain(card) if source == CHAIN else _from_file(card, source)
    except ValueError as problem:  # also Unusable
        st.info(plain(problem), icon=":material/info:")
        return
    chosen = []
    if len(categories) > 1:
        about = {"selection_mode": "multi", "key": f"categories {categories}", "help": "None selected: all of them."}
        about["format_func"] = plain
        chosen = control(st.pills, "Categories", categories, linked=False, **about)
    if st.button("Random prompt", type="primary", icon=":material/casino:", key=own("random prompt"), width="stretch"):
        set_controls(**{key: choose(random.randrange(2**31), chosen).text})


def _from_chain(card):
    """Return a function (seed, categories) -> new prompt, and all categories."""
    path = chain_path(available()[card.name].parent, card.name)
    chain = _chain(card.name, path.stat().st_mtime_ns if path.is_file() else None)
    words = "The next word follows this many words in training captions. 1: nonsense; 5: almost a caption."
    order = control(st.slider, "Context words", 1, ORDER, 2, key="context_words", help=words)
    categories = sorted({category for category in chain.categories.values() if category})
    return lambda seed, chosen: chain.sample(seed, order, chosen), categories


def _from_file(card, source):
    """Return a function (seed, categories) -> written prompt, and all categories; raises ValueError without prompts."""
    path = available()[card.name].with_suffix(f".{FILES[source]}.json")
    words = f"A parquet or JSON file, or a text file with one prompt per line. {UNLINKED}"
    given = st.file_uploader("A file with prompts", key=own(f"prompt file {source}"), help=words)
    if given:
        prompts = read_prompt_file(given.getvalue(), given.name)
    elif path.is_file():
        prompts = _read(str(path), path.stat().st_mtime_ns)
    else:
        raise ValueError(f"{card.title} comes without such prompts: upload a file, for example its training captions.")
    categories = sorted({each.category for each in prompts if each.category})
    return lambda seed, chosen: pick(prompts, seed, chosen), categories


@st.cache_resource(max_entries=2, show_spinner=False)
def _chain(name, changed):
    return load_chain(name)


@st.cache_data(max_entries=4, show_spinner=False)
def _read(path, changed):
    return load_prompts(path)
