"""The worker computes beside the pages: one item of one job at a time, so that all jobs advance in turn.

A click on any widget ends the running script, so no page computes for long itself. Up to thirty people may share one
machine: a single worker thread serves them all. A fragment of the page shows the progress; Cancel stops a job at its
next item.
"""

import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from diffusion_edu.app.jobs.memory import check_free

LOG = logging.getLogger("diffusion_edu.app")
WORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker")
ABANDONED = 300  # seconds after which a job stops that no page looks at
MEMORY = 10  # seconds after which the speed of a job is nearly forgotten


class Speed:
    """The recent seconds from one item to the next, the waiting for other jobs included.

    An interval that lies t seconds back weighs exp(-t / MEMORY), so that a busy server is noticed soon.
    """

    def __init__(self):
        self.since, self.items, self.seconds = time.monotonic(), 0.0, 0.0

    def note(self):
        """Note that an item has just been finished."""
        now = time.monotonic()
        interval, self.since = now - self.since, now
        kept = math.exp(-interval / MEMORY)
        self.items, self.seconds = kept * self.items + 1, kept * self.seconds + interval

    @property
    def now(self):
        """Seconds per item; an item that is awaited for longer than that counts with the seconds so far."""
        return max(self.seconds / self.items, time.monotonic() - self.since)


def sentence_of(problem):
    """Log an exception that ended a job, with its traceback, and return one sentence for the person."""
    LOG.error("A job failed", exc_info=problem)
    first = next(iter(str(problem).splitlines()), "") or type(problem).__name__
    if isinstance(problem, MemoryError) or "out of memory" in first or "allocate memory" in first:  # torch says it so
        return "There is not enough memory: generate fewer images at once."
    return f"This could not be computed: {first}"


class Job:
    """Consume an iterator in the background; its items, its progress and its end can be read at any time.

    total is the expected number of items. problem is one sentence if the job has failed; the traceback is in the log.
    """

    def __init__(self, items: Iterator, total: int, keep=lambda index: True):
        self.kept, self.latest, self.done, self.total = [], None, 0, total
        self.problem, self.cancelled, self.finished = "", False, False
        self.looked_at, self.speed = time.monotonic(), Speed()
        self.seconds = 0.0  # of computing, without waiting for a turn
        self._items, self._keep = items, keep

    def start(self):
        """Queue the job, and return it."""
        self._queue()
        return self

    def cancel(self):
        """Stop at the next item."""
        self.cancelled = True

    def look(self):
        """Note that a page still watches this job."""
        self.looked_at = time.monotonic()

    @property
    def fraction(self):
        """The finished fraction, from 0 to 1."""
        return min(1.0, self.done / self.total)

    @property
    def seconds_left(self):
        """The estimated seconds until the end, or None before there are two items."""
        if self.done < 2:
            return None
        return self.speed.now * max(0, self.total - self.done)

    def _queue(self):
        try:
            WORKER.submit(self._take_turn)
        except RuntimeError:  # Python is ending: nobody waits for the rest
            self.finished = True

    def _take_turn(self):
        """Compute one item, then queue again behind the other jobs."""
        try:
            self.finished = self.cancelled or not self._advance()
            if not self.finished:
                self._queue()
        except Exception as problem:  # whatever it is, the worker goes on for the other jobs
            self.problem = sentence_of(problem)
        self.finished = self.finished or bool(self.problem)

    def _advance(self):
        check_free()
        start = time.perf_counter()
        item = next(self._items, None)
        self.seconds += time.perf_counter() - start
        if item is None:
            return False
        if self._keep(self.done):
            self.kept.append(item)
        self.latest, self.done = item, self.done + 1
        self.speed.note()
        if time.monotonic() - self.looked_at > ABANDONED:
            self.problem = "The page was closed or left for five minutes, so the work was stopped: start it again."
        return not self.problem
