"""Run code that nobody has read: for a limited time, in silence, so that the notebook survives whatever it does."""

import contextlib
import ctypes
import io
import threading

TRIES = 20  # how often a thread that ignores the end of its time is stopped again


class TimeUp(BaseException):
    """Raised inside an answer whose time is up; a BaseException, so that `except Exception` does not swallow it."""


class Silence(io.TextIOBase):
    """Swallow everything that is printed, without keeping it: an endless loop may print."""

    def write(self, text):
        return len(text)


def within(seconds, function):
    """Call function() and return its value or raise what it raised; TimeoutError if it takes longer than that.

    It runs in a daemon thread: signals exist neither on Windows nor outside the main thread, and a process of its own
    would not know what the notebook has defined.
    """
    outcome = {}

    def work():
        try:
            outcome["value"] = function()
        except BaseException as problem:  # sys.exit() too: an answer must not end the notebook
            outcome["problem"] = problem

    thread = threading.Thread(target=work, daemon=True)
    with contextlib.redirect_stdout(Silence()), contextlib.redirect_stderr(Silence()):
        thread.start()
        try:
            thread.join(seconds)
        finally:  # also when the person at the keyboard interrupts the wait
            _stop(thread)
    if "value" in outcome:
        return outcome["value"]
    if "problem" not in outcome or isinstance(outcome["problem"], TimeUp):
        raise TimeoutError
    raise outcome["problem"]


def _stop(thread):
    """Raise TimeUp inside a running thread, so that a busy loop does not burn a core for ever.

    Python delivers it between two of its instructions. Code that waits inside C (time.sleep, one huge product) meets
    it on its way out and costs nothing but its own time.
    """
    for _ in range(TRIES):
        if not thread.is_alive():
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TimeUp))
        thread.join(0.05)
