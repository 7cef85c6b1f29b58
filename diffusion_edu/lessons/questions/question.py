"""A question with a choice of letters: what it asks, its choices, and a reply to the belief behind each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One choice: its text, and the reply to a student who takes it."""

    text: str
    reply: str


@dataclass(frozen=True)
class Question:
    """What is asked (Markdown, one or two sentences), the right letter, and the choices by letter."""

    text: str
    right: str
    choices: dict[str, Choice]

    def __post_init__(self) -> None:
        if self.right not in self.choices:
            raise ValueError(f"There is no choice {self.right!r}; there are {', '.join(self.choices)}.")

    def letter(self, answer: object) -> str:
        """Read an answer as one of the letters; raises ValueError if it is none."""
        chosen = str(answer).strip().lower().rstrip(").")
        if chosen not in self.choices:
            raise ValueError(f"There is no such choice; there are {', '.join(self.choices)}.")
        return chosen

    def markdown(self, name: str) -> str:
        """Write the question and its choices for a cell of a notebook."""
        choices = "\n".join(f"- {letter}) {choice.text}" for letter, choice in self.choices.items())
        return f"**{name}** {self.text}\n\n{choices}"
