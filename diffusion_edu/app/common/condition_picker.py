"""What a model can be asked for: a kind, or attributes of which each may be wished for, wished away, or left open."""

from dataclasses import dataclass

import streamlit as st

from diffusion_edu.checkpoints import Card

FAVOURITES = "sunflower", "eyeglasses"  # asked for until a person chooses: of flowers, of faces
IS = {
    "male",
    "young",
    "smiling",
    "mouth slightly open",
    "bald",
}  # said of a person; the other attributes are something that one has
MOST = 5  # requests at once
BOUND = {"bind": "query-params"}


@dataclass(frozen=True)
class Asked:
    """What is asked for, as (name, 1 or -1): one kind, or requests for attributes."""

    requests: tuple[tuple[str, int], ...]

    def label(self, card: Card):
        """Ask a model, or a classifier, for it: the number of a class, or a request per attribute; None if the card knows nothing of it."""
        if not {name for name, _ in self.requests} <= set(card.condition_names):
            return None
        wanted = dict(self.requests)
        return [wanted.get(name, 0) for name in card.attributes] if card.attributes else card.label(self.requests[0][0])

    @property
    def words(self):
        """The same in words."""
        return ", ".join(phrase(name, request) for name, request in self.requests)


def phrase(name, request):
    """Say in words that an attribute is wished for (1) or wished away (-1)."""
    bare = name.removeprefix("wearing ").removeprefix("no ")
    if request > 0:
        return name if name.startswith("no ") else bare
    return f"with {bare}" if name.startswith("no ") else f"not {bare}" if name in IS else f"no {bare}"


def ask(card):
    """Show what the model can be asked for and return what is; raises ValueError, in words, if that is nothing."""
    if card.classes:
        first = card.classes.index(FAVOURITES[0]) if FAVOURITES[0] in card.classes else 0
        return Asked(((st.selectbox("Ask for", card.classes, first, key="class_name", **BOUND), 1),))
    meant = {phrase(name, request): (name, request) for request in (1, -1) for name in card.attributes}
    first = [FAVOURITES[1] if FAVOURITES[1] in meant else next(iter(meant))]
    words = (
        "Type what a face should have, or “no” and what it should not have. All that you leave out may be either way."
    )
    chosen = st.multiselect(
        "Ask for",
        list(meant),
        first,
        max_selections=MOST,
        key="request",
        help=words,
        on_change=_settle,
        args=(meant,),
        placeholder="smiling, no hat",
        **BOUND,
    )
    if not chosen:
        raise ValueError("Ask for at least one attribute: there is nothing to steer to.")
    return Asked(
        tuple(dict(meant[said] for said in chosen).items())
    )  # of two requests that contradict each other, the later


def _settle(meant):
    """Where a request contradicts an earlier one, forget the earlier."""
    last = {meant[said][0]: said for said in st.session_state["request"]}
    st.session_state["request"] = list(last.values())
