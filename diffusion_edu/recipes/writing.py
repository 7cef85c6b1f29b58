"""Writing the files of a training so that a full disk loses nothing."""

import errno
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.checkpoints import write_safely
from diffusion_edu.recipes.folder import Folder

WAIT = 30  # seconds between two attempts
_FULL, _FORBIDDEN = "make room on the disk", "allow writing there"
REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _FORBIDDEN),
}


class Forgiving:
    """A stream such as sys.stdout that loses what it cannot write: a full disk may hold that, too."""

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        """Write text, or nothing."""
        with suppress(OSError, ValueError):
            self.stream.write(text)

    def flush(self):
        """Flush the stream if it can be."""
        with suppress(OSError, ValueError):
            self.stream.flush()


def tell(words):
    """Say something above the progress bar."""
    tqdm.write(words, file=Forgiving(sys.stdout))


def in_words(problem, path=""):
    """Say which file cannot be read or written and why, and what to do, if that is known."""
    where = str(path or problem.filename or "A file")
    reason = problem.strerror or str(problem) or type(problem).__name__
    remedy = REMEDIES.get(problem.errno)
    return f"{where} cannot be read or written ({reason})" + (f": {remedy}" if remedy else "")


def put(path, write):
    """Write a file atomically: write(temporary path); its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_safely(path, write)


def put_text(path, text):
    """Write a text file atomically."""
    put(path, lambda part: part.write_bytes(text.encode()))


def put_image(path, image):
    """Write a PIL image as PNG, atomically."""
    put(path, lambda part: image.save(part, format="PNG"))


def attempt(path, write):
    """Call write(), which writes a file; if that fails, say so in one sentence. Returns whether it was written."""
    try:
        write()
    except OSError as problem:
        tell(f"{in_words(problem, path)}. The training goes on, and tries again later.")
        return False
    return True


def keep(folder, write):
    """Call write(folder), which writes what must not be lost, until everything is written.

    Where the folder takes nothing, a folder for temporary files may; where that takes nothing either, room may come.
    Returns the Folder that has everything.
    """
    while True:
        for place in (folder, spare(folder)):
            try:
                write(place)
                if place is not folder:
                    tell(f"It is in {place.out} instead.")
                return place
            except OSError as problem:
                tell(f"{in_words(problem, problem.filename or place.out)}. Nothing is lost yet.")
        tell(f"Trying again in {WAIT} seconds; Ctrl-C gives up.")
        time.sleep(WAIT)


def spare(folder):
    """Return the folder for temporary files that stands in for a folder of this name."""
    return Folder(Path(tempfile.gettempdir()) / f"training_{os.getpid()}" / folder.name)
