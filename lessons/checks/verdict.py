"""What a check says, shown in a notebook in the ink of its theme, and as plain text everywhere else."""

from dataclasses import dataclass
from html import escape

HEADINGS = {"right": "✓ Right.", "wrong": "✗ Not yet.", "open": "○ Not answered yet."}
EDGES = {
    "right": "solid",
    "wrong": "double",
    "open": "dotted",
}  # distinguished by sign, words and edge, never by colour: colours name quantities


@dataclass(frozen=True)
class Verdict:
    """How an answer stands ("right", "wrong" or "open") and the sentence that says why."""

    status: str
    text: str

    def __str__(self):
        return f"{HEADINGS[self.status]} {self.text}"

    __repr__ = __str__

    def _repr_html_(self):
        look = (
            f"border-left: 6px {EDGES[self.status]} currentColor; padding: 0.5em 0.9em; margin: 0.3em 0; "
            "max-width: 75ch; line-height: 1.5"
        )
        return f'<div role="status" style="{look}"><b>{HEADINGS[self.status]}</b> {escape(self.text)}</div>'


def is_open(answer):
    """Whether this is what stands, or comes back, where nobody has written an answer yet."""
    return answer is None or answer is ... or answer is NotImplemented
