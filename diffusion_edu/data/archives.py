"""Archives of images (.zip, .tar, .tar.gz): unpacked once for as long as the program runs, and read as folders."""

import atexit
import os
import shutil
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

ARCHIVES = (".zip", ".tar", ".tgz", ".txz", ".tbz2", ".gz", ".bz2", ".xz", ".7z", ".rar")


def is_archive(path):
    """Whether a file is an archive by its name, also of a kind that cannot be unpacked here."""
    return path.suffix.lower() in ARCHIVES


def unpacked(*paths):
    """Unpack archives into folders side by side, called like them, and list these; they are temporary.

    Raises ValueError, in one sentence, if that fails.
    """
    paths = [Path(path).absolute() for path in paths]
    return _unpacked(tuple((path, path.stat().st_mtime_ns, path.stat().st_size) for path in paths))


@cache
def _unpacked(states):
    folder = Path(mkdtemp(prefix="diffusion_edu_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = os.path.commonpath([path.parent for path, *_ in states])
    return [_into(folder, path, path.parent.relative_to(root) / path.name.split(".")[0]) for path, *_ in states]


def _into(folder, path, name):
    """Unpack an archive into a folder of this name inside of a folder."""
    target = folder / name
    try:
        _extract(path, target, shutil.disk_usage(folder).free)
    except (OSError, EOFError, RuntimeError, NotImplementedError, tarfile.TarError, zipfile.BadZipFile) as problem:
        shutil.rmtree(folder, ignore_errors=True)
        why = "it is damaged or of another kind" if isinstance(problem, tarfile.ReadError) else problem
        raise ValueError(
            f"The archive {path.name!r} cannot be unpacked ({why}): unpack it yourself and name the folder."
        ) from None
    return target


def _extract(path, target, room):
    """Extract what lies inside of the target only: neither links nor paths lead out of it."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(each.file_size for each in archive.infolist()) > room:
                raise OSError("there is not enough room on the disk")
            archive.extractall(target)
        return
    with tarfile.open(path) as archive:
        if sum(each.size for each in archive) > room:
            raise OSError("there is not enough room on the disk")
        archive.extractall(target, filter="data")
