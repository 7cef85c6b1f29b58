"""What a question with a choice of letters is made of, and the reply to a choice."""

from dataclasses import dataclass

from .verdict import Verdict, is_open


@dataclass(frozen=True)
class Question:
    """The right letter, and a reply to the belief behind every letter; the question itself is in the notebook."""

    right: str
    replies: dict[str, str]


def reply(question, letter):
    """Reply to the choice of a letter."""
    if is_open(letter):
        return Verdict("open", f"Put one of the letters {', '.join(question.replies)} in place of the dots, in quotes.")
    chosen = str(letter).strip().lower()
    if chosen not in question.replies:
        return Verdict("wrong", f"There is no such choice; there are {', '.join(question.replies)}.")
    return Verdict("right" if chosen == question.right else "wrong", question.replies[chosen])
