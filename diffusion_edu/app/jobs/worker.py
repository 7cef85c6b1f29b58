"""Long work beside the page: a worker does it, a fragment looks at it, Cancel stops it at the next timestep.

Any click on any widget ends the script that is running, so no page may do long work itself. Thirty people may share one
machine: a single worker computes for all of them, one item of one job at a time, so that all jobs move on in turn.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

WORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker")
FORGOTTEN = 300  # seconds after which a job that nobody looks at any more stops


class Job:
    """Consume an iterator in the background; its items so far, its progress and its end can be read at any time.

    total is the number of items expected; problem is one sentence if the work could not be done.
    """

    def __init__(self, items: Iterator, total: int, keep=lambda index: True):
        self.kept, self.latest, self.done, self.total = [], None, 0, total
        self.problem, self.cancelled, self.finished = "", False, False
        self.begun = self.looked_at = time.monotonic()
        self.seconds = 0.0  # of computing, without the waiting for a turn
        self._items, self._keep = items, keep

    def start(self):
        """Get in line, and return the job."""
        WORKER.submit(self._take_turn)
        return self

    def cancel(self):
        """Stop at the next item."""
        self.cancelled = True

    def look(self):
        """Tell the job that somebody is still watching."""
        self.looked_at = time.monotonic()

    @property
    def fraction(self):
        """How much is done, from 0 to 1."""
        return min(1.0, self.done / self.total)

    @property
    def seconds_left(self):
        """How long the rest will take at the pace so far, or None before there is a pace."""
        if self.done < 2:
            return None
        return (time.monotonic() - self.begun) / self.done * (self.total - self.done)

    def _take_turn(self):
        """Compute one item, then get in line again behind the others."""
        try:
            self.finished = self.cancelled or not self._advance()
            if not self.finished:
                WORKER.submit(self._take_turn)
        except MemoryError:
            self.problem = "There is not enough memory for this: draw fewer images at once."
        except Exception as problem:  # whatever it was, the worker goes on for the others
            self.problem = f"This could not be sampled: {problem}"
        self.finished = self.finished or bool(self.problem)

    def _advance(self):
        begun = time.perf_counter()
        item = next(self._items, None)
        self.seconds += time.perf_counter() - begun
        if item is None:
            return False
        if self._keep(self.done):
            self.kept.append(item)
        self.latest, self.done = item, self.done + 1
        if time.monotonic() - self.looked_at > FORGOTTEN:
            self.problem = "Nobody was watching any more, so the drawing was stopped: begin it again."
        return not self.problem
