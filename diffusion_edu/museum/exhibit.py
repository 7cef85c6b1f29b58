"""One exhibit of the bug museum."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, eq=False, kw_only=True)
class Exhibit:
    """One mistake: a question about it, its explanation, the right function and the wrong one, and how both are
    compared.

    chain makes the Chain that samples with one of the two functions; measure computes a number for one of them, unit
    says what the number is, and expected what it should be. The test must fail if `exchange` is made in the library:
    the right function is replaced by the wrong one, unless `planted` names another pair.
    """

    pitfall: int  # its number in docs/pitfalls.md
    title: str
    question: str
    options: tuple[str, str, str]
    answer: int  # the index of the right option
    why: str
    mistake: str
    source: str  # Markdown: where it happened
    test: str  # a node id of pytest
    right: Callable
    wrong: Callable
    chain: Callable
    measure: Callable
    unit: str
    expected: str
    planted: tuple = ()

    @property
    def slug(self):
        """The name of the exhibit in links."""
        return f"{self.pitfall}-{'-'.join(word for word in self.title.lower().split())}"

    @property
    def exchange(self):
        """The object in the library, and the mistake that replaces it."""
        return self.planted or (self.right, self.wrong)

    def build(self, wrong):
        """Return the Chain with the mistake, or without it."""
        return self.chain(self.wrong if wrong else self.right)

    def number(self, wrong):
        """Return the exact number with the mistake, or without it."""
        return _number(self, wrong)


@cache
def _number(exhibit, wrong):
    return float(exhibit.measure(exhibit.wrong if wrong else exhibit.right))
