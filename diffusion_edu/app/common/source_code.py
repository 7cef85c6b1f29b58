"""The source code that pages show: each piece is read once, and by one thread at a time.

Python 3.11 cannot parse in several threads at once ("AST constructor recursion depth mismatch").
"""

import inspect
from functools import cache, wraps
from threading import Lock

READING = Lock()


def read_once(read):
    """Decorate a function that reads source code: the same arguments are read once, and nothing is read beside it."""
    known = cache(read)

    @wraps(read)
    def once(*args):
        with READING:
            return known(*args)

    return once


source_of = read_once(inspect.getsource)  # the source of a function or class
