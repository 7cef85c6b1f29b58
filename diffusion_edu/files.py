"""Files that hold what they should: written whole or not at all, under plain names, and JSON without NaN."""

import hashlib
import json
import math
import os
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORBIDDEN = '/\\:*?"<>|'  # in file names, on one system or another
RESERVED = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}  # on Windows, with any ending and in small letters too
RESERVED |= {f"{device}{digit}" for device in ("COM", "LPT") for digit in "123456789¹²³"}
LONGEST = 200  # bytes of a name: with any ending it can still be that of a file
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def short(value: object) -> str:
    """Write a value for a message, like repr, but never long and on one line."""
    return _SHORT.repr(value)


def plain_name(name: str) -> str:
    """Return a name if it can be that of a file on every system; raises ValueError, in one sentence, if it can not."""
    if not isinstance(name, str) or not name or not name.isprintable() or {*FORBIDDEN} & {*name}:
        raise ValueError(f"The name {short(name)} cannot be that of a file: choose one without {' '.join(FORBIDDEN)}.")
    if name.split(".")[0].rstrip().upper() in RESERVED:
        raise ValueError(f"The name {short(name)} cannot be that of a file: Windows keeps it for a device.")
    if name.startswith(".") or name.endswith(".") or name != name.strip() or len(name.encode()) > LONGEST:
        raise ValueError(
            f"The name {short(name)} cannot be that of a file: it must not begin or end with a dot or a "
            f"space, or be longer than {LONGEST} bytes."
        )
    return name


def write_safely(path: str | Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically: write(temporary path), then rename it, so that path is always the whole old or new file.

    Raises OSError, which names the file, if the disk is full, the folder is missing or not writable, or another process
    writes the same file now.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}: make it first, or name another.")
    part = path.with_name(f".{path.name}.part")  # always the same name: the rest of a killed process is overwritten
    part.unlink(missing_ok=True)  # a link that somebody put there must not lead us elsewhere
    part.touch(exist_ok=False)
    ours = part.lstat()
    try:
        write(part)
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        if not _is_still(part, ours):
            raise FileExistsError(f"Another process is writing {path} too: end one of the two.")
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as problem:
        problem.filename = problem.filename or str(path)  # a full disk names none
        raise
    finally:
        if _is_still(part, ours):
            part.unlink()


def _is_still(path, file):
    return os.path.lexists(path) and os.path.samestat(path.lstat(), file)


def _sync_folder(folder):
    """Have the disk remember a renamed file, so that it outlives a power cut; only where a folder can be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sha256_of(path: str | Path) -> str:
    """Compute the sha-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def finite(value: Any) -> Any:
    """Replace every number that no float can hold by None, in nested dicts and lists too: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value if not isinstance(value, int | float) or _is_finite(value) else None


def _is_finite(number):
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number of more than 308 digits
        return False


def to_json(value: Any, **layout: Any) -> str:
    """Write a value as JSON that every program can read: letters as they are, and null for NaN and infinity."""
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False, **layout)
