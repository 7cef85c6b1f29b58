"""The lists of planted mistakes, one TOML file per module of the library."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mistake:
    """A mistake to plant: in the module `file`, `old` becomes `new`. One of `tests` should fail.

    equivalent is the reason why no test can fail; empty for a real mistake.
    """

    file: str
    what: str
    old: str
    new: str
    tests: tuple[str, ...]
    equivalent: str = ""

    def planted(self, root: Path) -> str:
        """Return the source of the module with the mistake in it.

        Raises ValueError unless the old text is there exactly once and the result is Python.
        """
        source = (root / self.file).read_text(encoding="utf-8")
        if source.count(self.old) != 1:
            raise ValueError(
                f"{self.file}: {self.what!r}: its old text occurs {source.count(self.old)} times, not once."
            )
        changed = source.replace(self.old, self.new)
        try:
            compile(changed, self.file, "exec")
        except SyntaxError as problem:
            raise ValueError(f"{self.file}: {self.what!r}: its new text is no Python: {problem}.") from None
        return changed

    def line(self, root: Path) -> int:
        """Return the line number of the old text."""
        source = (root / self.file).read_text(encoding="utf-8")
        return source[: source.index(self.old)].count("\n") + 1


def read_list(path: Path) -> list[Mistake]:
    """Read one list: file, tests, and [[mistake]] with what, old, new, and first (tests to try first) or equivalent."""
    text = tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Mistake(
            text["file"],
            each["what"],
            each["old"],
            each["new"],
            tuple(dict.fromkeys([*each.get("first", []), *text["tests"]])),
            each.get("equivalent", ""),
        )
        for each in text["mistake"]
    ]


def read_lists(folder: Path) -> list[Mistake]:
    """Read all lists of a folder; raises ValueError if the same change comes twice."""
    mistakes = [mistake for path in sorted(folder.glob("*.toml")) for mistake in read_list(path)]
    changes = [(mistake.file, mistake.old, mistake.new) for mistake in mistakes]
    for change in changes:
        if changes.count(change) > 1:
            raise ValueError(f"{change[0]}: the change of {change[1]!r} to {change[2]!r} is listed twice.")
    return mistakes
