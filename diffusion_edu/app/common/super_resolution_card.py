"""The super-resolution model that pages use, and what they say where it is missing."""

from diffusion_edu.checkpoints import read_cards
from diffusion_edu.editing.super_resolution import is_super_resolution

SHIPPED = "super_resolution"
MISSING = (
    "The super-resolution model is not installed: train it with `diffusion-edu train super_resolution`. "
    "Until then only the methods without a network are available."
)


def super_resolution_card():
    """Return the card of the shipped super-resolution model, else of one that a person has trained, else None."""
    found = {name: card for name, card in read_cards()[0].items() if is_super_resolution(card)}
    return found.get(SHIPPED) or next(iter(found.values()), None)
