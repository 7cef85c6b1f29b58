"""What becomes of every planted mistake, remembered from run to run while nothing that was imported has changed."""

import gc
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mistakes import Mistake
from trial import Trial, attempt, digest


@dataclass(frozen=True)
class Verdict:
    """A mistake, and the trial of the test that noticed it; caught is None if no test did."""

    mistake: Mistake
    caught: Trial | None


class Bench:
    """Tries mistakes on the modules of the repository at `root`, and remembers all trials in the file `memory`.

    patience: so many seconds longer than usual may a test file take with a mistake in the library.
    """

    def __init__(self, root: Path, memory: Path, patience: float):
        self.root, self.memory, self.patience = root, memory, patience
        self.trials = json.loads(memory.read_text(encoding="utf-8")) if memory.is_file() else {}
        self.digests: dict[str, str] = {}

    def without_mistake(self, test: str) -> Trial:
        """Run a test file on the library as it is, and import here what it imported of others, for all children."""
        trial = self._trial(test, test, 300.0)
        for name in trial.others:
            if name not in sys.modules:
                with suppress(Exception):
                    importlib.import_module(name)
        return trial

    def verdict(self, mistake: Mistake) -> Verdict:
        """Try the tests of a mistake until one fails, first the one that noticed it the last time."""
        planted, change = mistake.planted(self.root), f"{mistake.file}\n{mistake.old}\n{mistake.new}"
        last = self._remembered(change)
        if last and self._holds(last):
            return Verdict(mistake, last)
        first = [last.by] if last and "::" in last.by else []
        for test in [*first, *mistake.tests]:
            limit = self.patience + 3 * self.without_mistake(test.split("::")[0]).seconds
            trial = self._trial(f"{test}\n{change}", test, limit, mistake.file, planted)
            if trial.result in ("failed", "timeout", "crashed"):
                self._remember(change, trial)
                return Verdict(mistake, trial)
        return Verdict(mistake, None)

    def _trial(self, key, test, limit, file="", source=""):
        known = self._remembered(key)
        if known and self._holds(known):
            return known
        trial = attempt(self.root, test, limit, file, source)
        if file and not trial.read:  # it did not live to say what it read: what the tests read without a mistake
            trial = replace(trial, read=self.without_mistake(test.split("::")[0]).read)
        self._remember(key, trial)
        return trial

    def _remembered(self, key):
        return Trial(**self.trials[key]) if key in self.trials else None

    def _holds(self, trial):
        """Whether every file that a trial read is as it was."""
        return trial.read and all(self._digest(path) == sha for path, sha in trial.read.items())

    def _digest(self, path):
        if path not in self.digests:
            self.digests[path] = digest(self.root / path)
        return self.digests[path]

    def _remember(self, key, trial):
        self.trials[key] = asdict(trial)
        part = self.memory.with_suffix(".part")
        part.write_text(json.dumps(self.trials), encoding="utf-8")
        part.replace(self.memory)


def verdicts(bench: Bench, mistakes: list[Mistake]) -> Iterator[Verdict]:
    """Yield the verdict of every mistake.

    Raises ValueError if a test file fails without any mistake: then its failures say nothing.
    """
    for test in dict.fromkeys(test for mistake in mistakes for test in mistake.tests):
        trial = bench.without_mistake(test)
        if trial.result != "passed":
            raise ValueError(
                f"{test} does not pass as it is ({trial.result} {trial.by}): mend it first.\n{trial.output}"
            )
    gc.freeze()  # the children share this memory
    for mistake in mistakes:
        yield bench.verdict(mistake)
