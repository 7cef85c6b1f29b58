"""A prompt as a network gets it: what tokenizers return and text-to-image models take."""

from dataclasses import dataclass

from torch import Tensor

LENGTH = 77  # tokens of a prompt at most, as in CLIP


@dataclass(frozen=True)
class Prompt:
    """An encoded prompt: its condition, its words with their token positions, and notes on what was lost.

    condition: token ids (77,) or vectors (77, d); words: (word, range of its tokens); notes: one sentence each.
    """

    condition: Tensor
    words: tuple[tuple[str, range], ...]
    notes: tuple[str, ...] = ()


def clean(prompt):
    """Return a prompt as text that can be encoded as UTF-8; None becomes the empty prompt."""
    return (prompt or "").encode("utf-8", "replace").decode()
