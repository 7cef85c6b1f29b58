"""Do the tests of the library notice a mistake? The lists of this folder plant mistakes, one at a time.

`make mutants` tries all of them; `python tests/mutants WORD ...` only those with a word in their module or description.

A mistake is one exact text of a module and the wrong text in its place. The tests of its list run until one fails. A
mistake that no test notices is shown, and the command fails: add the test that is missing. A change that is no mistake,
because no result can differ, is listed as `equivalent` with the reason. An old text that is no longer in the module is
an error: bring its list up to date. Results are remembered in .mutants.json while nothing they depend on has changed.

Why not mutmut or cosmic-ray: they change one operator after another, thousands of changes and hours on two cores, and
cannot make the mistakes that people make: a clip by value instead of by norm, the wrong step for the EMA. Here PyTorch
and pytest are imported once, and each mistake gets a forked process, which alone sees it. No file is ever changed.
"""

import os
import sys
from collections import Counter
from pathlib import Path

from mistakes import read_lists
from verdicts import Bench, verdicts

HERE = Path(__file__).absolute().parent
ROOT = HERE.parents[1]


def main(words: list[str], root: Path = ROOT, folder: Path = HERE, patience: float = 20.0) -> int:
    """Try the mistakes of the lists in a folder and return the exit status: 1 if one was missed, or a list is wrong."""
    found = []
    try:
        mistakes = [m for m in read_lists(folder) if not words or any(w in f"{m.file} {m.what}" for w in words)]
        for mistake in mistakes:
            mistake.planted(root)
        for verdict in verdicts(Bench(root, root / ".mutants.json", patience), mistakes):
            found.append(verdict)
            print(line(verdict), flush=True)
    except ValueError as problem:
        print(problem)
        return 1
    print(table(found))
    for verdict in found:
        if wrong(verdict):
            print(described(verdict, root))
    return int(any(map(wrong, found)))


def kind(verdict) -> str:
    """Say what became of a mistake: noticed, timeout, equivalent, missed, or no equivalent (a test fails)."""
    if verdict.mistake.equivalent:
        return "no equivalent" if verdict.caught else "equivalent"
    if verdict.caught is None:
        return "missed"
    return "timeout" if verdict.caught.result == "timeout" else "noticed"


def wrong(verdict) -> bool:
    """Whether this verdict lets the command fail."""
    return kind(verdict) in ("missed", "no equivalent")


def line(verdict) -> str:
    """One line while it runs."""
    by = f"  ({verdict.caught.by}, {verdict.caught.seconds:.1f} s)" if verdict.caught else ""
    return f"{kind(verdict):>13}  {verdict.mistake.file}: {verdict.mistake.what}{by}"


def table(found) -> str:
    """Count the verdicts per module."""
    columns = ("noticed", "timeout", "equivalent", "missed", "no equivalent")
    rows = [("module", "mistakes", *columns)]
    files = list(dict.fromkeys(verdict.mistake.file for verdict in found))
    for name, some in [*((file, [v for v in found if v.mistake.file == file]) for file in files), ("all", found)]:
        counts = Counter(map(kind, some))
        rows.append((name, str(len(some)), *(str(counts[each]) for each in columns)))
    width = max(len(row[0]) for row in rows)
    return "\n".join([""] + [row[0].ljust(width) + "".join(cell.rjust(15) for cell in row[1:]) for row in rows] + [""])


def described(verdict, root) -> str:
    """Show a mistake that no test noticed, or an equivalent that a test noticed."""
    mistake = verdict.mistake
    lines = [f"{kind(verdict)}: {mistake.file}:{mistake.line(root)}: {mistake.what}"]
    lines += [f"  - {text}" for text in mistake.old.splitlines()] + [f"  + {text}" for text in mistake.new.splitlines()]
    return "\n".join(lines)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
