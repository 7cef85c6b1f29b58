"""The condition of a model: one class, or attributes, each with, without, or any."""

from dataclasses import dataclass

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.state import callback, own
from diffusion_edu.checkpoints import Card

DEFAULTS = "sunflower", "eyeglasses"  # the first condition of models of flowers and of faces
ADJECTIVES = {"male", "young", "smiling", "mouth slightly open", "bald"}  # the other attributes are things one has
MAX_ATTRIBUTES = 5


@dataclass(frozen=True)
class ConditionChoice:
    """The chosen condition as pairs (name, 1 for with or -1 for without): one class, or attributes."""

    terms: tuple[tuple[str, int], ...]

    def label(self, card: Card):
        """Return the condition for a model or classifier: a class index, or one number per attribute.

        None if a name is unknown.
        """
        if not {name for name, _ in self.terms} <= set(card.condition_names):
            return None
        chosen = dict(self.terms)
        return [chosen.get(name, 0) for name in card.attributes] if card.attributes else card.label(self.terms[0][0])

    @property
    def words(self):
        """The condition in words."""
        return ", ".join(phrase(name, sign) for name, sign in self.terms)


def phrase(name, sign):
    """Write an attribute with (1) or without (-1) in words."""
    bare = name.removeprefix("wearing ").removeprefix("no ")
    if sign > 0:
        return name if name.startswith("no ") else bare
    return f"with {bare}" if name.startswith("no ") else f"not {bare}" if name in ADJECTIVES else f"no {bare}"


def ask(card):
    """Show the conditions of a model and return the ConditionChoice.

    Raises ValueError, with a sentence, if it is empty.
    """
    if card.classes:
        opening = card.classes.index(DEFAULTS[0]) if DEFAULTS[0] in card.classes else 0
        return ConditionChoice(((control(st.selectbox, "Class", card.classes, opening, key="class_name"), 1),))
    terms = {phrase(name, sign): (name, sign) for sign in (1, -1) for name in card.attributes}
    words = "Type an attribute, or “no” and an attribute. All others are left open."
    chosen = control(
        st.multiselect,
        "Attributes",
        list(terms),
        [DEFAULTS[1] if DEFAULTS[1] in terms else next(iter(terms))],
        max_selections=MAX_ATTRIBUTES,
        key="attributes",
        help=words,
        on_change=_drop_contradictions,
        args=(terms,),
        placeholder="smiling, no hat",
    )
    if not chosen:
        raise ValueError("Choose at least one attribute: guidance needs a condition.")
    return ConditionChoice(tuple(dict(terms[words] for words in chosen).items()))


@callback
def _drop_contradictions(terms):
    """Of two terms about the same attribute, keep the later."""
    last = {terms[words][0]: words for words in st.session_state[own("attributes")]}
    st.session_state[own("attributes")] = list(last.values())
