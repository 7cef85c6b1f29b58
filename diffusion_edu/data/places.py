"""Where data lies: what a person types or pastes as a path, understood or refused in one sentence."""

import glob
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

HUB = "hf:"  # a source like hf:OWNER/NAME or hf:OWNER/NAME:SPLIT is a data set of the hub
HUB_PAGE = re.compile(
    r"(?:(?:https?://)?(?:www\.)?(?:huggingface|hf)\.co/datasets/|hf://(?:datasets/)?)([^/?#]+/[^/?#]+)"
)
QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"
AROUND = rf"[\s{QUOTES}\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+"  # comes along unseen when a path is copied
HIDDEN = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "__pycache__"}
HIDDEN |= {"thumbs.db", "desktop.ini"}  # what systems and tools leave among the files of a person
MOST_FILES, MOST_STATES = 500_000, 20_000  # below one folder; that are looked at for changes


def located(source):
    """List the paths that a source names, a name of the hub as text: one, or those that fit a pattern such as *.jpg.

    Quotes, blanks around, ~, file:// and the backslashes of a terminal are understood. Raises ValueError, in one
    sentence, if nothing is there.
    """
    text = re.sub(rf"^{AROUND}|{AROUND}$", "", str(source))
    if page := HUB_PAGE.match(text):
        text = HUB + page[1]
    if text.startswith(HUB):
        return [text]
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    if "://" in text:
        raise ValueError(f"{text!r} is an address: download it first, then name the file or folder on this computer.")
    if not text:
        raise ValueError("The path is empty: name a folder of images, a parquet file or an archive.")
    for each in (str(source), text, text.replace("\\ ", " "), text.replace("\\", "/")):
        if there(path := _at_home(each)):
            return [path]
    if found := _fitting(_at_home(text)):
        return found
    nothing = "Nothing fits" if glob.has_magic(text) else "There is no file or folder"
    hub = f" A data set of the hub is written {HUB}OWNER/NAME." if text.count("/") == 1 and text[0].isalnum() else ""
    raise ValueError(f"{nothing} {_short(text)!r}: give a folder of images or a parquet file.{hub}")


def _fitting(pattern):
    """List what fits a pattern; brackets in the name of a folder that is there are part of its name."""
    if not glob.has_magic(str(pattern)) or "\0" in str(pattern):
        return []
    root = next(folder for folder in pattern.parents if there(folder))
    fits = sorted(glob.iglob(str(pattern.relative_to(root)), root_dir=root, recursive=True))
    return [root / each for each in fits if not hidden(Path(each).name)]


def there(path):
    """Whether a file or folder is there; no name is too odd to ask for."""
    try:
        return bool(str(path).strip()) and Path(path).exists()
    except (OSError, ValueError):  # too long, or with a character that no name can have
        return False


def hidden(name):
    """Whether a file or folder belongs to the system or to a tool, and not to the person."""
    return name.startswith((".", "~$")) or name.lower() in HIDDEN


def files_below(folder, unreadable=None) -> Iterator[Path]:
    """Yield the files below a folder in the order of their paths, links followed, hidden ones passed over.

    unreadable is called with the OSError of each folder that cannot be opened. Raises ValueError beyond MOST_FILES.
    """
    for at, names in _visible(folder, unreadable):
        found = (Path(at, name) for name in names)
        yield from (file for file in found if file.is_file() or file.is_symlink())  # neither pipes nor devices


def _visible(folder, unreadable=None):
    """Yield every folder below one, itself included, with the sorted names of its files."""
    count = 0
    for at, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        above = {os.path.realpath(parent) for parent in [at, *Path(at).parents][: at.count(os.sep) + 1]}
        inside = {name: os.path.realpath(os.path.join(at, name)) for name in folders}
        folders[:] = sorted(name for name in folders if not hidden(name) and inside[name] not in above)  # no circles
        count += len(files)
        if count > MOST_FILES:
            raise ValueError(
                f"The folder {str(folder)!r} holds more than {MOST_FILES:,} files: name the folder of the images "
                "themselves."
            )
        yield at, sorted(name for name in files if not hidden(name))


def state_of(path):
    """Say how a file, or what lies below a folder, looks now, as a short text: another one after any change.

    Names, sizes and times of files count; beyond the first MOST_STATES files the names alone.
    """
    digest, left = hashlib.sha256(), MOST_STATES
    for at, names in _visible(path) if os.path.isdir(path) else [(os.path.dirname(path), [os.path.basename(path)])]:
        for name in names:
            file, left = os.path.join(at, name), left - 1
            try:
                seen = os.stat(file) if left >= 0 else None
            except OSError:  # gone, or a link to nothing
                seen = None
            state = f"{file}\0{seen and (seen.st_size, seen.st_mtime_ns)}\0"
            digest.update(state.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _at_home(text):
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~nobody
        return Path(text)


def _short(text):
    return text if len(text) <= 100 else f"{text[:97]}..."
