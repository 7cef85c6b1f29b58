"""What one exhibit of the museum consists of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, eq=False, kw_only=True)
class Exhibit:
    """A mistake: a question about it, its story, the right part and the wrong one, and what is sampled and measured with either.

    chain makes a Chain of a part, measure makes a number of it; unit says what that number is, good says which one is right.
    The test fails if `exchange` is made in the library: the right part for the wrong one, unless `planted` names another pair.
    """

    pitfall: int
    title: str
    question: str
    options: tuple[str, str, str]
    answer: int  # which option is right
    why: str
    mistake: str
    where: str  # Markdown: the thread where it happened
    test: str  # a node id
    right: Callable
    wrong: Callable
    chain: Callable
    measure: Callable
    unit: str
    good: str
    planted: tuple = ()

    @property
    def slug(self):
        """The name of the exhibit in links."""
        return f"{self.pitfall}-{'-'.join(word for word in self.title.lower().split())}"

    @property
    def exchange(self):
        """What the library holds, and the mistake that takes its place."""
        return self.planted or (self.right, self.wrong)

    def hang(self, wrong):
        """Build the Chain that draws with the mistake, or without it."""
        return self.chain(self.wrong if wrong else self.right)

    def number(self, wrong):
        """Measure the exact number with the mistake, or without it."""
        return _number(self, wrong)


@cache
def _number(exhibit, wrong):
    return float(exhibit.measure(exhibit.wrong if wrong else exhibit.right))
