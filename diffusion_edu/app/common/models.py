"""The models a person can choose, loaded once for all sessions."""

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.checkpoints import Unusable, available, load, read_card

FIRST = "flowers_attention"  # the first in every list
MISSING = (
    "No model is installed: restore the folder 'pretrained', or train one with 'diffusion-edu train flowers_attention'."
)


@st.cache_resource(max_entries=4, show_spinner="Loading the weights ...")
def _loaded(name, changed):
    return load(name)


def get(name):
    """Load a model, from the cache if its files have not changed since; raises Unusable."""
    path = available().get(name)
    return _loaded(name, path and path.with_suffix(".safetensors").stat().st_mtime_ns)


def cards(fits=lambda card: card.generates):
    """Read the cards of all installed models that `fits` accepts, as {name: Card}; default: those that generate images.

    Shows one sentence for each card that cannot be read.
    """
    found, known = {}, available()
    for name, path in sorted(known.items(), key=lambda entry: entry[0] != FIRST):
        try:
            card = read_card(path)
        except Unusable as problem:
            st.warning(str(problem), icon=":material/warning:")
            continue
        if fits(card):
            found[name] = card
    return found


def titled(fits=lambda card: card.generates, missing=MISSING):
    """Read the same cards as {title: Card}; the page ends here, with a sentence, if there is none."""
    known = cards(fits)
    if not known:
        st.error(missing)
        st.stop()
    titles = [card.title for card in known.values()]
    return {card.title if titles.count(card.title) == 1 else name: card for name, card in known.items()}


def pick(key="model"):
    """Show the model picker and return the chosen Card."""
    known = titled()
    return known[control(st.selectbox, "Model", list(known), key=key)]
