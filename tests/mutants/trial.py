"""One trial: a forked child imports the library with a mistake in it, and runs tests until one fails."""

import hashlib
import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

import pytest

OPTIONS = ["-x", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-p", "no:xdist"]


@dataclass(frozen=True)
class Trial:
    """What came of a run of tests: "passed", "failed", "timeout", "crashed" or "nothing ran"; and the test that failed.

    read is the sha-256 of every module of the repository that was imported, by its path; others are the names of all
    other modules that were.
    """

    result: str
    by: str = ""
    seconds: float = 0.0
    read: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    output: str = ""


class Planted(SourceFileLoader):
    """Loads a module from a changed source instead of its file."""

    def __init__(self, name: str, path: str, source: str):
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str):
        return compile(self.source, self.path, "exec", dont_inherit=True)


class Finder(PathFinder):
    """Finds every module as usual, and gives the one at `path` the changed source."""

    def __init__(self, path: Path, source: str):
        self.path, self.source = path, source

    def find_spec(self, fullname, path=None, target=None):
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or Path(spec.origin) != self.path:
            return None
        spec.loader = Planted(fullname, spec.origin, self.source)
        return spec


class FirstFailure:
    """A pytest plugin that remembers the first test that failed."""

    by = ""

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.by:
            self.by = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed and not self.by:
            self.by = f"{report.nodeid} (import)"


def attempt(root: Path, test: str, limit: float, file: str = "", source: str = "") -> Trial:
    """Run a test file, or one test of it, in a forked child where the module `file` has another source.

    limit is in seconds. Without file, the tests run on the library as it is.
    """
    start, (ours, theirs) = time.monotonic(), os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        _run(root, test, file, source, theirs)
    os.close(theirs)
    text, expired = _read(ours, start + limit)
    os.killpg(child, signal.SIGKILL) if _leads(child) else os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    seconds = time.monotonic() - start
    if expired or not text:
        return Trial("timeout" if expired else "crashed", test, seconds)
    return Trial(**{**json.loads(text), "seconds": seconds})


def _read(pipe, until):
    """Read all that a child says before it ends; (text, whether time was up)."""
    parts = []
    with os.fdopen(pipe, "rb") as stream:
        while select.select([stream], [], [], max(0.0, until - time.monotonic()))[0]:
            part = os.read(stream.fileno(), 1 << 16)
            if not part:
                return b"".join(parts), False
            parts.append(part)
    return b"", True


def _leads(child):
    """Whether the child has begun its own process group."""
    try:
        return os.getpgid(child) == child
    except ProcessLookupError:
        return False


def _run(root, test, file, source, pipe):
    """The child: change the import, run the tests, say what happened, and end at once."""
    try:
        os.setsid()
        said = os.memfd_create("output") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(root)
        sys.path[:] = [str(root), *(place for place in sys.path if place not in ("", str(root)))]
        if file:
            sys.meta_path.insert(0, Finder(root / file, source))
        first = FirstFailure()
        code = pytest.main([*OPTIONS, str(root / test)], plugins=[first])
        sys.stdout.flush()
        result = {0: "passed", 1: "failed", 2: "failed"}.get(int(code), "nothing ran")
        os.lseek(said, 0, os.SEEK_SET)
        output = os.read(said, 1 << 20).decode(errors="replace")[-3000:] if result != "passed" and not file else ""
        ours, others = _imported(root)
        answer = {"result": result, "by": first.by, "read": ours, "others": [] if file else others, "output": output}
        with os.fdopen(pipe, "wb") as stream:
            stream.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _imported(root):
    """The sha-256 of every imported module that is a file of the repository, and the names of the other modules."""
    modules = {name: Path(getattr(module, "__file__", None) or "") for name, module in list(sys.modules.items())}
    ours = {
        path for path in modules.values() if path.is_relative_to(root) and path.is_file() and ".venv" not in path.parts
    }
    others = [name for name, path in modules.items() if path not in ours and path.is_file() and name != "__main__"]
    return {path.relative_to(root).as_posix(): digest(path) for path in sorted(ours)}, others


def digest(path: Path) -> str:
    """The sha-256 of a file; empty if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
