"""The models a person can choose from, loaded once for everybody."""

import streamlit as st

from diffusion_edu.checkpoints import Unusable, available, load, read_card

FIRST = "flowers_attention"
MISSING = "No model is installed: restore the folder 'pretrained', or train one with 'python -m diffusion_edu.recipes.flowers_attention'."


@st.cache_resource(max_entries=4, show_spinner="Loading the weights ...")
def _loaded(name, changed):
    return load(name)


def get(name):
    """Load a model, or take it from the cache if its files have not changed since; raises Unusable."""
    path = available().get(name)
    return _loaded(name, path and path.with_suffix(".safetensors").stat().st_mtime_ns)


def cards(fits=lambda card: card.generates):
    """Read the cards of all usable models that draw, or that fit otherwise, as {name: card}; shows one sentence for each that cannot be read."""
    found, known = {}, available()
    for name, path in sorted(
        known.items(), key=lambda entry: entry[0] != FIRST
    ):  # what is first is chosen where nobody has chosen
        try:
            card = read_card(path)
        except Unusable as problem:
            st.warning(str(problem), icon=":material/warning:")
            continue
        if fits(card):
            found[name] = card
    return found


def titled(fits=lambda card: card.generates, missing=MISSING):
    """Read the cards of all models that draw, or that fit otherwise, as {title: card}; the page ends here, in words, if there is none."""
    known = cards(fits)
    if not known:
        st.error(missing)
        st.stop()
    titles = [card.title for card in known.values()]
    return {
        card.title if titles.count(card.title) == 1 else name: card for name, card in known.items()
    }  # both would not fit into the box


def pick(key="model"):
    """Show the model picker and return the chosen card."""
    known = titled()
    return known[st.selectbox("Model", list(known), key=key, bind="query-params")]
