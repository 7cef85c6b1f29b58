"""A copy of the lessons to work in: what a person changed there is never written over."""

import hashlib
import json
from pathlib import Path

from diffusion_edu.paths import LESSONS

COPIED = ".copied.json"  # in the folder: what was copied there, as {path: sha-256}


def copy_lessons(folder):
    """Copy the lessons into a folder, new or not; files that a person changed there are kept, and returned as paths."""
    record, kept = Path(folder, COPIED), []
    copied = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    for source in sorted(path for path in LESSONS.rglob("*") if path.is_file() and wanted(path)):
        name = source.relative_to(LESSONS).as_posix()
        target, ours = Path(folder, name), source.read_bytes()
        theirs = target.read_bytes() if target.exists() else ours
        if theirs != ours and fingerprint(theirs) != copied.get(name):
            kept.append(target)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(ours)
        copied[name] = fingerprint(ours)
    record.write_text(json.dumps(copied, indent=2) + "\n", encoding="utf-8")
    return kept


def wanted(path):
    """Say whether a file is part of the lessons, and not what Python, Jupyter or ruff keep beside them."""
    parts = path.relative_to(LESSONS).parts
    return path.name != "ruff.toml" and not any(part == "__pycache__" or part.startswith(".") for part in parts)


def fingerprint(content):
    """Compute the sha-256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
