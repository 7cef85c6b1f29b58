"""The models a person can choose, loaded once for all sessions."""

import logging
from contextlib import contextmanager

import streamlit as st

from diffusion_edu.app.common.controls import control, set_link
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.state import own
from diffusion_edu.checkpoints import Unusable, available, load, read_card, read_cards
from diffusion_edu.files import short

LOG = logging.getLogger("diffusion_edu.app")
FIRST = "flowers_attention"  # the first in every list
LARGEST = 512  # height and width of images that the app computes for many people at once
MOST = 3  # cards that cannot be used are named one by one up to here
MISSING = (
    "No model is installed: restore the folder 'pretrained', or train one with 'diffusion-edu train flowers_attention'."
)


@st.cache_resource(max_entries=4, show_spinner="Loading the weights ...")
def _loaded(name, changed):
    return load(name)


def get(name):
    """Load a model, from the cache if its files have not changed since; raises Unusable."""
    path = available().get(name)
    if path and (problem := too_large(read_card(path))):
        raise Unusable(problem)
    files = [path, path.with_suffix(".safetensors")] if path else []
    return _loaded(name, [file.stat().st_mtime_ns for file in files])


def too_large(card):
    """Say in a sentence that the app does not compute with a model, because of the size of its images, or ""."""
    if card.size <= LARGEST:
        return ""
    return (
        f"The model {card.name} is for images of {card.size}x{card.size}, and the app computes up to "
        f"{LARGEST}x{LARGEST}: choose another here, or use this one in Python."
    )


def cards(fits=lambda card: card.generates):
    """Read the cards of all installed models that `fits` accepts, as {name: Card}; default: those that generate images.

    Says in a sentence which cards cannot be used; there may be hundreds.
    """
    found, problems = read_cards()
    problems += filter(None, map(too_large, found.values()))
    if problems:
        more = f"\n\n... and {len(problems) - MOST} more cards cannot be used." if len(problems) > MOST else ""
        st.warning("\n\n".join(map(plain, problems[:MOST])) + more, icon=":material/warning:")
    first = sorted(found, key=lambda name: name != FIRST)
    return {name: found[name] for name in first if not too_large(found[name]) and fits(found[name])}


def labelled(known):
    """Label each of {name: Card} for a list on screen, {label: Card}: by title, and by name too if titles are equal."""
    titles = [card.title for card in known.values()]
    labels = {
        name: card.title if titles.count(card.title) == 1 else f"{card.title} ({name})" for name, card in known.items()
    }
    unique = len({*labels.values()}) == len(labels)
    return {labels[name] if unique else name: card for name, card in known.items()}


def titled(fits=lambda card: card.generates, missing=MISSING):
    """Read the same cards as {label: Card}; the page ends here, with a sentence, if there is none."""
    known = cards(fits)
    if not known:
        st.error(missing)
        st.stop()
    return labelled(known)


@contextmanager
def entry(name):
    """Show one entry of a list: whatever is wrong with it costs this entry only, and is written to the log."""
    try:
        yield
    except Exception:
        LOG.exception("The entry of %s failed", name)
        st.caption(f"{plain(name)} cannot be shown; the reason is in the log of the app.")


def pick():
    """Show the model picker and return the chosen Card."""
    return choose(titled(), st.selectbox)


def choose(known, widget, label="Model", key="model", **options):
    """Show {label: Card} as a list and return the chosen Card.

    A link may give the label, the name or the title; if that is none of these models, or several, a sentence says so.
    """
    given = st.query_params.get(own(key))
    if given is not None and given not in known:
        if len(found := _meant(given, known)) == 1:
            set_link(own(key), found)
        else:
            why = "is the title of several models here" if found else "is not here or does not fit this page"
            st.warning(plain(f"The model {short(given)} of the link {why}: choose one from the list."))
    return known[control(widget, label=label, options=list(known), key=key, **options)]


def _meant(given, known):
    """List the labels of the models that have this name, or else of those with this title."""
    named = [label for label, card in known.items() if given == card.name or given.endswith(f" ({card.name})")]
    return named or [label for label, card in known.items() if given == card.title]
