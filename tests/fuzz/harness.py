"""Call something with many random inputs; report what raises, takes long or takes much memory, with its seed."""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

MOST_SECONDS, MOST_MEGABYTES = 5.0, 300
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")  # Linux; elsewhere memory is not measured


@dataclass(frozen=True)
class Target:
    """What is called with random inputs: make(random) returns one, run(it) may raise ValueError, in one sentence.

    fraction: of all calls. describe(it) shows an input that fails.
    """

    name: str
    fraction: float
    make: Callable[[Random], Any]
    run: Callable[[Any], Any]
    describe: Callable[[Any], str] = lambda made: repr(made)[:300]


@dataclass(frozen=True)
class Failure:
    """A call that failed: which, what it was given, and why."""

    target: str
    number: int
    given: str
    problem: str


class Noticed(logging.Handler):
    """Keep what is logged as an error: the app logs the tracebacks that it does not show."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.records = []

    def emit(self, record):
        self.records.append(logging.Formatter().format(record))


def fuzz(target, seed, numbers, watch=iter):
    """Call a target with the inputs of these numbers; yield (seconds, Failure or None) for each.

    An input depends on the seed, the target's name and its number alone, so that one failure can be run again.
    """
    noticed, logger = Noticed(), logging.getLogger("diffusion_edu")
    logger.addHandler(noticed)
    try:
        for number in watch(numbers):
            made = target.make(Random(f"{seed} {target.name} {number}"))
            noticed.records.clear()
            seconds, problem = call(target, made)
            if noticed.records and not problem:
                problem = f"logged: {noticed.records[0]}"
            yield seconds, Failure(target.name, number, target.describe(made), problem) if problem else None
    finally:
        logger.removeHandler(noticed)


def call(target, made):
    """Call a target once; return the seconds it took, and what was wrong with it ("" for nothing)."""
    before, started = forget_peak(), time.perf_counter()
    problem = ""
    try:
        target.run(made)
    except ValueError as refusal:  # Unusable is one
        problem = "" if one_sentence(str(refusal)) else f"not one clear sentence: {refusal}"
    except Exception:
        problem = traceback.format_exc()
    seconds = time.perf_counter() - started
    if not problem and seconds > MOST_SECONDS:
        problem = f"took {seconds:.1f} s"
    if not problem and (more := peak() - before) > MOST_MEGABYTES:
        problem = f"took {more:.0f} MB"
    return seconds, problem


def one_sentence(text):
    """Say whether a refusal can be shown to a person: some words, a full stop, no traceback, not endless."""
    return len(text.split()) > 3 and len(text) < 2000 and text.rstrip().endswith(".") and "Traceback" not in text


def forget_peak():
    """Let the peak of this process's memory begin anew; return its present size in MB."""
    if not RESET.exists():
        return 0.0
    RESET.write_text("5")
    return peak()


def peak():
    """Return the peak of this process's memory in MB since forget_peak."""
    if not STATUS.exists():
        return 0.0
    return next(float(line.split()[1]) / 1024 for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
