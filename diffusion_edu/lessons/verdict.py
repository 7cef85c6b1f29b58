"""What a check says, shown in a notebook in the ink of its theme, and as plain text everywhere else."""

import re
from dataclasses import dataclass
from html import escape

HEADINGS = {
    "right": "✓ Right.",
    "wrong": "✗ Not yet.",
    "open": "○ Not answered yet.",
    "noted": "● Noted.",
    "as predicted": "✓ As you predicted.",
    "surprise": "! Not as you predicted.",
}
EDGES = {"right": "solid", "as predicted": "solid", "wrong": "double"}  # by sign, words and edge, not by colour


@dataclass(frozen=True)
class Verdict:
    """How an answer stands (a key of HEADINGS), and why: paragraphs of plain text."""

    status: str
    text: str

    def __str__(self) -> str:
        return f"{HEADINGS[self.status]} {self.text}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        said = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(self.text))
        look = (
            f"border-left: 6px {EDGES.get(self.status, 'dotted')} currentColor; padding: 0.5em 0.9em; "
            "margin: 0.3em 0; max-width: 75ch; line-height: 1.5; white-space: pre-line"
        )
        return f'<div role="status" style="{look}"><b>{HEADINGS[self.status]}</b> {said}</div>'
