"""A copy of the lessons to work in: what a person changed there is never written over."""

import hashlib
import json
from pathlib import Path

from diffusion_edu.options import require_folder
from diffusion_edu.paths import LESSONS

COPIED = ".copied.json"  # in the folder: what was copied there, as {path: sha-256}
UNWANTED = {"__pycache__", "my_answers", "source"}  # folders that are not for students


def copy_lessons(folder):
    """Copy the lessons into a folder, new or not; files that a person changed there are kept, and returned as paths.

    Raises ValueError if it is no folder, or nothing can be written there.
    """
    require_folder(folder)
    record, kept = Path(folder, COPIED), []
    copied = read_record(record)
    for source in sorted(path for path in LESSONS.rglob("*") if path.is_file() and wanted(path)):
        name = source.relative_to(LESSONS).as_posix()
        target, ours = Path(folder, name), source.read_bytes()
        if target.is_dir() or any(part.is_file() for part in target.parents):
            raise ValueError(f"{target} cannot be written (something is in the way): choose another --folder.")
        theirs = target.read_bytes() if target.exists() else ours
        if theirs != ours and fingerprint(theirs) != copied.get(name):
            kept.append(target)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")  # a copy that is broken off must not look changed by a person
        part.write_bytes(ours)
        part.replace(target)
        copied[name] = fingerprint(ours)
    record.write_text(json.dumps(copied, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return kept


def read_record(path):
    """Read what was copied earlier, {path: sha-256}; nothing is known if the file is missing or broken."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def wanted(path):
    """Say whether a file is part of the lessons, and not what Python, Jupyter or ruff keep beside them."""
    parts = path.relative_to(LESSONS).parts
    return path.name != "ruff.toml" and not any(part in UNWANTED or part.startswith(".") for part in parts)


def fingerprint(content):
    """Compute the sha-256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
