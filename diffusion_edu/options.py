"""What a command needs before it begins: packages, numbers within their bounds, and places that can be written to."""

import argparse
import errno
import os
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

NEEDED = {  # what an extra of pyproject.toml brings that its command cannot do without
    "app": ("streamlit", "matplotlib", "plotly", "imageio", "torchmetrics", "psutil"),
    "lessons": ("jupyterlab", "matplotlib", "plotly"),
    "train": ("torchvision", "tqdm", "matplotlib", "filelock", "psutil"),
    "evaluate": ("torchvision", "tqdm", "torchmetrics"),
}


def require(extra: str) -> None:
    """Raise ValueError, in one sentence, if a package is missing that an extra brings."""
    if missing := [name for name in NEEDED[extra] if not find_spec(name)]:
        raise ValueError(
            f"{missing[0]} is not installed: install diffusion_edu with its extra {extra!r}, "
            f"for example with pip install '.[{extra}]' in the project's folder."
        )


def number(read: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """Make the `type` of an option of argparse: a number from least to most; NaN and infinity are outside."""
    kind = "whole number" if read is int else "number"

    def typed(text: str) -> float:
        try:
            if least <= (value := read(text)) <= most:
                return value
        except (ValueError, OverflowError):
            pass
        low, high = (f"{bound:,}".removesuffix(".0") for bound in (least, most))
        raise argparse.ArgumentTypeError(f"must be a {kind} from {low} to {high}, not {text[:40]!r}")

    return typed


def require_file(path: str | Path) -> None:
    """Raise ValueError, in one sentence, if this file cannot be written; a file that is there stays as it is."""
    path = Path(path)
    try:
        new = not path.exists()
        with path.open("ab"):
            pass
        if new:
            path.unlink()
    except OSError as problem:
        raise ValueError(f"{path} cannot be written ({reason(problem)}): choose another file.") from None


def require_folder(path: str | Path) -> None:
    """Make a folder if it is not there; raise ValueError, in one sentence, if nothing can be written into it."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as problem:
        raise ValueError(f"{path} is no folder to write into ({reason(problem)}): choose another folder.") from None


def reason(problem: OSError) -> str:
    """Say in a few words why a file or a folder cannot be written."""
    words = {
        errno.ENOTDIR: "a file is in the way",
        errno.EEXIST: "a file is in the way",
        errno.ENOENT: "no such folder",
    }
    return words.get(problem.errno or 0) or os.strerror(problem.errno or errno.EIO).lower()
